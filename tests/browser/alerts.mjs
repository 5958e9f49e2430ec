// Alert rules in a real browser: the list, one with its past, and the editor, by keyboard and without JavaScript.
// Usage: node alerts.mjs URL [SCREENSHOTS]
import { browser, check, open, violations } from "./browser.mjs";

const [url, folder] = process.argv.slice(2);
const origin = new URL(url).origin;
const { page, wrong } = await open(origin);
await page.emulateMedia({ reducedMotion: "reduce" });

const look = async (what) => {
  const found = await violations(page);
  check(`${what}: no accessibility violation that axe knows`, found.length === 0, found.join("\n"));
  await page.setViewportSize({ width: 320, height: 700 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  check(`${what}: no sideways scrolling at 320 px`, wide <= 320, `${wide} px`);
  await page.setViewportSize({ width: 1400, height: 1200 });
  if (folder) await page.screenshot({ path: `${folder}/${what.replaceAll(" ", "-")}.png`, fullPage: true });
};

await page.goto(`${origin}/alerts`, { waitUntil: "load" });
await look("alerts");
await Promise.all([page.waitForEvent("load"), page.getByRole("link", { name: "Alert rules" }).click()]);
check("rules stand with their files", (await page.textContent("#rules")).includes("fleet.yaml"));
await look("alert rules");

await page.goto(`${origin}/alerts/rules/error-budget-slow`, { waitUntil: "load" });
check("a rule's past stands beside it", /It would (not )?have fired/.test(await page.textContent("#past")));
check("with a chart", (await page.locator("#past svg").count()) > 0);
check("and the incident is in it", (await page.locator("#past table").count()) > 0 && /once|times/.test(await page.textContent("#past")), await page.textContent("#past p"));
await look("an alert rule");

// The editor, by keyboard.
await page.goto(`${origin}/alerts/edit`, { waitUntil: "load" });
await look("a new alert rule");
const text = page.locator('textarea[name="text"]');
const press = async (name) => {
  await page.getByRole("button", { name, exact: true }).focus();
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("Enter")]);
};
const rule = (above) => `rules:\n  - id: from-the-browser\n    title: Errors of services\n    metric: count\n    filter: level:error\n    by: [host, service]\n    windows: [10m]\n    above: ${above}\n`;
await text.fill(rule("much"));
await press("Try");
check("an error has its line", /line 8, column \d+/.test(await page.locator('[role="alert"]').textContent()));
check("and the draft is still there", (await text.inputValue()).includes("above: much"));
await look("a wrong alert rule");
wrong.length = 0; // Chromium notes the answer 422.
await text.fill(rule(3));
await press("Try");
check("a draft is tried", (await page.textContent("#past")).includes("Asked every"));
await press("Save");
check("and saved", new URL(page.url()).pathname === "/alerts/rules/from-the-browser", page.url());
await look("a saved alert rule");

// Without JavaScript.
const plain = await browser.newContext({ javaScriptEnabled: false });
const quiet = await plain.newPage();
await quiet.goto(`${origin}/alerts/edit?rule=from-the-browser`, { waitUntil: "load" });
await Promise.all([quiet.waitForEvent("load"), quiet.getByRole("button", { name: "Delete", exact: true }).click()]);
check("it is deleted without JavaScript too", new URL(quiet.url()).pathname === "/alerts/rules" && !(await quiet.textContent("body")).includes("Errors of services"));
check("no error, no request elsewhere", wrong.length === 0, wrong.join("\n"));
await browser.close();
