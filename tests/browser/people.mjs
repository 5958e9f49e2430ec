// Those who use the dashboard, in a real browser: the first link, a login on the way to a shared link, limits and masks.
// Usage: node people.mjs URL FIRST_LINK [SCREENSHOTS]
import { browser, check, open, violations } from "./browser.mjs";

const [url, first, folder] = process.argv.slice(2);
const origin = new URL(url).origin;
const HOUR = "from=now-1h&to=now";
const [AMYS, BENS] = ["four words of amy", "five long words of ben"];

const person = async (options) => {
  const one = await open(origin, options);
  await one.page.emulateMedia({ reducedMotion: "reduce" });
  const look = async (what) => {
    const found = await violations(one.page);
    check(`${what}: no accessibility violation that axe knows`, found.length === 0, found.join("\n"));
    await one.page.setViewportSize({ width: 320, height: 700 });
    const wide = await one.page.evaluate(() => document.documentElement.scrollWidth);
    check(`${what}: no sideways scrolling at 320 px`, wide <= 320, `${wide} px`);
    await one.page.setViewportSize({ width: 1400, height: 1200 });
    if (folder) await one.page.screenshot({ path: `${folder}/${what.replaceAll(" ", "-")}.png` });
  };
  const submit = async (form, button) => {
    await Promise.all([one.page.waitForEvent("load"), form.getByRole("button", { name: button, exact: true }).click()]);
  };
  return { ...one, look, submit };
};
const shared = `/explore?${HOUR}&q=status%3A5xx&columns=host.name`;

// Nobody sees anything before a login.
const amy = await person();
await amy.page.goto(origin + shared, { waitUntil: "load" });
check("a shared link asks for a login", new URL(amy.page.url()).pathname === "/login", amy.page.url());
check("nothing of the boards is told before", !/Nginx/.test(await amy.page.textContent("body")));
await amy.look("login");

// The first link makes the administrator.
await amy.page.goto(first, { waitUntil: "load" });
await amy.look("welcome");
await amy.page.fill('input[name="name"]', "amy");
await amy.page.fill('input[name="password"]', AMYS);
await amy.page.fill('input[name="again"]', AMYS);
await amy.submit(amy.page.locator("main form"), "Save");
check("the first link lets in", (await amy.page.textContent(".visitor")).includes("amy"));
const again = await amy.page.goto(first, { waitUntil: "load" });
check("and works once", again.status() === 404, String(again.status()));
await amy.look("no such link");
amy.wrong.length = 0; // Chromium notes the 404 that was asked for.

// Somebody is invited.
await amy.page.goto(`${origin}/people`, { waitUntil: "load" });
await amy.look("people");
await amy.submit(amy.page.locator('form[action="/people/invite"]'), "Make a link");
const invitation = await amy.page.locator("#notices code").textContent();
check("an invitation is a link", invitation.startsWith(`${origin}/invite/`), invitation);

const ben = await person();
await ben.page.goto(invitation, { waitUntil: "load" });
for (const [name, value] of [["name", "ben"], ["password", BENS], ["again", BENS]]) await ben.page.fill(`input[name="${name}"]`, value);
await ben.submit(ben.page.locator("main form"), "Save");
await ben.page.goto(origin + shared, { waitUntil: "load" });
const hosts = async () => [...new Set(await ben.page.locator("table.lines tbody td:nth-child(2)").allTextContents())];
check("a viewer sees hosts by name", (await hosts()).some((h) => /^web-\d$/.test(h.trim())), String(await hosts()));
check("a viewer is no administrator", (await ben.page.goto(`${origin}/people`)).status() === 403);
await ben.look("not for you");
ben.wrong.length = 0;

// The link survives the login.
await Promise.all([ben.page.waitForEvent("load"), ben.page.goto(`${origin}/account`, { waitUntil: "load" })]);
await ben.look("account");
await ben.submit(ben.page.locator('form[action="/logout"]'), "Log out");
await ben.page.goto(origin + shared, { waitUntil: "load" });
await ben.page.fill('input[name="name"]', "ben");
await ben.page.fill('input[name="password"]', "something else that is long");
await ben.submit(ben.page.locator('form[action="/login"]'), "Log in");
check("a wrong password is told", (await ben.page.locator('[role="alert"]').count()) === 1);
await ben.look("a wrong password");
ben.wrong.length = 0;
await ben.page.fill('input[name="name"]', "ben");
await ben.page.fill('input[name="password"]', BENS);
await ben.submit(ben.page.locator('form[action="/login"]'), "Log in");
check("a shared link survives the login", new URL(ben.page.url()).search.includes("q=status%3A5xx") && new URL(ben.page.url()).pathname === "/explore", ben.page.url());

// Masks and a filter for viewers.
await amy.page.goto(`${origin}/people`, { waitUntil: "load" });
const limits = amy.page.locator('form[action="/people/limits"]').filter({ hasText: "Every viewer" });
await limits.locator('input[name="masked"]').fill("host.name source.ip");
await limits.locator('input[name="filter"]').fill("event.dataset:nginx.access");
await amy.submit(limits, "Set");
await amy.look("limits");
const services = `/explore?${HOUR}&columns=host.name,event.dataset`;
await ben.page.goto(origin + services, { waitUntil: "load" });
check("masked values are pseudonyms", (await hosts()).length > 0 && !(await hosts()).some((h) => /web-\d/.test(h)), String(await hosts()));
const whole = await ben.page.textContent("body");
check("nothing on the page tells a masked value", !/web-\d/.test(whole), whole.match(/.{40}web-\d.{40}/s)?.[0]);
const seen = [...new Set(await ben.page.locator("table.lines tbody td:nth-child(3)").allTextContents())].map((s) => s.trim());
check("only lines of the filter are there", seen.length === 1 && seen[0] === "nginx.access", String(seen));
const refused = await ben.page.goto(`${origin}/explore?${HOUR}&q=host%3Aweb-1`, { waitUntil: "load" });
check("a masked field cannot be searched for", refused.status() === 403, String(refused.status()));
await ben.page.goto(`${origin}/b/hosts?${HOUR}`, { waitUntil: "load" });
check("boards tell no masked value either", !/web-\d/.test(await ben.page.textContent("main")));
ben.wrong.length = 0;

// A token for a program, which may no more than its user.
await ben.page.goto(`${origin}/account`, { waitUntil: "load" });
const wish = ben.page.locator('form[action="/account/tokens"]');
await wish.locator('input[name="name"]').fill("a report");
await ben.submit(wish, "Make a token");
const token = (await ben.page.locator("#notices code").first().textContent()).trim();
const asked = (path) => fetch(origin + path, { headers: { authorization: `Bearer ${token}` } });
check("a token lets a program in", (await asked("/api/v1/boards")).status === 200);
check("with the limits of its user", !/web-\d/.test(await (await asked(`/explore/export.ndjson?${HOUR}`)).text()));
check("and not into what is the administrator's", (await asked("/people/audit.csv")).status === 403);

// The log of it all.
await amy.page.goto(`${origin}/people/audit`, { waitUntil: "load" });
const log = await amy.page.textContent("#audit");
check("logins, searches and edits of people are in the audit log", ["login", "search", "people", "export", "ben"].every((word) => log.includes(word)), log.slice(0, 400));
await amy.look("audit log");

// In Chinese.
const chinese = await person({ locale: "zh-CN" });
await chinese.page.goto(`${origin}/login`, { waitUntil: "load" });
check("the login is in Chinese", (await chinese.page.textContent("h1")) === "登录");
await chinese.look("login in Chinese");

for (const one of [amy, ben, chinese]) check("no error, no request elsewhere", one.wrong.length === 0, one.wrong.join("\n"));
await browser.close();
