// The list of shortcuts, which `?` opens.

import { openDialog } from "../view/dialog.js";
import { checkField } from "../view/field.js";
import { h } from "../view/element.js";
import { areOn, listed, turn } from "./shortcuts.js";

/** Opens it. */
export function showShortcuts() {
  openDialog({ title: "Keys", isWide: false, content: () => [table(), mapKeys(), off()] });
}

function table() {
  const rows = listed().map(({ keys, description }) => row(keys.split(" "), description));
  return h("table", { class: "keys" }, h("caption", {}, "On this page"), h("tbody", {}, rows));
}

function mapKeys() {
  const rows = [
    [["←", "→", "↑", "↓"], "move in the map of segments, when it has the focus"],
    [["Enter"], "look closer"],
    [["Backspace"], "step back"],
    [["f"], "to the next failure"],
  ];
  return h(
    "table",
    { class: "keys" },
    h("caption", {}, "In the map of segments"),
    h(
      "tbody",
      {},
      rows.map(([keys, text]) => row(keys, text)),
    ),
  );
}

function row(keys, description) {
  const names = keys.map((key) => h("kbd", {}, key));
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      names.flatMap((name, at) => (at === 0 ? [name] : [" ", name])),
    ),
    h("td", {}, description),
  );
}

const off = () => checkField("Single keys are on", areOn(), turn);
