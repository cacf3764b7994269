// The numbers of an execution.

import { counted, grouped, percent, perSecond } from "../../format/number.js";
import { millis, span } from "../../format/time.js";
import { h } from "../../view/element.js";
import { factList } from "../../view/facts.js";
import { clock } from "../../view/moment.js";
import { doneOf, progressBar, STATES, totalOf } from "../../view/progress_bar.js";
import { icon } from "../../view/icon.js";
import { isOver } from "../../view/status.js";

export function summary(execution, rate) {
  return h(
    "section",
    { class: "summary", key: "summary", "aria-label": "Progress" },
    progress(execution),
    h(
      "ul",
      { class: "states" },
      STATES.map((state) => stateCount(execution, state)),
    ),
    factList(facts(execution, rate)),
  );
}

function progress(execution) {
  const [done, total] = [doneOf(execution), totalOf(execution)];
  const text = `${grouped(done)} of ${counted(total, "segment")} done`;
  return h(
    "p",
    { class: "progress" },
    progressBar(execution),
    h("span", { class: "progress-text" }, h("b", {}, percent(done, total)), ` · ${text}`),
  );
}

function stateCount(execution, state) {
  return h(
    "li",
    { key: state, class: `state-${state}` },
    icon(state),
    h("b", { class: "number" }, grouped(execution[state])),
    ` ${state}`,
  );
}

function facts(execution, rate) {
  return [...speed(execution, rate), ...limits(execution), ...work(execution), ...moments(execution)];
}

function speed(execution, rate) {
  if (isOver(execution)) return [["Rate", overall(execution)]];
  const left = rate.left(execution);
  return [
    ["Rate", perSecond(rate.perSecond(execution) ?? NaN)],
    ["Time left", left === null ? "not known yet" : `about ${span(left)}`],
    ["Waiting for a retry", grouped(execution.retrying?.count ?? 0)],
  ];
}

// Of a redriven execution, the time since it was opened says nothing about how fast it was.
function overall(execution) {
  const took = millis(execution.finished_at) - millis(execution.started_at ?? execution.created_at);
  if (execution.generation > 1 || !(took > 0)) return null;
  return perSecond((doneOf(execution) / took) * 1000);
}

function limits({ in_flight: inFlight, max_concurrency: most, policy, ...execution }) {
  const slots =
    most === undefined || most === null
      ? null
      : isOver(execution)
        ? `at most ${grouped(most)}`
        : `${grouped(inFlight ?? 0)} of ${grouped(most)}`;
  const tolerated = policy?.tolerated_failures;
  return [
    ["In flight", slots],
    ["Failures tolerated", tolerated === undefined ? null : String(tolerated)],
    ["Attempts of a segment", policy ? `at most ${policy.max_attempts}` : null],
  ];
}

function work(execution) {
  return [
    ["Attempts", grouped(execution.attempts)],
    ["Items", grouped(execution.item_count)],
    ["Work", span(execution.duration_ms)],
  ];
}

function moments(execution) {
  const finished = millis(execution.finished_at);
  const elapsed = (finished ?? Date.now()) - millis(execution.created_at);
  return [
    ["Opened", clock(execution.created_at)],
    ["Sealed", execution.sealed_at ? clock(execution.sealed_at) : "not yet"],
    ["Finished", finished === null ? null : clock(execution.finished_at)],
    [finished === null ? "Running for" : "Took", span(elapsed)],
  ];
}
