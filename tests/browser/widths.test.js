// Narrow and wide: nothing is cut off, nothing scrolls sideways.

import assert from "node:assert/strict";
import { test } from "node:test";
import { close, go, open, useBrowser } from "./support/browser.js";
import { everyPage } from "./support/pages.js";

useBrowser();

const SIZES = { "400 px": { width: 400, height: 800 }, "4K": { width: 3840, height: 2160 } };

function overflowing() {
  const width = document.documentElement.clientWidth;
  const scrolls = (element) => element.closest(".scroll, .map, pre, .visually-hidden, .skip-link, .list thead");
  const beyond = [...document.querySelectorAll("body *")].filter(
    (element) => element.getBoundingClientRect().right > width + 1 && !scrolls(element),
  );
  return {
    scroll: document.documentElement.scrollWidth - width,
    beyond: beyond.slice(0, 5).map((element) => `${element.tagName}.${element.className}`),
  };
}

for (const [name, size] of Object.entries(SIZES)) {
  test(`no page overflows at ${name}`, async () => {
    const page = await open("#/executions", size);
    for (const [label, address] of Object.entries(await everyPage())) {
      await go(page, address);
      await page.waitForLoadState("networkidle");
      assert.deepEqual(await page.evaluate(overflowing), { scroll: 0, beyond: [] }, `${label} at ${name}`);
    }
    await close(page);
  });
}

test("text is larger on a large screen, and never smaller than a person has set", async () => {
  const sizeAt = async (width) => {
    const page = await open("#/now", { width });
    const size = await page.evaluate(() => parseFloat(getComputedStyle(document.body).fontSize));
    await close(page);
    return size;
  };
  assert.ok((await sizeAt(400)) >= 15);
  assert.ok((await sizeAt(3840)) >= 22);
});
