// A login by a provider, and a search that is kept: `node login.mjs http://127.0.0.1:PORT/ http://127.0.0.1:PROVIDER NAME`.
import { browser, check, violations } from "./browser.mjs";

const [, , dashboard, provider, name] = process.argv;
const origin = new URL(dashboard).origin;
const context = await browser.newContext({ viewport: { width: 1400, height: 1200 } });
const page = await context.newPage();
const wrong = [];
page.on("console", (m) => m.type() === "error" && page.url().startsWith(origin) && wrong.push(m.text()));
page.on("pageerror", (e) => page.url().startsWith(origin) && wrong.push(String(e)));

const shared = `${origin}/account?from=now-20m&q=status%3A5xx`;
await page.goto(shared);
check("a page that wants a login leads to it", page.url().startsWith(`${origin}/login?next=`), page.url());
const found = await violations(page);
check("the login page is accessible", found.length === 0, found.join("\n"));
await page.getByRole("link", { name: "Log in with Test ID" }).click();
check("the button leads to the provider", page.url().startsWith(`${provider}/interaction/`), page.url());
await page.locator("input[name=login]").fill(name);
await page.locator("input[name=password]").fill("any");
await page.locator("form [type=submit]").first().click();
await page.locator("input[value=consent]").waitFor({ state: "attached" });
await page.locator("form [type=submit]").first().click();
await page.waitForURL(`${origin}/**`);
check("the shared link survives the login", page.url() === shared, page.url());
check("the name stands on the page", await page.locator(".visitor").getByText(name).isVisible());
const cookies = await context.cookies(origin);
check("only the session's cookie is left", !cookies.some((c) => c.name.includes("oidc")) && cookies.some((c) => c.name === "alces" && c.httpOnly));

await page.goto(`${origin}/explore/searches?from=now-20m&q=status%3A5xx&columns=host.name`);
await page.getByLabel("Keep this search as").fill("errors");
await page.getByRole("button", { name: "Keep", exact: true }).click();
const kept = page.getByRole("link", { name: "errors", exact: true });
check("a search is kept with its columns", (await kept.getAttribute("href")).includes("columns=host.name"), page.url());
const more = await violations(page);
check("the page of searches is accessible", more.length === 0, more.join("\n"));
await page.getByRole("button", { name: "Delete errors" }).click();
await page.getByText("None is kept yet").waitFor();

await page.getByRole("button", { name: "Log out" }).click();
await page.getByRole("link", { name: "log out there too" }).waitFor();
check("after the log-out the page leads out of the provider too", true);
await page.goto(shared);
check("the session has ended", page.url().startsWith(`${origin}/login?next=`), page.url());
check("nothing is wrong in the console", wrong.length === 0, wrong.join("\n"));
await browser.close();
