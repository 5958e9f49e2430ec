// Pages in Chinese, in a real browser.
// Usage: node language.mjs URL [--screenshots DIR]
import { browser, check, open, violations } from "./browser.mjs";

const [url, , folder] = process.argv.slice(2);
const origin = new URL(url).origin;
const HOUR = "from=now-1h&to=now";

const { page, wrong } = await open(origin, { locale: "zh-CN" });
await page.emulateMedia({ reducedMotion: "reduce" });

for (const [path, name] of [[`/?${HOUR}`, "overview"], [`/explore?${HOUR}`, "explore"], [`/explore?${HOUR}&view=patterns`, "patterns"], ["/grok", "grok"], [`/why?${HOUR}&q=status:5xx`, "why"]]) {
  const answer = await page.goto(origin + path, { waitUntil: "load" });
  check(`${path} answers 200`, answer.status() === 200, String(answer.status()));
  check(`${name} is in Chinese`, (await page.getAttribute("html", "lang")) === "zh-CN" && /[\u4e00-\u9fff]/.test(await page.textContent("main")));
  const found = await violations(page);
  check(`${name}: no accessibility violation that axe knows`, found.length === 0, found.join("\n"));
  await page.setViewportSize({ width: 320, height: 700 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  check(`${name}: no sideways scrolling at 320 px`, wide <= 320, `${wide} px`);
  await page.setViewportSize({ width: 1400, height: 1200 });
  if (folder) await page.screenshot({ path: `${folder}/${name}-zh.png` });
}

// What the scripts say.
await page.goto(`${origin}/b/overview?${HOUR}`, { waitUntil: "load" });
const svg = page.locator("#errors svg.chart.wide");
const box = await svg.boundingBox();
await page.mouse.click(box.x + box.width * 0.8, box.y + box.height / 2);
await page.waitForSelector(".choice a");
check("a click into a chart offers its ways in Chinese", (await page.locator(".choice a").first().textContent()) === "放大");

// By the button, without a word of Chinese, and back where one was.
await page.goto(`${origin}/explore?${HOUR}&q=status:5xx`, { waitUntil: "load" });
await Promise.all([page.waitForURL(/q=status/), page.locator(".languages button", { hasText: "English" }).click()]);
await page.waitForFunction(() => document.documentElement.lang === "en");
check("the choice of a language leads back to the page", new URL(page.url()).searchParams.get("q") === "status:5xx", page.url());

check("no error, no request elsewhere", wrong.length === 0, wrong.join("\n"));
await browser.close();
