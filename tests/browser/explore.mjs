// The explorer in a real browser, over the fleet that tests/browser/fleet writes.
// Usage: node explore.mjs URL [--screenshots DIR]
import { browser, check, open, violations } from "./browser.mjs";

const [url, , folder] = process.argv.slice(2);
const origin = new URL(url).origin;
const HOUR = "from=now-1h&to=now";

const { page, wrong } = await open(origin);
await page.emulateMedia({ reducedMotion: "reduce" });
const went = async (path) => {
  const answer = await page.goto(origin + path, { waitUntil: "load" });
  check(`${path} answers 200`, answer.status() === 200, `${answer.status()} ${await page.textContent("body")}`);
  return answer;
};
const shot = async (name) => folder && page.screenshot({ path: `${folder}/${name}.png` });
const sane = async (what) => {
  const found = await violations(page);
  check(`${what}: no accessibility violation that axe knows`, found.length === 0, found.join("\n"));
};
const narrow = async (what) => {
  await page.setViewportSize({ width: 320, height: 700 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  check(`${what}: no sideways scrolling at 320 px`, wide <= 320, `${wide} px`);
  await page.setViewportSize({ width: 1400, height: 1200 });
};
const total = async () => Number((await page.textContent("#lines .head h2")).match(/([\d\u00a0]+) lines?$/)[1].replace(/\u00a0/g, ""));

// From a red panel to the guilty line: a click into the chart, a click on what it offers.
await went(`/b/overview?${HOUR}`);
const svg = page.locator("#errors svg.chart.wide");
const box = await svg.boundingBox();
const plot = (await svg.getAttribute("data-plot")).split(" ").map(Number);
const units = await svg.evaluate((e) => e.viewBox.baseVal.width);
await page.mouse.click(box.x + (plot[0] + (plot[1] - plot[0]) * 0.85) * box.width / units, box.y + box.height / 2);
await Promise.all([page.waitForURL(/\/explore\?/), page.locator(".choice a", { hasText: "The lines" }).click()]);
check("two clicks from a chart to its lines", (await page.locator("#lines ol.errors li").count()) > 0);

// The page itself.
const answer = await went(`/explore?${HOUR}&q=status:5xx`);
check("at most 150 kB", (await answer.body()).length <= 150_000, String((await answer.body()).length));
check("a histogram", (await page.locator("#hits svg.chart.wide").count()) === 1);
const shift = await page.evaluate(() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((l) => l.getEntries().forEach((e) => { sum += e.value; })).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
}));
check("nothing moves while it loads", shift < 0.01, String(shift));
await sane("lines");
await narrow("lines");
await shot("lines-light");

// A line opens in place, with all its fields; its host's value narrows the search.
await page.locator("#lines a.open").first().click();
await page.waitForSelector("#lines .inside table.line");
check("a line opens beneath itself", (await page.locator("#lines a.open").first().getAttribute("aria-expanded")) === "true");
await sane("an open line");
await narrow("an open line");
const before = await total();
await Promise.all([page.waitForURL(/host\.name/), page.locator(".inside tr", { hasText: "host.name" }).getByText("only", { exact: true }).click()]);
const within = await total();
check("only lines of that host", within > 0 && within <= before, `${within} of ${before}`);

// By keyboard: a field's values, one of them left out.
await went(`/explore?${HOUR}`);
await page.locator(".fields details", { hasText: "http.request.method" }).locator("summary").focus();
await page.keyboard.press("Enter");
await page.waitForSelector(".fields details[open] .acts a");
check("values with their share", /%/.test(await page.locator(".fields details[open]").first().textContent()));
await sane("the values of a field");
await Promise.all([page.waitForURL(/-http\.request\.method/), page.locator(".fields details[open]").getByText("without", { exact: true }).first().click()]);
check("a value is left out", new URL(page.url()).searchParams.get("q").startsWith("-http.request.method:"), page.url());

// Columns, order, older lines.
await went(`/explore?${HOUR}&columns=host.name,url.original,nginx.request_time`);
await Promise.all([page.waitForURL(/sort=/), page.locator("th a", { hasText: "nginx.request_time" }).click()]);
const times = await page.locator("table.lines tbody tr td:nth-child(4)").allTextContents();
check("sorted by a column, the highest first", times.length > 50 && times.every((t, i) => i === 0 || Number(t) <= Number(times[i - 1])), times.slice(0, 5).join());
await sane("columns");
await narrow("columns");
await went(`/explore?${HOUR}`);
const first = await page.locator("#lines a.open").first().getAttribute("href");
await Promise.all([page.waitForURL(/after=/), page.getByRole("link", { name: "Older", exact: true }).click()]);
check("older lines are others", (await page.locator(`a.open[href="${first}"]`).count()) === 0 && (await page.locator("#lines a.open").count()) === 100);

// The search box completes, by keyboard alone.
await went(`/explore?${HOUR}`);
await page.keyboard.press("/");
await page.keyboard.type("hos");
await page.waitForSelector("#choices li");
await sane("the choices");
await page.keyboard.press("ArrowDown");
check("one choice is active", (await page.locator("#q").getAttribute("aria-activedescendant")) === "choice-0");
await page.keyboard.press("Enter");
check("a field is written", (await page.inputValue("#q")) === "host:", await page.inputValue("#q"));
await page.waitForSelector("#choices li");
await page.keyboard.type("WEB-2");
await page.waitForFunction(() => [...document.querySelectorAll("#choices .label")].map((e) => e.textContent).join() === "web-2");
await shot("completion");
await page.keyboard.press("ArrowDown");
await Promise.all([page.keyboard.press("Tab"), page.waitForFunction(() => document.getElementById("q").value === "host:web-2 ")]);
await Promise.all([page.waitForURL(/q=host/), page.keyboard.press("Enter")]);
check("the search is asked", (await total()) > 0);
const asked = await Promise.all(["q=host:we&at=7", "q=sta&at=3"].map(async (q) => {
  const begun = performance.now();
  const answer = await page.request.get(`${origin}/api/v1/complete?${q}`);
  return { status: answer.status(), ms: performance.now() - begun };
}));
check("completion answers", asked.every((a) => a.status === 200), JSON.stringify(asked));

// What stood around a line, of the same file. Behind the thirteenth newest of a host are twelve more.
await went(`/explore?${HOUR}&q=level:error+host:web-2`);
await page.locator("#lines a.open").nth(12).click();
await Promise.all([page.waitForURL(/around/), page.getByRole("link", { name: "Surrounding lines" }).click()]);
check("the same file", (await page.textContent("#lines .hint")).includes("app.log"));
check("lines before and behind", (await page.locator("ol.around li").count()) === 21 && (await page.locator("ol.around li[aria-current]").count()) === 1, String(await page.locator("ol.around li").count()));
await sane("surrounding lines");
await narrow("surrounding lines");

// What a line holds is text.
await went(`/explore?${HOUR}&q=hostile`);
const text = await page.textContent("#lines ol");
check("markup, colours and directions are shown", ["<script>", "ESC", "U+202E"].every((t) => text.includes(t)) && (await page.title()).startsWith("Explore"), text);
await page.locator("#lines a.open").first().click();
await page.waitForSelector("#lines .inside table.line");
check("long values can be shown whole", (await page.textContent("#lines .inside")).includes("Show all 5000 characters"));

// Everything as a file.
const csv = await (await page.request.get(`${origin}/explore/export.csv?${HOUR}&q=hostile&columns=message`)).text();
check("CSV", csv.includes("hostile <script>"), csv);
const ndjson = (await (await page.request.get(`${origin}/explore/export.ndjson?${HOUR}`, { timeout: 120_000 })).text()).trim().split("\n");
const ids = await (await page.request.get(`${origin}/api/v1/fields/host/values?${HOUR}`)).json();
check("NDJSON holds every line", Math.abs(ndjson.length - ids.lines) < 100 && JSON.parse(ndjson[0])["@timestamp"] > JSON.parse(ndjson.at(-1))["@timestamp"], `${ndjson.length} of ${ids.lines}`);

// The same lines as patterns.
await went(`/explore?${HOUR}&view=patterns&q=level:error`);
check("patterns", (await page.textContent("#patterns")).includes("has no field priority"), await page.textContent("#patterns"));
await sane("patterns");
await narrow("patterns");
await shot("patterns");
const row = page.locator("#patterns tbody tr", { hasText: "has no field priority" });
check("a pattern since the incident is new", (await row.locator(".badge").textContent()) === "new");
check("an old one is not", (await page.locator("#patterns tbody tr", { hasText: "Field subject is too long" }).locator(".badge").count()) === 0);
check("all lines are counted", !(await page.textContent("#patterns")).includes("Estimated"));
const counted = Number((await row.locator("td").first().textContent()).replace(/\D/g, ""));
const search = page.url();
await Promise.all([page.waitForURL(/q=level/), row.locator("a.path").click()]);
check("a pattern leads to its lines, all of them", Math.abs((await total()) - counted) <= 2, `${await total()} of ${counted}`);
await page.goto(search);
await Promise.all([page.waitForURL(/-pattern_id|NOT/), row.getByText("without", { exact: true }).click()]);
check("and away from them", !(await page.textContent("#patterns")).includes("has no field priority"), page.url());
await went(`/explore?${HOUR}&view=patterns&q=status:5xx`);
const looked = await page.textContent("#patterns");
check("lines without patterns are looked at", /\d patterns|one pattern/.test(looked) && !looked.includes("Last seen"), looked);

// Errors say where, and what was meant.
await went(`/explore?${HOUR}&q=staus:500`);
await Promise.all([page.waitForURL(/q=status%3A500/), page.getByRole("link", { name: "Search for that" }).click()]);
const bad = await page.request.get(`${origin}/explore?q=${encodeURIComponent("status:(500")}`);
check("a caret", bad.status() === 400 && (await bad.text()).includes("^"));

// Without a collector the live view says what to do; without scripts everything is a page.
await went("/explore?view=live");
check("how to see lines as they pass", (await page.textContent("#tail")).includes("--collector-data"));
const plain = await open(origin, { javaScriptEnabled: false });
await plain.page.goto(`${origin}/explore?${HOUR}&q=status:5xx`);
await plain.page.locator("#lines a.open").first().click();
check("a line without scripts", (await plain.page.locator("table.line").count()) === 1);

check("nothing wrong in the console", wrong.filter((w) => !/status of 400/.test(w)).length === 0, wrong.join("\n"));
await browser.close();
