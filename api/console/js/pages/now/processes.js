// The processes that have worked on the data directory.

import { h } from "../../view/element.js";
import { icon } from "../../view/icon.js";
import { ago } from "../../view/moment.js";
import { outside } from "../../view/outside.js";
import { listTable } from "../../view/table.js";

const COLUMNS = [
  ["Process", ({ id }) => outside(id, { class: "mono" })],
  ["Program", ({ program }) => (program ? outside(program) : "–")],
  ["Since", ({ since }) => (since ? ago(since) : "–")],
  ["State", ({ alive }) => state(alive)],
];

export function processTable(processes) {
  return listTable({ columns: COLUMNS, rows: processes, key: ({ id }) => String(id) });
}

function state(isAlive) {
  const [sign, word] = isAlive ? ["running", "alive"] : ["cancelled", "ended"];
  return h("span", { class: `status state-${sign}` }, icon(sign), word);
}
