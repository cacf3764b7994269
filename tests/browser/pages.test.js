// Each page shows what the API has.

import assert from "node:assert/strict";
import { test } from "node:test";
import { close, go, open, useBrowser } from "./support/browser.js";
import { ask, newest, pageOf } from "./support/server.js";

useBrowser();

/** Waits until the map says that. */
const reads = (page, words) => page.waitForSelector(`#map-reading:has-text("${words}")`);

const text = (page, selector) => page.locator(selector).innerText();

test("executions: each is a row with status, progress and failures", async () => {
  const page = await open("#/executions");
  const { executions } = await ask("/executions?limit=50");
  await page.waitForSelector("table.executions tbody tr");
  assert.equal(await page.locator("table.executions tbody tr").count(), executions.length);
  const row = page.locator("table.executions tbody tr", { hasText: "invoices" });
  assert.match(await row.innerText(), /FAILED[\s\S]*invoices 2026-11-27[\s\S]*400[\s\S]*40/);
  assert.match(await row.locator("[role=img]").getAttribute("aria-label"), /360 succeeded, 40 failed/);
  await close(page);
});

test("executions: the filter is in the address, by job, status, key and day", async () => {
  const page = await open("#/executions");
  const rows = page.locator("table.executions tbody tr");
  await page.fill("input[name=job]", "thumbnails");
  await page.click("form button[type=submit]");
  await page.waitForFunction(() => location.hash.includes("job=thumbnails"));
  await page.waitForFunction(() => document.querySelectorAll("table.executions tbody tr").length === 1);
  assert.match(await rows.innerText(), /thumbnails/);
  await page.selectOption("select[name=status]", "FAILED");
  await page.waitForSelector("text=No execution fits this filter.");
  await page.click("text=Show all");
  await page.waitForFunction(() => document.querySelectorAll("table.executions tbody tr").length > 5);
  const today = new Date().toISOString().slice(0, 10);
  await go(page, `#/executions?day=${today}&key=2026-11-27`);
  await page.waitForFunction(() => document.querySelectorAll("table.executions tbody tr").length === 2);
  await close(page);
});

test("executions: the grid has a mark for each execution of a job on a day, and leads to it", async () => {
  const page = await open("#/executions");
  const mark = page.locator(".job-grid tr", { hasText: "invoices" }).locator(".mark");
  assert.match(await mark.first().getAttribute("aria-label"), /^FAILED, key 2026-11-27$/);
  await mark.first().click();
  await page.waitForSelector("main h1:has-text('invoices')");
  await close(page);
});

test("an execution: how it stands, what failed and why, durations, results, events", async () => {
  const page = await open(await pageOf("invoices"));
  await page.waitForSelector("#failures-title");
  assert.match(await text(page, ".page-head"), /FAILED/);
  assert.match(await text(page, ".states"), /360\s+succeeded\s+40\s+failed/);
  const failures = await text(page, "table.failures");
  assert.match(failures, /no such customer/);
  assert.match(failures, /permanent error/);
  await page.waitForSelector("#durations-title");
  assert.match(await text(page, "section[aria-labelledby=durations-title] dl"), /p50[\s\S]*p95[\s\S]*max/);
  assert.ok((await page.locator("section[aria-labelledby=durations-title] .slowest li").count()) > 0);
  assert.ok((await page.locator("section[aria-labelledby=throughput-title] .chart-column").count()) > 0);
  assert.ok((await page.locator(".timeline li").count()) >= 2);
  await close(page);
});

test("an execution: counters and results", async () => {
  const page = await open(await pageOf("thumbnails"));
  await page.waitForSelector("#counters-title");
  assert.match(await text(page, "section[aria-labelledby=counters-title]"), /bytes\s+270,215,977,642,200/);
  await page.waitForSelector("table.results");
  assert.match(await text(page, "table.results"), /s3:\/\/thumbnails\/0/);
  await page.click("text=Next results");
  await page.waitForFunction(
    () => !document.querySelector("table.results")?.textContent.includes('s3://thumbnails/0"'),
  );
  await close(page);
});

test("an execution whose process has ended says how to continue it", async () => {
  const page = await open(await pageOf("feed"));
  const { execution_id: id } = await newest("feed");
  await page.waitForSelector(".notice-warning");
  assert.match(await text(page, ".notice-warning"), new RegExp(`scatterctl resume ${id}`));
  await close(page);
});

test("an execution: its map goes from groups to segments and back", async () => {
  const page = await open(await pageOf("limited"));
  await page.waitForSelector(".map canvas");
  await page.locator(".map").focus();
  await reads(page, "Segments 0 to 127: ");
  await page.keyboard.press("ArrowRight");
  await reads(page, "Segments 128 to 255: ");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".cells li");
  assert.equal(await page.locator(".cells li").count(), 128);
  assert.match(await page.locator(".cells a").first().getAttribute("aria-label"), /^segment 128: /);
  await page.click("text=After");
  await page.waitForSelector("[aria-label^='segment 256: ']");
  await page.click("text=All segments");
  await page.waitForSelector(".map canvas");
  await close(page);
});

test("a segment: its attempts with errors and what they printed, its spec", async () => {
  const page = await open(`${await pageOf("invoices")}/segments/7`);
  await page.waitForSelector(".attempt");
  const attempts = await text(page, ".attempts");
  assert.match(attempts, /Attempt 1[\s\S]*permanent error[\s\S]*no such customer/);
  assert.match(attempts, /reading invoice 7/);
  assert.match(await text(page, "main"), /"from": 7/);
  await page.keyboard.press("]");
  await page.waitForSelector("h1:has-text('Segment 8')");
  await close(page);
});

test("a segment that a retry made good shows the attempt that failed", async () => {
  const page = await open(`${await pageOf("invoices")}/segments/3`);
  await page.waitForSelector(".attempt");
  assert.equal(await page.locator(".attempt").count(), 2);
  assert.match(await text(page, ".attempts"), /Attempt 2[\s\S]*succeeded[\s\S]*Attempt 1[\s\S]*503 from the ledger/);
  await close(page);
});

test("waiting: retries with their moment and reason, dead letters", async () => {
  const page = await open("#/waiting");
  await page.waitForSelector("table.retries tbody tr");
  const retries = await text(page, "section[aria-labelledby=retries-title]");
  assert.match(retries, /retrying 2026-11-28: \d waiting/);
  assert.match(retries, /in \d+ (s|min|h)[\s\S]*429: too many requests/);
  await page.waitForSelector("text=There are no dead letters");
  await close(page);
});

test("now: open executions, what workers have, processes", async () => {
  const page = await open("#/now");
  const { execution_id: id } = await newest("transcode");
  await page.waitForSelector(`a[href='#/executions/${id}']`);
  await page.waitForSelector("section[aria-labelledby=running-title] tbody tr");
  assert.match(await text(page, "section[aria-labelledby=processes-title]"), /alive/);
  await close(page);
});

test("an address that is none, and an execution that is none, say what to do", async () => {
  const page = await open("#/no-such-page");
  assert.match(await text(page, "main"), /The console has no page/);
  await go(page, "#/executions/0193a5b0-0000-7000-8000-000000000000");
  await page.waitForSelector(".notice-error");
  assert.match(await text(page, ".notice-error"), /not_found/);
  await close(page, { expected: /404/ });
});
