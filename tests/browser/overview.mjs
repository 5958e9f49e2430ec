// The dashboard's first page in a real browser. Usage: node overview.mjs URL [--screenshots DIR]
// Prints a line a check; the first that fails ends it with exit code 1.
import { browser, check, open, violations } from "./browser.mjs";

const [url, , folder] = process.argv.slice(2);
const origin = new URL(url).origin;

/** The first page, loaded. */
async function first(options = {}) {
  const { page, wrong, context } = await open(origin, options);
  const answer = await page.goto(url, { waitUntil: "load" });
  check("the page answers 200", answer.status() === 200, String(answer.status()));
  return { page, wrong, context, policy: answer.headers()["content-security-policy"] };
}

const charts = ["requests", "errors", "latency", "cpu", "memory", "disk", "network"];
const { page, wrong, policy } = await first();
check("the title", (await page.title()).includes("Alces"), await page.title());
check("a strict content security policy", policy?.includes("default-src 'none'") && !policy.includes("unsafe"), policy);

// The host's metrics come a moment after the first lines; the page fetches them by itself.
await page.waitForFunction((ids) => ids.every((id) => document.querySelector(`#${id} svg.chart`)), charts, { timeout: 60000 });
for (const id of charts) {
  const found = await page.evaluate((id) => {
    // Each chart is drawn for wide and for narrow places; one of them is shown.
    const svg = [...document.querySelectorAll(`#${id} svg.chart`)].find((s) => s.getBoundingClientRect().width > 0);
    if (!svg) return {};
    const box = svg.getBoundingClientRect();
    return {
      marks: svg.querySelectorAll("path, polyline, polygon, rect, line, circle").length,
      texts: svg.querySelectorAll("text").length,
      size: box.width * box.height,
      role: svg.getAttribute("role"),
      title: svg.querySelector("title")?.textContent,
      rows: document.querySelectorAll(`#${id} details.data tbody tr`).length,
    };
  }, id);
  const good = found.marks > 3 && found.texts > 3 && found.size > 10000 && found.role === "img" && found.title && found.rows > 5;
  check(`chart ${id}: marks, axes, a title and a table`, good, JSON.stringify(found));
}
const facts = await page.evaluate(() => ({
  urls: document.querySelectorAll("#urls tbody tr").length,
  errors: document.querySelectorAll("#newest ol.errors li").length,
  verdict: document.getElementById("verdict").textContent,
}));
check("top URLs and newest errors", facts.urls >= 5 && facts.errors >= 1, JSON.stringify(facts));
check("a verdict in words", /OK|degraded|Degraded/.test(facts.verdict), facts.verdict);

// Refresh in place: the same page, its parts swapped, an open table stays open.
await page.evaluate(() => {
  window.samePage = true;
  document.querySelector("#requests details.data").open = true;
});
const before = await page.textContent("#updated");
await page.waitForFunction((before) => document.getElementById("updated").textContent !== before, before, { timeout: 60000 });
check("it refreshes without a reload", await page.evaluate(() => window.samePage === true));
check("an open table stays open", await page.evaluate(() => document.querySelector("#requests details.data").open));

const found = await violations(page);
check("no accessibility violation that axe knows", found.length === 0, found.join("\n"));

const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
if (folder) await page.screenshot({ path: `${folder}/light.png`, fullPage: true });
const light = await colour();
await page.getByText("Dark", { exact: true }).click();
await page.waitForFunction((light) => getComputedStyle(document.body).backgroundColor !== light, light);
check("the dark theme", (await colour()) !== light);
if (folder) await page.screenshot({ path: `${folder}/dark.png`, fullPage: true });

await page.goto(`${url}?from=nonsense`);
check("a time that cannot be read is explained", /nonsense/.test(await page.textContent("body")));
check("nothing wrong in the console but the refused range",
  wrong.every((text) => text.includes("status of 400")), wrong.join("\n"));

const plain = await first({ javaScriptEnabled: false });
check("without JavaScript", (await plain.page.locator("svg.chart").count()) >= charts.length && plain.wrong.length === 0,
  plain.wrong.join("\n"));

const phone = await first({ viewport: { width: 320, height: 640 }, deviceScaleFactor: 2 });
const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth);
check("no sideways scrolling on a phone", wide <= 320, `${wide} px`);
if (folder) await phone.page.screenshot({ path: `${folder}/phone.png`, fullPage: true });
await browser.close();
