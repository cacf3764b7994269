// The table of executions.

import { grouped, percent } from "../../format/number.js";
import { millis, span } from "../../format/time.js";
import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { executionLink } from "../../view/execution_link.js";
import { ago } from "../../view/moment.js";
import { doneOf, progressBar, totalOf } from "../../view/progress_bar.js";
import { executionStatus, isOver } from "../../view/status.js";
import { listTable, number } from "../../view/table.js";
import { tagList } from "../../view/tags.js";

const COLUMNS = [
  ["Status", executionStatus],
  ["Execution", name],
  ["Progress", progress],
  ["Failed", failed],
  ["Duration", (execution) => number(duration(execution))],
  ["Opened", (execution) => ago(execution.created_at)],
];

export function executionTable(executions) {
  return listTable({
    kind: "executions",
    columns: COLUMNS,
    rows: executions,
    key: (execution) => execution.execution_id,
  });
}

function name(execution) {
  const { execution_id: id, generation, tags } = execution;
  return [
    executionLink(execution),
    h("span", { class: "quiet small-text" }, h("code", {}, id), generation > 1 && ` · generation ${generation}`),
    tagList(tags),
  ];
}

function progress(execution) {
  const [done, total] = [doneOf(execution), totalOf(execution)];
  const isWhole = isOver(execution) && done === total;
  const text = isWhole ? grouped(total) : `${grouped(done)} of ${grouped(total)} · ${percent(done, total)}`;
  return h("div", { class: "progress-cell" }, progressBar(execution), h("span", { class: "small-text number" }, text));
}

function failed(execution) {
  const waiting = execution.retrying?.count ?? 0;
  return [
    h("span", { class: execution.failed > 0 ? "number has-failed" : "number" }, grouped(execution.failed)),
    waiting > 0 && h("a", { class: "small-text", href: link.waiting() }, `${grouped(waiting)} wait for a retry`),
  ];
}

// How long it took; of one that runs, how long so far.
function duration(execution) {
  const ended = millis(execution.finished_at) ?? Date.now();
  return span(ended - millis(execution.created_at));
}
