// One browser for a file of tests, and pages in it that remember what went wrong.

import { after, afterEach, before } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { server } from "./server.js";

// Without these a closed network refuses Chromium's own connections, many at a time. In a container there is no sandbox for root.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const DEADLINE_MS = 15_000;

let context = null;
let profile = null;

/** Starts the browser before the file's tests, and ends it after them. */
export function useBrowser() {
  before(async () => {
    profile = await mkdtemp(join(tmpdir(), "console-browser-"));
    const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
    const options = {
      executablePath,
      args: FLAGS,
      headless: true,
      timezoneId: "UTC",
      locale: "en-GB",
      viewport: { width: 1280, height: 900 },
    };
    context = await chromium.launchPersistentContext(profile, options);
    context.setDefaultTimeout(DEADLINE_MS);
    await context.addInitScript(reportViolations);
  });
  // A test that failed leaves its page, and what it chose, to no other test.
  afterEach(async () => {
    for (const page of context.pages()) {
      if (page.url().startsWith("http")) {
        await page.evaluate(() => localStorage.clear());
        await page.close();
      }
    }
  });
  after(async () => {
    await context?.close();
    await rm(profile, { recursive: true, force: true });
  });
}

function reportViolations() {
  addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI}`),
  );
}

/** Opens the console at an address such as `#/waiting`, and waits until the page shows what it read. */
export async function open(address, { of = server(), theme = "light", width = 1280, height = 900 } = {}) {
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("dialog", (dialog) => page.faults.push(`a script opened a dialog: ${dialog.message()}`) && dialog.dismiss());
  await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
  await page.setViewportSize({ width, height });
  await page.goto(`${of.url}/?token=${encodeURIComponent(of.token)}`);
  await go(page, address);
  return page;
}

/** Goes to another address of the console. */
export async function go(page, address) {
  await page.evaluate((hash) => (location.hash = hash), address);
  await page.waitForFunction(() => !document.querySelector("main")?.textContent.includes("Loading …"));
  await page.waitForSelector("main h1");
}

/** Closes a dialog by its key. The browser takes it away a moment later. */
export async function closeDialog(page) {
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
}

/** Closes the page. Nothing may have gone wrong in it that was not expected. */
export async function close(page, { expected = /^$/ } = {}) {
  const faults = page.faults.filter((fault) => !expected.test(fault));
  await page.close();
  assert.deepEqual(faults, []);
}
