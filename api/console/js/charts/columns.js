// A chart of columns, made of elements: it scales with the text, and its data can be read as a table.

import { h } from "../view/element.js";

/**
 * `columns`: `{ key, title, parts: [{ kind, value }] }`. `marks`: `{ name, at }`, lines at a share of the width from 0 to 1.
 * `ends`: the texts below the left and the right end. `label` says in words what the chart shows; `table` are the head and the rows of
 * the same as text.
 */
export function columnChart({ columns, marks = [], ends, label, table }) {
  const most = Math.max(1, ...columns.map(({ parts }) => parts.reduce((sum, part) => sum + part.value, 0)));
  return [
    h(
      "div",
      { class: "chart", role: "img", "aria-label": label },
      h(
        "div",
        { class: "chart-columns" },
        columns.map((one) => column(one, most)),
        marks.map(mark),
      ),
      h(
        "div",
        { class: "chart-ends" },
        ends.map((end) => h("span", {}, end)),
      ),
    ),
    asTable(table),
  ];
}

function column({ key, title, parts }, most) {
  const shown = parts.filter((part) => part.value > 0);
  // What is there is seen, however little it is.
  const height = (value) => `${Math.max(1, (value / most) * 100)}%`;
  return h(
    "div",
    { key, class: "chart-column", title },
    shown.map(({ kind, value }) =>
      h("div", { key: kind, class: `fill-${kind}`, style: { "--height": height(value) } }),
    ),
  );
}

function mark({ name, at }) {
  return h(
    "div",
    { key: `mark ${name}`, class: "chart-mark", style: { "--at": `${Math.min(100, Math.max(0, at * 100))}%` } },
    h("span", {}, name),
  );
}

function asTable({ head, rows }) {
  return h(
    "details",
    {},
    h("summary", {}, "As a table"),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "group", "aria-label": "The chart as a table" },
      h(
        "table",
        { class: "plain" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            head.map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        h(
          "tbody",
          {},
          rows.map((row) =>
            h(
              "tr",
              {},
              row.map((cell) => h("td", { class: "number" }, cell)),
            ),
          ),
        ),
      ),
    ),
  );
}
