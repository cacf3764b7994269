// What the work has returned.

import { writeExact } from "../../api/exact_json.js";
import { grouped } from "../../format/number.js";
import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { outside } from "../../view/outside.js";
import { status } from "../../view/status.js";
import { listTable } from "../../view/table.js";
import { section } from "../../view/section.js";

// A result may have 16 KiB; the segment's page shows it whole.
const RESULT_SHOWN = 160;

export function resultList({ results, next }, page) {
  const shown = results.filter((outcome) => outcome.result !== null && outcome.result !== undefined);
  return section(
    "results",
    "Results",
    shown.length === 0 ? nothing(results) : table(shown, page.id),
    h("p", { class: "pages" }, pageButtons(next, page)),
  );
}

function nothing(results) {
  return h(
    "p",
    { class: "empty" },
    results.length === 0 ? "No segment has an outcome yet." : "These segments returned no result.",
  );
}

function table(outcomes, id) {
  const columns = [
    ["Segment", ({ index }) => h("a", { href: link.segment(id, index), "data-row": true }, grouped(index))],
    ["Status", (outcome) => status(outcome.status)],
    ["Result", ({ result }) => outside(cut(writeExact(result)), { class: "message mono" })],
  ];
  const list = listTable({ kind: "results", columns, rows: outcomes, key: ({ index }) => index });
  return h("div", { class: "scroll-down", tabindex: "0", role: "group", "aria-labelledby": "results-title" }, list);
}

function pageButtons(next, page) {
  const button = (name, cursor) =>
    h("button", { type: "button", key: name, onclick: () => page.showResults(cursor) }, name);
  return [!page.isAtFirstResults && button("First results", undefined), next && button("Next results", next)];
}

function cut(text) {
  const line = text.replaceAll(/\s*\n\s*/g, " ");
  return line.length > RESULT_SHOWN ? `${line.slice(0, RESULT_SHOWN)} …` : line;
}
