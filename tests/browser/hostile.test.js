// Text of other people is shown as text, whatever is in it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { close, open, useBrowser } from "./support/browser.js";
import { newest, pageOf } from "./support/server.js";

useBrowser();

const REVERSES = /[\u202a-\u202e\u2066-\u2069]/;

async function assertOnlyText(page) {
  const main = page.locator("main");
  for (const tag of ["script", "img", "b:has-text('bold')", "u"]) assert.equal(await main.locator(tag).count(), 0, tag);
  assert.doesNotMatch(await main.innerText(), REVERSES);
}

test("a hostile key is text in the table, in the grid, in the title", async () => {
  const page = await open("#/executions");
  const row = page.locator("table.executions tr", { hasText: "hostile" });
  assert.match(await row.innerText(), /<script>alert\(1\)<\/script> \\u\{202e\}gnp\.exe/);
  await assertOnlyText(page);
  await row.locator("a.row-link").click();
  await page.waitForSelector("h1:has-text('hostile')");
  assert.match(await page.title(), /<script>alert\(1\)<\/script> \\u\{202e\}gnp\.exe/);
  await assertOnlyText(page);
  await close(page);
});

test("hostile errors, specs, results and logs are text", async () => {
  const page = await open(await pageOf("hostile"));
  await page.waitForSelector("table.failures");
  assert.match(await page.locator("table.failures").innerText(), /<b>bold<\/b> \\u\{202e\} error/);
  await page.waitForSelector("table.results");
  assert.match(await page.locator("table.results").innerText(), /<u>html<\/u>[\s\S]*<script>alert\(4\)<\/script>/);
  await assertOnlyText(page);
  await close(page);

  const segment = await open(`${await pageOf("hostile")}/segments/0`);
  await segment.waitForSelector(".attempt pre");
  const shown = await segment.locator("main").innerText();
  assert.match(shown, /<img src=x onerror=alert\(2\)>/);
  assert.match(shown, /\\u\{1b\}\[31m<script>alert\(3\)<\/script> \\u\{202e\} backwards/);
  await assertOnlyText(segment);
  await close(segment);
});

test("a result keeps its digits", async () => {
  const page = await open(`${await pageOf("hostile")}/segments/2`);
  await page.waitForSelector("pre");
  assert.match(await page.locator("main").innerText(), /12345678901234567890/);
  await close(page);
});

test("counters, names and messages of a hostile answer are text, with every digit", async () => {
  const page = await open("#/waiting");
  const { execution_id: id } = await newest("thumbnails");
  await page.route(`**/api/v1/executions/${id}`, async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace(
      /"counters":\{[^}]*\}/,
      '"counters":{"<i>sum</i>":9007199254740993,"most":18446744073709551615,"\\u202eless":-9223372036854775807},"tags":{"team":"<i>ops</i>\\u202e"}',
    );
    await route.fulfill({ response, body, headers: { ...response.headers(), etag: "" } });
  });
  await page.evaluate((hash) => (location.hash = hash), `#/executions/${id}`);
  await page.waitForSelector("#counters-title");
  const counters = await page.locator("section[aria-labelledby=counters-title]").innerText();
  assert.equal(await page.locator(".identity .tag").innerText(), "team=<i>ops</i>\\u{202e}");
  assert.match(counters, /<i>sum<\/i>\s+9,007,199,254,740,993/);
  assert.match(counters, /most\s+18,446,744,073,709,551,615/);
  assert.match(counters, /\\u\{202e\}less\s+-9,223,372,036,854,775,807/);
  await close(page);
});

test("an error that is no JSON, and one with markup, are shown as text", async () => {
  const page = await open("#/waiting");
  await page.route("**/api/v1/executions?*", (route) =>
    route.fulfill({
      status: 500,
      contentType: "application/problem+json",
      body: '{"title":"<img src=x onerror=alert(5)>","detail":"\\u202e backwards","code":"internal"}',
    }),
  );
  await page.evaluate(() => (location.hash = "#/executions"));
  await page.waitForSelector(".notice-error");
  assert.match(
    await page.locator(".notice-error").innerText(),
    /<img src=x onerror=alert\(5\)>\s+\\u\{202e\} backwards/,
  );
  await page.route("**/api/v1/executions?*", (route) =>
    route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" }),
  );
  await page.keyboard.press("r");
  await page.waitForSelector(".notice-error:has-text('The server answered 502')");
  await assertOnlyText(page);
  await close(page, { expected: /status of 50\d/ });
});
