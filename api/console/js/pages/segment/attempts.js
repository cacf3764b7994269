// The attempts of a segment, newest first, each with what it printed.

import { span } from "../../format/time.js";
import { h } from "../../view/element.js";
import { clock } from "../../view/moment.js";
import { empty, problemNotice } from "../../view/notice.js";
import { outsideBlock } from "../../view/outside.js";
import { icon } from "../../view/icon.js";
import { kindName } from "../../view/error_kind.js";
import { section } from "../../view/section.js";

export function attemptList(segment, logs) {
  const attempts = attemptsOf(segment, logs?.value?.attempts ?? []);
  return section(
    "attempts",
    "Attempts",
    attempts.length === 0 ? empty("It has not been tried yet.") : h("ol", { class: "attempts" }, attempts.map(attempt)),
    logs?.error &&
      !logs.value &&
      (logs.error.code === "not_kept_here"
        ? h("p", { class: "quiet" }, "Logs are kept only on the machine that runs the work.")
        : problemNotice(logs.error)),
  );
}

// Failed attempts are in the row, the newest five; the current one, or the one that succeeded, is the row itself; logs add what was
// printed.
function attemptsOf(segment, logs) {
  const byName = new Map();
  const entry = (generation, number) => {
    const name = `${generation}.${number}`;
    if (!byName.has(name)) byName.set(name, { name, generation, number });
    return byName.get(name);
  };
  for (const failed of segment.failures ?? []) Object.assign(entry(failed.generation, failed.attempt), { failed });
  if (segment.attempt > 0 && segment.status !== "PENDING")
    Object.assign(entry(segment.generation, segment.attempt), { segment });
  for (const log of logs) Object.assign(entry(log.generation ?? segment.generation, log.attempt), { log });
  return [...byName.values()].sort((a, b) => b.generation - a.generation || b.number - a.number);
}

function attempt({ name, generation, number, failed, segment, log }) {
  const state = failed ? "failed" : segment ? segment.status.toLowerCase() : "pending";
  // The row has the newest failure's message whole, the list its end.
  const error = segment?.error && failed ? segment.error : failed;
  return h(
    "li",
    { key: name, class: `attempt state-${state}` },
    h(
      "p",
      { class: "attempt-head" },
      icon(state),
      h("b", {}, `Attempt ${number}`),
      generation > 1 && ` of generation ${generation}`,
      ` ${failed ? kindName(failed.kind) : state}`,
      times(failed, segment),
    ),
    error && outsideBlock(error.message, `Error of attempt ${number}`),
    log && printed(log, number),
  );
}

function times(failed, segment) {
  const [ended, took] = failed
    ? [failed.finished_at, failed.duration_ms]
    : [segment?.finished_at, segment?.duration_ms];
  return h(
    "span",
    { class: "quiet" },
    ended
      ? [" ", clock(ended), ", took ", span(took ?? 0)]
      : segment?.started_at && [" since ", clock(segment.started_at)],
  );
}

function printed({ text, cut }, number) {
  if (text === "") return h("p", { class: "quiet" }, "It printed nothing.");
  return h(
    "details",
    { open: true },
    h("summary", {}, "What it printed", cut && " (the beginning and the end)"),
    outsideBlock(text, `What attempt ${number} printed`),
  );
}
