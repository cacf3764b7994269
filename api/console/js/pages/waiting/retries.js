// The segments of an execution that wait for a retry, the next one first.

import { grouped } from "../../format/number.js";
import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { kindName } from "../../view/error_kind.js";
import { ago, clock } from "../../view/moment.js";
import { outside } from "../../view/outside.js";
import { listTable, number } from "../../view/table.js";

export function retryTable(execution, { retries, count }) {
  const { execution_id: id, job, key } = execution;
  const columns = [
    ["Segment", ({ segment }) => h("a", { href: link.segment(id, segment), "data-row": true }, grouped(segment))],
    ["Next attempt", ({ next_at: at }) => [ago(at), " ", h("span", { class: "quiet" }, clock(at))]],
    ["Attempts so far", ({ attempt }) => number(grouped(attempt))],
    ["Reason", ({ error }) => reason(error)],
  ];
  const shown = count > retries.length ? `, the next ${grouped(retries.length)} shown` : "";
  const label = `retries-of-${id}`;
  return h(
    "div",
    { key: id },
    h(
      "h3",
      { id: label },
      h("a", { href: link.execution(id) }, outside(job), " ", outside(key)),
      `: ${grouped(count)} waiting${shown}`,
    ),
    listTable({ kind: "retries", label, columns, rows: retries, key: ({ segment }) => segment }),
  );
}

function reason(error) {
  if (!error) return "not recorded";
  return [h("span", { class: "quiet" }, `${kindName(error.kind)}: `), outside(error.message, { class: "message" })];
}
