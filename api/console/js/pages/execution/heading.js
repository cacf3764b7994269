// Which execution it is, how it stands, and why.

import { grouped } from "../../format/number.js";
import { commandLine } from "../../format/shell.js";
import { link } from "../../router.js";
import { copyButton, copyLine } from "../../view/copy_line.js";
import { h } from "../../view/element.js";
import { icon } from "../../view/icon.js";
import { ago, clock } from "../../view/moment.js";
import { outside } from "../../view/outside.js";
import { isOver, status } from "../../view/status.js";
import { tagList } from "../../view/tags.js";

const STOPS = {
  REQUESTED: "An operator cancelled it.",
  TOO_MANY_FAILURES: "It was stopped: more segments failed than are tolerated.",
  TIMED_OUT: "It was stopped: its time limit was reached.",
};

export function heading(execution, buttons, isLeft) {
  const { execution_id: id, job, key } = execution;
  return h(
    "header",
    { class: "page-head", key: "heading" },
    h(
      "p",
      { class: "path" },
      h("a", { class: "up", href: link.executions() }, "Executions"),
      " / ",
      h("a", { href: link.executions({ job }) }, outside(job)),
    ),
    h("h1", { tabindex: "-1" }, outside(job), " ", outside(key, { class: "key" })),
    h(
      "p",
      { class: "identity" },
      status(execution.status),
      h("code", {}, id),
      copyButton(id, "Copy", "the execution's ID"),
      generation(execution),
      tagList(execution.tags),
    ),
    h(
      "ul",
      { class: "reasons" },
      reasons(execution).map(([sign, ...text]) => h("li", {}, icon(sign), h("span", {}, text))),
    ),
    isLeft && left(execution),
    buttons,
  );
}

function generation({ generation: number }) {
  return number > 1 && h("span", { class: "badge" }, `generation ${number}`);
}

// Why it stands as it does: each line with a sign.
function reasons(execution) {
  return [
    execution.stopped && ["cancelled", STOPS[execution.stopped] ?? execution.stopped],
    execution.stalled_at && [
      "stalled",
      "Stalled: no segment has had an outcome since ",
      clock(execution.progress_at ?? execution.stalled_at),
      ".",
    ],
    execution.waits_in_stream && !isOver(execution) && ["waiting", "Its records wait in the stream behind others."],
    firstFailure(execution),
    retrying(execution),
    execution.status === "SCATTERING" && [
      "scattering",
      "Segments are still being added: it completes after its seal only.",
    ],
  ].filter(Boolean);
}

function firstFailure({ execution_id: id, first_failure: index, first_error: error }) {
  if (index === undefined || index === null) return null;
  const segment = h("a", { href: link.segment(id, index) }, `segment ${grouped(index)}`);
  return ["failed", "The first failure was ", segment, error && [": ", outside(tellingLine(error.message))]];
}

// Of a traceback, the last line says what happened.
function tellingLine(message) {
  const lines = String(message)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return (lines[0]?.startsWith("Traceback") ? lines.at(-1) : lines[0]) ?? "";
}

function retrying({ execution_id: id, retrying: retries }) {
  if (!retries || retries.count === 0) return null;
  const next = h("a", { href: link.segment(id, retries.segment) }, `segment ${grouped(retries.segment)}`);
  return ["waiting", `${grouped(retries.count)} wait for a retry; the next is `, next, ", ", ago(retries.next_at), "."];
}

function left({ execution_id: id }) {
  return h(
    "div",
    { class: "notice notice-warning" },
    "The process that worked on it has ended.",
    copyLine(commandLine("resume", id), "This continues it"),
  );
}
