// The boards in a real browser, over the fleet that tests/browser/fleet writes.
// Usage: node boards.mjs URL [--screenshots DIR]
import { browser, check, open, violations } from "./browser.mjs";

const [url, , folder] = process.argv.slice(2);
const origin = new URL(url).origin;
const boards = {
  overview: ["requests", "errors", "latency", "heat", "edge", "urls", "newest", "levels", "cpu", "memory", "disk", "network"],
  nginx: ["rate", "share", "p95", "bytes", "status", "times", "heat", "cache", "urls", "vhosts", "upstreams", "upstream_errors", "slow", "countries", "agents", "bots", "clients"],
  application: ["errors", "levels", "patterns", "classes", "versions", "newest"],
  database: ["slow", "time", "rows", "queries", "lag", "connections", "schemas"],
  queues: ["redis_memory", "redis_clients", "errors"],
  hosts: ["silent", "usage", "cpu", "load", "memory", "disks", "in", "out"],
  pipeline: ["lines", "failures", "hosts", "unread"],
};
const HOUR = "from=now-1h&to=now";

const { page, wrong } = await open(origin);
await page.emulateMedia({ reducedMotion: "reduce" });
const went = async (path) => {
  const answer = await page.goto(origin + path, { waitUntil: "load" });
  check(`${path} answers 200`, answer.status() === 200, `${answer.status()} ${await page.textContent("body")}`);
};
const shot = async (name) => folder && page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
const filled = (id) => page.evaluate((id) => {
  const panel = document.getElementById(id);
  if (!panel) return "is not there";
  const empty = panel.querySelector(".empty");
  if (empty) return "is empty: " + empty.textContent;
  if (!panel.querySelector("svg.chart, tbody tr, ol.errors li, .stat .value, .markdown")) return "shows nothing";
  return "";
}, id);

for (const [board, panels] of Object.entries(boards)) {
  await page.setViewportSize({ width: 1400, height: 1200 });
  await went(`/b/${board}?${HOUR}`);
  for (const id of panels) {
    const why = await filled(id);
    check(`${board}: panel ${id} is filled`, why === "", why);
  }
  const found = await violations(page);
  check(`${board}: no accessibility violation that axe knows`, found.length === 0, found.join("\n"));
  await shot(`${board}-light`);
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  check(`${board}: dark where the system is`, dark === "rgb(14, 17, 22)", dark);
  await shot(`${board}-dark`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 360, height: 740 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  check(`${board}: no sideways scrolling on a phone`, wide <= 360, `${wide} px`);
  await shot(`${board}-phone`);
}
await page.setViewportSize({ width: 1400, height: 1200 });

// Deploys: one was seen by its version, one is told of.
const event = await page.request.post(`${origin}/api/v1/events`, { data: { title: "feature flag search-v2 on", tags: ["flag"] } });
check("an event is stored", event.status() === 201, await event.text());
const form = await page.request.post(`${origin}/api/v1/events`, { form: { title: "x" } });
check("a form of another site cannot store one", form.status() === 415, String(form.status()));
const marks = async () => (await (await page.request.get(`${origin}/api/v1/boards/overview?${HOUR}`)).json()).marks.map((m) => m.label);
// The next moment that is asked for holds it: a page's range is rounded to a second at least.
let seen = await marks();
for (let i = 0; i < 100 && !seen.some((m) => m.includes("search-v2")); i++) {
  await page.waitForResponse(() => true, { timeout: 300 }).catch(() => {});
  seen = await marks();
}
check("both kinds of marks", seen.includes("2.4.0") && seen.some((m) => m.includes("search-v2")), JSON.stringify(seen));

// The day before, dashed.
await went(`/b/overview?${HOUR}&compare=1d`);
const ghosts = await page.evaluate(() => document.querySelector("#requests details.data thead").textContent);
check("compared with the day before", ghosts.includes("1 day before"), ghosts);
await shot("overview-compared");

// The cross-hair stands on every chart; a click leads to the lines.
await went(`/b/overview?${HOUR}`);
const svg = page.locator("#errors svg.chart.wide");
const box = await svg.boundingBox();
const plot = (await svg.getAttribute("data-plot")).split(" ").map(Number);
const units = await svg.evaluate((e) => e.viewBox.baseVal.width);
const across = (share) => box.x + (plot[0] + (plot[1] - plot[0]) * share) * box.width / units;
await page.mouse.move(across(0.85), box.y + box.height / 2);
const crosses = await page.locator(".cross").count();
check("one cross-hair a chart", crosses >= 8, String(crosses));
check("one tooltip", (await page.locator(".tip").count()) === 1);
await shot("overview-crosshair");
await page.mouse.down();
await page.mouse.up();
const lines = page.locator(".choice a", { hasText: "The lines" });
check("a click offers the lines behind the bucket", (await lines.count()) === 1);
await Promise.all([page.waitForURL(/\/explore\?/), lines.click()]);
const asked = new URL(page.url()).searchParams;
check("the bucket's time and the panel's search", Number(asked.get("to")) - Number(asked.get("from")) === 30000 && asked.get("q") === "status:*", page.url());
check("lines are shown", (await page.locator("#lines ol.errors li").count()) > 0);
await shot("lines");

// A stretch is drawn with the mouse: zoom, or why.
await went(`/b/overview?${HOUR}&q=status:5xx`);
await page.mouse.move(across(0.7), box.y + box.height / 2);
await page.mouse.down();
await page.mouse.move(across(0.97), box.y + box.height / 2, { steps: 5 });
check("the stretch is shown", (await page.locator(".brush").count()) === 1);
await page.mouse.up();
const zoom = await page.locator(".choice a", { hasText: "Zoom in" }).getAttribute("href");
const to = new URL(zoom, origin).searchParams;
const width = (Number(to.get("to")) - Number(to.get("from"))) / 60000;
check("zoom into what was drawn", width > 14 && width < 18 && to.get("q") === "status:5xx", zoom);
await Promise.all([page.waitForURL(/\/why\?/), page.locator(".choice a", { hasText: "Why?" }).click()]);
const why = await page.locator("#why tbody tr").evaluateAll((rows) => rows.map((r) => r.cells[0].textContent.trim()));
check("why: the slow URL, the host and its new version come first",
  ["url/api/tickets/search", "hostweb-2", "version2.4.0"].every((w) => why.slice(0, 6).some((row) => row.replace(/\s/g, "").includes(w))), JSON.stringify(why));
await shot("why");
await went(`/why?from=now-15m&to=now&q=level:error`);
check("why: a new pattern of errors", (await page.textContent("#why")).includes("has no field priority"), await page.textContent("#why"));

// By keyboard alone.
await went(`/b/overview?${HOUR}`);
await page.keyboard.press("/");
check("/ leads to the search", await page.evaluate(() => document.activeElement.id === "q"));
await page.locator("#errors svg.chart.wide").focus();
await page.keyboard.press("ArrowLeft");
check("arrows move the cross-hair", (await page.locator("#errors .tip").count()) === 1);
await page.keyboard.press("Enter");
check("enter offers what a click does", (await page.locator(".choice").count()) === 1);
await page.keyboard.press("Escape");
check("escape closes it", (await page.locator(".choice").count()) === 0);

// A search narrows every panel; one that cannot be read says where.
await went(`/b/overview?${HOUR}&q=${encodeURIComponent("host:web-2 status:5xx")}`);
const narrowed = await (await page.request.get(`${origin}/api/v1/boards/overview?${HOUR}&q=host:web-2`)).json();
const all = await (await page.request.get(`${origin}/api/v1/boards/overview?${HOUR}`)).json();
check("a search narrows the figures", narrowed.totals.requests > 0 && narrowed.totals.requests < all.totals.requests, `${narrowed.totals.requests} of ${all.totals.requests}`);
const bad = await page.request.get(`${origin}/b/overview?q=${encodeURIComponent("status:(500")}`);
check("a search that cannot be read is a 400 with a caret", bad.status() === 400 && (await bad.text()).includes("^"));

// What can be taken along.
for (const [kind, begins] of [["svg", "<svg"], ["png", "\x89PNG"], ["csv", "Time"], ["json", "{"]]) {
  const file = await page.request.get(`${origin}/b/overview/latency.${kind}?${HOUR}`);
  const text = (await file.body()).toString("latin1");
  check(`latency.${kind}`, file.status() === 200 && text.startsWith(begins), `${file.status()} ${text.slice(0, 60)}`);
}
const table = await (await page.request.get(`${origin}/b/overview/urls.csv?${HOUR}`)).text();
check("a table as CSV", table.startsWith("url,requests (count)") && table.includes("/api/tickets/search"), table.slice(0, 200));
await went(`/b/overview?${HOUR}`);
const image = await page.locator("#latency .menu a", { hasText: "Image" }).getAttribute("href");
const picture = await browser.newContext();
const signed = await picture.request.get(origin + image);
check("a signed picture needs no login", signed.status() === 200 && signed.headers()["content-type"] === "image/png", String(signed.status()));
const forged = await picture.request.get(origin + image.replace("panel=latency", "panel=errors"));
check("a changed link is refused", forged.status() === 403, String(forged.status()));
const moment = await page.locator("#latency .menu a", { hasText: "this moment" }).getAttribute("href");
check("a link to this moment has fixed times", /from=\d{13}&to=\d{13}/.test(moment), moment);

// The report stands alone.
const report = await page.request.get(`${origin}/report?board=overview&from=now-1d`);
const html = await report.text();
check("the report needs nothing else", report.status() === 200 && !/(?:src|href)="(?!\/explore)/.test(html.replace(/<a [^>]*>/g, "")) && html.includes("<style>"), "");
await went("/report?board=overview&from=now-1d");
await shot("report");
const sheet = await page.request.get(`${origin}/report?board=overview&from=now-1d&format=png`);
check("the report as a picture", (await sheet.body()).toString("latin1").startsWith("\x89PNG"));

// The editor: a slip is named, a change is shown and can be copied.
await went(`/b/queues/edit?${HOUR}`);
const text = await page.locator("#edit textarea[name=text]").inputValue();
await page.locator("#edit textarea[name=text]").fill(text.replace("kind: line", "kind: lime"));
await Promise.all([page.waitForResponse((r) => r.request().method() === "POST"), page.getByRole("button", { name: "Preview" }).click()]);
await page.waitForSelector(".banner.bad");
check("a slip is named with its line", /line \d+/.test(await page.textContent(".banner.bad")), await page.textContent(".banner.bad"));
await page.locator("#edit textarea[name=text]").fill(text.replace("title: Redis, memory", "title: Redis, resident"));
await page.getByRole("button", { name: "Preview" }).click();
await page.waitForSelector(".preview .panel");
check("the change is previewed", (await page.textContent(".preview")).includes("Redis, resident"));
check("the difference can be copied", (await page.inputValue("#diff")).includes("+    title: Redis, resident"));
await shot("edit");

const expected = (text) => /status of (400|422)/.test(text);
check("nothing wrong in the console", wrong.filter((w) => !expected(w)).length === 0, wrong.join("\n"));
await browser.close();
