// axe-core finds nothing on any page, light and dark, wide and narrow, nor in a dialog.

import assert from "node:assert/strict";
import { test } from "node:test";
import { violations } from "./support/axe.js";
import { close, closeDialog, go, open, useBrowser } from "./support/browser.js";
import { everyPage } from "./support/pages.js";
import { pageOf } from "./support/server.js";

useBrowser();

// Colours do not depend on the width.
const VIEWS = { light: [1280, 400], dark: [1280] };

for (const [theme, widths] of Object.entries(VIEWS)) {
  for (const width of widths) {
    test(`every page, ${theme}, ${width} px`, async () => {
      const page = await open("#/executions", { theme, width });
      for (const [label, address] of Object.entries(await everyPage())) {
        await go(page, address);
        await page.waitForLoadState("networkidle");
        assert.deepEqual(await violations(page), [], `${label}, ${theme}`);
      }
      await close(page);
    });
  }

  test(`dialogs and errors, ${theme}`, async () => {
    const page = await open(await pageOf("invoices"), { theme });
    await page.click(".actions button:has-text('Redrive')");
    await page.waitForSelector("dialog[open]");
    assert.deepEqual(await violations(page), [], "redrive");
    await closeDialog(page);
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    assert.deepEqual(await violations(page), [], "keys");
    await page.keyboard.press("Escape");
    await go(page, "#/executions/0193a5b0-0000-7000-8000-000000000000");
    await page.waitForSelector(".notice-error");
    assert.deepEqual(await violations(page), [], "an error");
    await close(page, { expected: /404/ });
  });
}
