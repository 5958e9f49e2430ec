// First contentful paint and bytes of pages, in Chromium over loopback. Usage: node paint.mjs ORIGIN PATH...; prints JSON.
import { browser, open } from "../browser/browser.mjs";

const [origin, ...paths] = process.argv.slice(2);
const rows = [];
for (const path of paths) {
  const seen = [];
  // The first visit brings style sheet and scripts into the browser's cache, as a person's first visit does; each page is another one for the dashboard.
  for (let i = 0; i < 16; i++) {
    const { page, context } = await open(origin);
    if (i > 0) await page.goto(`${origin}/grok`, { waitUntil: "load" });
    await page.goto(origin + path.replace(/to=(\d+)/, (_, to) => `to=${Number(to) - 1000 * i}`), { waitUntil: "load" });
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    seen.push(await page.evaluate(() => {
      const [way] = performance.getEntriesByType("navigation");
      return { paint_ms: performance.getEntriesByName("first-contentful-paint")[0].startTime, answer_ms: way.responseEnd, sent: way.transferSize, html: way.decodedBodySize };
    }));
    await context.close();
  }
  const median = (name) => seen.map((s) => s[name]).sort((a, b) => a - b)[seen.length >> 1];
  rows.push({ path, paint_ms: median("paint_ms"), answer_ms: median("answer_ms"), sent: median("sent"), html: median("html"), all: seen });
}
console.log(JSON.stringify(rows));
await browser.close();
