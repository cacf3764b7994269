// The segments that workers have, the longest first.

import { grouped } from "../../format/number.js";
import { millis, span } from "../../format/time.js";
import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { clock } from "../../view/moment.js";
import { outside } from "../../view/outside.js";
import { listTable, number } from "../../view/table.js";

// A thousand workers are possible; the longest running are of interest.
const SHOWN = 200;

const COLUMNS = [
  [
    "Segment",
    ({ execution_id: id, segment }) => h("a", { href: link.segment(id, segment), "data-row": true }, grouped(segment)),
  ],
  ["Job", ({ execution_id: id, job }) => h("a", { href: link.execution(id) }, outside(job))],
  ["Attempt", ({ attempt }) => number(grouped(attempt))],
  ["Running for", ({ started_at: at }) => number(soFar(at))],
  ["Since", ({ started_at: at }) => clock(at)],
  ["Process", ({ process }) => process ?? "–"],
];

export function runningTable(running, processes) {
  const began = ({ started_at: at }) => millis(at) ?? Infinity;
  const longestFirst = [...running].sort((a, b) => began(a) - began(b)).slice(0, SHOWN);
  return listTable({
    columns: COLUMNS,
    rows: longestFirst.map((one) => ({ ...one, process: processOf(one, processes) })),
    key: ({ execution_id: id, segment }) => `${id} ${segment}`,
  });
}

// The living process that works on the execution: a worker is a task of it.
function processOf({ execution_id: id }, processes) {
  return processes.find(({ alive, executions = [] }) => alive && executions.includes(id))?.id;
}

function soFar(startedAt) {
  const began = millis(startedAt);
  return began === null ? "–" : span(Date.now() - began);
}
