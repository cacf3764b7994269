// Tables of things. In a narrow window each row is a card; the roles keep it a table for screen readers, which a change of `display`
// would otherwise take away.

import { h } from "./element.js";

/**
 * `columns` are pairs of a name and what describes a row's cell; `key` names a row among the others; `label` is the ID of the heading
 * that names the table, if there are several.
 */
export function listTable({ kind = "", label, columns, rows, key }) {
  const head = columns.map(([name]) => h("th", { key: name, scope: "col", role: "columnheader" }, name));
  return h(
    "table",
    { class: `list ${kind}`, role: "table", "aria-labelledby": label },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((row) =>
        h(
          "tr",
          { key: key(row), role: "row" },
          columns.map((column) => cell(column, row)),
        ),
      ),
    ),
  );
}

function cell([name, describe], row) {
  // The box keeps what is in the cell together beside its label.
  return h("td", { key: name, role: "cell", "data-label": name }, h("div", {}, describe(row)));
}

/** A number in a cell: digits below digits. */
export const number = (text) => h("span", { class: "number" }, text);
