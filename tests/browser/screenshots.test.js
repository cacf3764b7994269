// A picture of each page, light and dark. `CONSOLE_SCREENSHOTS` is the folder; without it the pictures are only taken.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { close, go, open, useBrowser } from "./support/browser.js";
import { everyPage } from "./support/pages.js";
import { pageOf, server } from "./support/server.js";

useBrowser();

const folder = process.env.CONSOLE_SCREENSHOTS;
const SHOWN = ["executions", "execution", "execution-running", "segment", "waiting", "now"];

async function picture(page, name) {
  await page.waitForLoadState("networkidle");
  // The focus of a heading is no part of the picture, and a rate needs two readings.
  await page.evaluate(() => document.activeElement.blur());
  const png = await page.screenshot({ animations: "disabled" });
  assert.ok(png.length > 10_000, `${name} is empty`);
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.png`), png);
}

for (const theme of ["light", "dark"]) {
  test(`each page, ${theme}`, async () => {
    const pages = await everyPage();
    const page = await open("#/executions", { theme, height: 960 });
    for (const name of SHOWN) {
      await go(page, pages[name]);
      await picture(page, `${name}-${theme}`);
    }
    await go(page, await pageOf("transcode"));
    await page.click(".actions button:has-text('Limits')");
    await picture(page, `limits-${theme}`);
    await close(page);
  });

  test(`a large execution, ${theme}`, async () => {
    const of = server("large");
    const page = await open(await pageOf("large", of), { of, theme, height: 960 });
    await page.waitForSelector(".map canvas[width]:not([width='300'])");
    await picture(page, `large-${theme}`);
    await close(page);
  });
}

test("narrow", async () => {
  const page = await open("#/executions", { width: 400, height: 800 });
  await picture(page, "narrow-light");
  await close(page);
});
