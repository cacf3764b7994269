// Each button asks first, shows the command line that does the same, and does it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { close, closeDialog, open, useBrowser } from "./support/browser.js";
import { ask, newest, pageOf, server } from "./support/server.js";

useBrowser();

const line = (page) => page.locator("dialog .command").first().innerText();
// How the command line reaches this data directory, as the server says it.
const place = async () => ((await ask("/me")).cli?.place ?? []).map((word) => ` ${word}`).join("");

async function dialog(page, button) {
  await page.click(`.actions button:has-text("${button}")`);
  await page.waitForSelector("dialog[open]");
}

test("cancel", async () => {
  const page = await open(await pageOf("cancellable"));
  const { execution_id: id } = await newest("cancellable");
  await dialog(page, "Cancel");
  assert.equal(await line(page), `scatterctl cancel ${id}${await place()}`);
  await page.click("dialog button:has-text('Cancel the execution')");
  await page.waitForSelector("dialog [role=status] p");
  await page.click("dialog button:has-text('Close')");
  await page.waitForSelector(".identity .status:has-text('CANCELLED')");
  assert.equal((await newest("cancellable")).status, "CANCELLED");
  await close(page);
});

test("redrive: all that failed, in the next generation", async () => {
  const page = await open(await pageOf("redrivable"));
  const { execution_id: id } = await newest("redrivable");
  await dialog(page, "Redrive");
  assert.equal(await line(page), `scatterctl redrive ${id}${await place()}`);
  await page.uncheck("dialog label:has-text('cancelled') input");
  assert.equal(await line(page), `scatterctl redrive ${id} --failed${await place()}`);
  await page.fill("dialog label:has-text('Only these') input", "5, 7-9");
  assert.equal(await line(page), `scatterctl redrive ${id} --failed --segments 5,7-9${await place()}`);
  await page.fill("dialog label:has-text('Only these') input", "five");
  assert.match(await page.locator("dialog .invalid").innerText(), /indexes and ranges/);
  await page.fill("dialog label:has-text('Only these') input", "");
  await page.click("dialog button:has-text('Run these again')");
  await page.waitForSelector("dialog:has-text('Generation 2 runs 1 segment again')");
  await page.click("dialog button:has-text('Close')");
  await page.waitForSelector(".identity .status:has-text('SUCCEEDED')");
  await page.waitForSelector("text=generation 2");
  await close(page);
});

test("redrive these: the segments of one error", async () => {
  const page = await open(await pageOf("hostile"));
  const { execution_id: id } = await newest("hostile");
  await page.waitForSelector("table.failures");
  await page.click("table.failures button:has-text('Redrive these')");
  assert.equal(await line(page), `scatterctl redrive ${id} --failed --segments 0-1${await place()}`);
  await closeDialog(page);
  await close(page);
});

test("limits", async () => {
  const page = await open(await pageOf("limited"));
  const { execution_id: id } = await newest("limited");
  await dialog(page, "Limits");
  assert.match(await page.locator("dialog").innerText(), /Enter at least one limit/);
  await page.fill("dialog label:has-text('In flight') input", "3");
  await page.fill("dialog label:has-text('tolerated') input", "5%");
  assert.equal(await line(page), `scatterctl set ${id} --max-concurrency 3 --tolerated-failures 5%${await place()}`);
  await page.click("dialog button:text-is('Set')");
  await page.waitForSelector("dialog:has-text('In flight at once: 3')");
  await page.click("dialog button:has-text('Close')");
  await page.waitForSelector(".facts div:has(dt:text-is('In flight')) dd:has-text('of 3')");
  await close(page);
});

test("limits that the system refuses are refused with the reason", async () => {
  const page = await open(await pageOf("retrying"));
  await dialog(page, "Limits");
  await page.fill("dialog label:has-text('In flight') input", "3");
  await page.click("dialog button:text-is('Set')");
  await page.waitForSelector("dialog .notice-error");
  assert.match(await page.locator("dialog .notice-error").innerText(), /code: \w+, HTTP 4\d\d/);
  await close(page, { expected: /status of 4\d\d/ });
});

test("repair check", async () => {
  const page = await open(await pageOf("thumbnails"));
  const { execution_id: id } = await newest("thumbnails");
  await dialog(page, "Repair check");
  assert.equal(await line(page), `scatterctl repair ${id} --dry-run${await place()}`);
  await page.click("dialog button:has-text('Recount')");
  await page.waitForSelector("dialog:has-text('Nothing differs')");
  await close(page);
});

test("a button that cannot be used says why", async () => {
  const page = await open(await pageOf("thumbnails"));
  const cancel = page.locator(".actions button", { hasText: "Cancel" });
  assert.equal(await cancel.getAttribute("aria-disabled"), "true");
  assert.match(await cancel.getAttribute("aria-label"), /nothing to cancel/);
  await cancel.click({ force: true });
  assert.equal(await page.locator("dialog").count(), 0);
  await close(page);
});

test("a read-only console offers no change, and says why", async () => {
  const of = server("read_only");
  const page = await open(await pageOf("invoices", of), { of });
  await page.waitForSelector(".top .badge:has-text('read-only')");
  for (const name of ["Cancel", "Redrive", "Limits", "Redrive these"]) {
    const button = page.locator("main button", { hasText: new RegExp(`^${name}$`) }).first();
    await button.waitFor();
    assert.equal(await button.getAttribute("aria-disabled"), "true", name);
    assert.match(await button.getAttribute("aria-label"), /--read-only/, name);
  }
  await close(page);
});
