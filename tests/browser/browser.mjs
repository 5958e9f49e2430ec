// What every browser test needs: Chromium, a page whose errors are collected, and a check that prints a line.
import { execSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

// ALCES_BROWSER: another Chromium than the one that is found.
const executablePath = process.env.ALCES_BROWSER || execSync("command -v chromium || command -v chromium-browser || command -v google-chrome", {
  shell: "/bin/sh",
}).toString().trim();
// Without these the browser looks for its maker's servers at every start.
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

export const browser = await chromium.launch({ executablePath, args });

export function check(what, truth, details = "") {
  if (!truth) {
    console.log(`FAILED ${what} ${details}`);
    process.exit(1);
  }
  console.log(`ok ${what}`);
}

/** A page of `origin` whose console errors, policy violations and requests elsewhere are collected in `wrong`. */
export async function open(origin, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1200 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (m) => m.type() === "error" && wrong.push(m.text()));
  page.on("pageerror", (e) => wrong.push(String(e)));
  page.on("request", (r) => r.url().startsWith(origin) || wrong.push(`request to ${r.url()}`));
  return { page, wrong, context };
}

/** What axe finds on a page. */
export async function violations(page) {
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8"));
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
  return found.violations.map((v) => `${v.id}: ${v.nodes[0].html}`);
}
