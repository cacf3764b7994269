// What the pages are made of, in the browser that runs it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readdir, readFile } from "node:fs/promises";
import { close, open, useBrowser } from "./support/browser.js";

useBrowser();

/** Runs a function in a page with one of the console's modules; answers are compared as text. */
async function withModule(path, use) {
  const page = await open("#/now");
  // The module's address as a string: an import in the test's own code would be this process's.
  const result = await page.evaluate(`import("/assets/js/${path}").then((module) => (${use})(module))`);
  await close(page);
  return result;
}

test("JSON keeps the digits of every number", async () => {
  const shown = await withModule("api/exact_json.js", ({ parseExact, writeExact, isExact }) => {
    const text =
      '{"a":9007199254740993,"b":[-18446744073709551615,1e5,0.1234567890123456789,1.50],"c":{"d":"12345678901234567890"}}';
    return [
      isExact(),
      writeExact(parseExact(text)).replaceAll(/\s/g, ""),
      parseExact("[0.1234567890123456789]")[0] * 2,
    ];
  });
  assert.deepEqual(shown, [
    true,
    '{"a":9007199254740993,"b":[-18446744073709551615,100000,0.1234567890123456789,1.5],"c":{"d":"12345678901234567890"}}',
    0.1234567890123456789 * 2,
  ]);
});

test("numbers are grouped exactly; shares never say all or nothing wrongly", async () => {
  const shown = await withModule("format/number.js", ({ grouped, percent, perSecond }) => [
    grouped(1234567),
    grouped(-9223372036854775807n),
    grouped("1234.5678"),
    percent(999999, 1000000),
    percent(1, 1000000),
    percent(1, 4),
    percent(0, 0),
    perSecond(15.4),
    perSecond(0.01),
  ]);
  assert.deepEqual(shown, [
    "1,234,567",
    "-9,223,372,036,854,775,807",
    "1,234.5678",
    "> 99.9 %",
    "< 0.1 %",
    "25 %",
    "–",
    "15/s",
    "36/h",
  ]);
});

test("spans and moments", async () => {
  const shown = await withModule("format/time.js", ({ span, relative, millis }) => [
    span(0),
    span(999),
    span(1500),
    span(61_000),
    span(3_600_000),
    span(90_000_000),
    relative(0, 5_000),
    relative(65_000, 0),
    relative("1970-01-01T00:00:00Z", 100),
    millis(null),
  ]);
  assert.deepEqual(shown, [
    "0 ms",
    "999 ms",
    "1.5 s",
    "1 min 1 s",
    "1 h",
    "1 d 1 h",
    "5 s ago",
    "in 1 min",
    "just now",
    null,
  ]);
});

test("a command line is quoted for a shell, hidden characters as escapes", async () => {
  const shown = await withModule("format/shell.js", ({ commandLine, useCommand, quoted }) => {
    useCommand({ program: "scatterctl", place: ["--data-dir", "/srv/it's here"] });
    return [commandLine("cancel", "0193a5b0"), quoted("a;b$(c)"), quoted("x\u202ey'"), quoted("")];
  });
  assert.deepEqual(shown, [
    "scatterctl cancel 0193a5b0 --data-dir '/srv/it'\\''s here'",
    "'a;b$(c)'",
    "$'x\\xe2\\x80\\xaey\\x27'",
    "''",
  ]);
});

test("hidden characters are shown by name; what people write stays as it is", async () => {
  const shown = await withModule("format/hidden.js", ({ visible }) =>
    ["invoice\u202efdp.exe", "\u001b[31m", "a\u200db", "a\nb\tc", "می\u200cخواهم", "👩\u200d👩\u200d👧", "東京"].map(
      visible,
    ),
  );
  assert.deepEqual(shown, [
    "invoice\\u{202e}fdp.exe",
    "\\u{1b}[31m",
    "a\\u{200d}b",
    "a\\nb\tc",
    "می\u200cخواهم",
    "👩\u200d👩\u200d👧",
    "東京",
  ]);
});

test("a map has a cell for each group where there is room, and never more cells than room", async () => {
  const layouts = await withModule("charts/map_layout.js", ({ layOut }) => {
    const places = [
      [7_813, 1200],
      [78_125, 1200],
      [7_813, 360],
      [3, 1200],
    ];
    return [
      ...places.map(([count, width]) => layOut(count, { width, height: 300, text: 15 })),
      layOut(1, { width: 1, height: 1, text: 15 }),
    ];
  });
  assert.equal(layouts[0].groupsPerCell, 1);
  assert.deepEqual(
    layouts.map(({ cells, columns, rows }) => columns * rows >= cells),
    [true, true, true, true, true],
  );
  assert.ok(
    layouts.slice(0, 4).every(({ rows, side }) => rows * side <= 300),
    JSON.stringify(layouts),
  );
});

test("the document changes only where the description does, and elements keep their identity", async () => {
  const shown = await withModule("view/element.js", ({ h, render }) => {
    const root = document.createElement("div");
    const list = (keys) =>
      render(
        root,
        h(
          "ul",
          {},
          keys.map((key) => h("li", { key }, key)),
        ),
        "text",
      );
    list(["a", "b", "c"]);
    const [a, b] = root.querySelectorAll("li");
    list(["x", "b", "a"]);
    const after = [...root.querySelectorAll("li")];
    const markup = root.innerHTML;
    render(root, h("p", { hidden: false, title: null }, "<b>"));
    return [markup, after[1] === b, after[2] === a, root.innerHTML];
  });
  assert.deepEqual(shown, ["<ul><li>x</li><li>b</li><li>a</li></ul>text", true, true, "<p>&lt;b&gt;</p>"]);
});

test("the page asks for every module at once", async () => {
  const folder = new URL("../../api/console/", import.meta.url);
  const files = await readdir(new URL("js/", folder), { recursive: true });
  const modules = files.filter((name) => name.endsWith(".js") && !["main.js", "theme_at_once.js"].includes(name));
  const page = await readFile(new URL("index.html", folder), "utf8");
  const preloaded = [...page.matchAll(/rel="modulepreload" href="\/assets\/js\/([^"]+)"/g)].map(([, name]) => name);
  assert.deepEqual(preloaded.sort(), modules.sort());
});
