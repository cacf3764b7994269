// The page follows what happens, and rests while no one sees it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { close, go, open, useBrowser } from "./support/browser.js";
import { pageOf } from "./support/server.js";

useBrowser();

const DONE = ".states .state-succeeded b";
const doneOf = async (page) => Number((await page.locator(DONE).innerText()).replaceAll(",", ""));

test("the progress of an execution grows without a reload", async () => {
  const page = await open(await pageOf("transcode"));
  const before = await doneOf(page);
  await page.waitForFunction(
    ([selector, least]) => Number(document.querySelector(selector).textContent.replaceAll(",", "")) > least,
    [DONE, before + 10],
  );
  await page.waitForSelector(".facts div:has(dt:text-is('Time left')) dd:has-text('about')");
  await close(page);
});

test("focus and an open dialog outlive updates", async () => {
  const page = await open(await pageOf("transcode"));
  await page.locator(".actions button", { hasText: "Limits" }).focus();
  const before = await doneOf(page);
  await page.waitForFunction(
    ([selector, least]) => Number(document.querySelector(selector).textContent.replaceAll(",", "")) > least,
    [DONE, before],
  );
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Limits");
  await close(page);
});

async function requestsIn(page, milliseconds) {
  let count = 0;
  const note = () => (count += 1);
  page.on("request", note);
  // sleeps because what must not happen takes time not to happen.
  await page.waitForTimeout(milliseconds);
  page.off("request", note);
  return count;
}

async function hide(page, isHidden) {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
}

test("a hidden tab asks for nothing, and asks at once when it is seen again", async () => {
  const page = await open(await pageOf("transcode"));
  await hide(page, true);
  await requestsIn(page, 500);
  assert.equal(await requestsIn(page, 5_000), 0);
  const asked = page.waitForRequest(/\/api\/v1\/executions\//, { timeout: 1_000 });
  await hide(page, false);
  await asked;
  await close(page);
});

test("a pause stops reading until it is over", async () => {
  const page = await open(await pageOf("transcode"));
  await page.keyboard.press("p");
  await page.waitForSelector(".liveness.is-paused");
  await requestsIn(page, 3_000);
  assert.equal(await requestsIn(page, 4_000), 0);
  await page.keyboard.press("p");
  await page.waitForSelector(".liveness.is-live");
  await close(page);
});

test("a server that is away: the page keeps what it has, says so, and continues by itself", async () => {
  const page = await open(await pageOf("transcode"));
  await page.route("**/api/v1/**", (route) => route.abort());
  await page.waitForSelector(".liveness.is-late");
  assert.match(await page.locator("#banner").innerText(), /cannot be reached[\s\S]*scatterctl console/);
  assert.ok((await doneOf(page)) > 0);
  await page.unroute("**/api/v1/**");
  await page.waitForSelector(".liveness.is-live");
  assert.equal(await page.locator("#banner .notice").count(), 0);
  await close(page, { expected: /Failed to load resource/ });
});

test("an answer that has not changed need not be sent again: the page shows what it has", async () => {
  const page = await open("#/waiting");
  let unchanged = 0;
  await page.route(/\/api\/v1\/executions\/[^/]+$/, async (route) => {
    if (route.request().headers()["if-none-match"] === '"one"') {
      unchanged += 1;
      return route.fulfill({ status: 304, headers: { etag: '"one"' } });
    }
    const response = await route.fetch();
    return route.fulfill({ response, headers: { ...response.headers(), etag: '"one"' } });
  });
  await go(page, await pageOf("thumbnails"));
  await page.waitForResponse((response) => response.status() === 304);
  await page.waitForSelector(".identity .status:has-text('SUCCEEDED')");
  assert.ok(unchanged > 0);
  assert.equal(await page.locator(".liveness.is-live").count(), 1);
  await close(page);
});
