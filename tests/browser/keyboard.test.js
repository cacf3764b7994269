// Everything can be done without a mouse.

import assert from "node:assert/strict";
import { test } from "node:test";
import { close, closeDialog, open, useBrowser } from "./support/browser.js";
import { pageOf } from "./support/server.js";

useBrowser();

const focused = (page) => page.evaluate(() => document.activeElement.textContent);

test("the first Tab stop skips to the content", async () => {
  const page = await open("#/executions");
  await page.reload();
  await page.waitForSelector("h1");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  assert.match(page.url(), /#\/executions$/);
  await close(page);
});

test("j and k move through the rows, Enter opens, u goes up, g leads to the pages", async () => {
  const page = await open("#/executions");
  await page.waitForSelector("table.executions [data-row]");
  await page.keyboard.press("j");
  const first = await focused(page);
  await page.keyboard.press("j");
  assert.notEqual(await focused(page), first);
  await page.keyboard.press("k");
  assert.equal(await focused(page), first);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".page-head .identity");
  await page.keyboard.press("u");
  await page.waitForSelector("table.executions");
  await page.keyboard.press("g");
  await page.keyboard.press("w");
  await page.waitForSelector("h1:has-text('Waiting')");
  assert.equal(await focused(page), "Waiting");
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await page.waitForSelector("h1:has-text('Now')");
  await close(page);
});

test("? lists the keys; single keys can be turned off", async () => {
  const page = await open("#/executions");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open] .keys");
  assert.match(await page.locator("dialog").innerText(), /go to Waiting/);
  await page.uncheck("dialog label:has-text('Single keys') input");
  await closeDialog(page);
  await page.keyboard.press("?");
  assert.equal(await page.locator("dialog").count(), 0);
  await page.click("header button[aria-label='Keys']");
  await page.check("dialog label:has-text('Single keys') input");
  await closeDialog(page);
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await close(page);
});

test("typing into the filter is typing", async () => {
  const page = await open("#/executions");
  await page.keyboard.press("/");
  await page.keyboard.type("jpt?");
  assert.equal(await page.inputValue("input[name=job]"), "jpt?");
  assert.equal(await page.locator("dialog").count(), 0);
  await close(page);
});

test("the map's keys: ends, failures, closer and back", async () => {
  const page = await open(await pageOf("transcode"));
  await page.waitForSelector(".map canvas");
  await page.locator(".map").focus();
  await page.keyboard.press("End");
  await page.waitForFunction(() =>
    document.getElementById("map-reading").textContent.startsWith("Segments 5,888 to 5,999: "),
  );
  await page.keyboard.press("Home");
  await page.waitForFunction(() =>
    document.getElementById("map-reading").textContent.startsWith("Segments 0 to 127: "),
  );
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => location.hash.includes("groups=0-0"));
  await page.waitForSelector(".cells a");
  await close(page);
});

test("the theme toggles, and stays after a reload", async () => {
  const page = await open("#/now", { theme: "light" });
  await page.keyboard.press("t");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.waitForSelector("h1");
  await page.keyboard.press("t");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), undefined);
  await close(page);
});
