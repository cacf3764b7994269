// The processes that have worked on the data directory.

import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { icon } from "../../view/icon.js";
import { ago } from "../../view/moment.js";
import { outside } from "../../view/outside.js";
import { listTable } from "../../view/table.js";

// A process may have started thousands.
const EXECUTIONS_SHOWN = 5;

const COLUMNS = [
  ["Process", ({ id }) => (id === null ? "–" : outside(id, { class: "mono" }))],
  ["Program", ({ program }) => (program ? outside(program) : "–")],
  ["Since", ({ since }) => (since ? ago(since) : "–")],
  ["State", ({ alive }) => state(alive)],
  ["Works on", ({ executions = [] }) => worksOn(executions)],
];

export function processTable(processes) {
  return listTable({ columns: COLUMNS, rows: processes, key: ({ id, since }) => `${id} ${since}` });
}

function worksOn(executions) {
  if (executions.length === 0) return "nothing open";
  const shown = executions
    .slice(0, EXECUTIONS_SHOWN)
    .map((id) => h("li", { key: id }, h("a", { href: link.execution(id) }, id)));
  const more = executions.length - shown.length;
  return [h("ul", { class: "plain-list mono" }, shown), more > 0 && `and ${more} more`];
}

function state(isAlive) {
  const [sign, word] = isAlive ? ["running", "alive"] : ["cancelled", "ended"];
  return h("span", { class: `status state-${sign}` }, icon(sign), word);
}
