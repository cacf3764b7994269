// One segment: what is to be done, how it went, each attempt with its log.

import * as api from "../../api/endpoints.js";
import { writeExact } from "../../api/exact_json.js";
import { counted, grouped } from "../../format/number.js";
import { span, millis } from "../../format/time.js";
import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { counterList } from "../../view/counters.js";
import { factList } from "../../view/facts.js";
import { clock, ago } from "../../view/moment.js";
import { empty, loading, problemNotice } from "../../view/notice.js";
import { outside, outsideBlock } from "../../view/outside.js";
import { isOver, status } from "../../view/status.js";
import { section } from "../../view/section.js";
import { actionButton } from "../execution/actions.js";
import { redriveAction } from "../execution/redrive.js";
import { Page } from "../page.js";
import { attemptList } from "./attempts.js";

export class SegmentPage extends Page {
  get id() {
    return this.route.parts[0];
  }

  get index() {
    return Number(this.route.parts[1]);
  }

  get title() {
    return `Segment ${grouped(this.index)}`;
  }

  start() {
    const { id, index } = this;
    const every = (milliseconds) => () => (this.#isDone() ? 10_000 : milliseconds);
    this.read("segment", (options) => api.segment(id, index, options), every(2_000));
    this.read("execution", (options) => api.summary(id, options), every(3_000));
    this.read("logs", (options) => api.logs(id, index, options), every(3_000));
    this.key("[", "to the segment before", () => this.#go(-1));
    this.key("]", "to the next segment", () => this.#go(1));
    this.refresh();
  }

  changed = () => this.refresh();

  #isDone() {
    const execution = this.value("execution");
    return Boolean(execution && isOver(execution));
  }

  #go(step) {
    const index = this.index + step;
    const last = (this.value("execution")?.segments ?? Infinity) - 1;
    if (index >= 0 && index <= last) location.hash = link.segment(this.id, index);
  }

  view() {
    const { value: segment, error } = this.reads.segment ?? {};
    if (!segment)
      return [this.#heading(null), error ? problemNotice(error, { retry: () => this.refresh() }) : loading()];
    return [
      this.#heading(segment),
      factList(facts(segment)),
      attemptList(segment, this.reads.logs),
      h(
        "div",
        { class: "columns", key: "json" },
        jsonSection("Spec", segment.spec),
        jsonSection("Result", segment.result),
      ),
      counterList(segment.counters),
    ];
  }

  #heading(segment) {
    const execution = this.value("execution");
    return h(
      "header",
      { class: "page-head", key: "heading" },
      h(
        "p",
        { class: "path" },
        h("a", { href: link.executions() }, "Executions"),
        " / ",
        h(
          "a",
          { class: "up", href: link.execution(this.id) },
          execution ? [outside(execution.job), " ", outside(execution.key)] : this.id,
        ),
      ),
      h("h1", { tabindex: "-1" }, this.title),
      segment &&
        h(
          "p",
          { class: "identity" },
          status(segment.status),
          execution && h("span", { class: "quiet" }, `of ${grouped(execution.segments)}`),
        ),
      segment && h("div", { class: "actions" }, this.#neighbours(execution), this.#redrive(segment, execution)),
    );
  }

  #neighbours(execution) {
    const last = (execution?.segments ?? 0) - 1;
    return [
      this.index > 0 &&
        h("a", { key: "before", class: "button", href: link.segment(this.id, this.index - 1) }, "Before"),
      this.index < last &&
        h("a", { key: "next", class: "button", href: link.segment(this.id, this.index + 1) }, "Next"),
    ];
  }

  #redrive(segment, execution) {
    if (!execution) return null;
    const isUnsuccessful = segment.status === "FAILED" || segment.status === "CANCELLED";
    const why = isUnsuccessful
      ? "The execution can be redriven when it is complete."
      : "Only a segment that failed or was cancelled runs again.";
    const options = { only: String(this.index), about: `Runs segment ${grouped(this.index)} again.` };
    return actionButton("Redrive this segment", this, () => redriveAction(execution, this, options), {
      isOff: !isUnsuccessful || !isOver(execution),
      why,
    });
  }
}

function facts(segment) {
  const finished = millis(segment.finished_at);
  const isRunning = segment.status === "RUNNING";
  const took = isRunning ? Date.now() - millis(segment.started_at) : segment.duration_ms;
  return [
    ["Generation", String(segment.generation)],
    ["Attempts", counted(segment.attempt, "attempt")],
    [isRunning ? "Running for" : "Took", segment.started_at ? span(took) : "–"],
    ["Items", grouped(segment.item_count)],
    ["Created", clock(segment.created_at)],
    ["Started", segment.started_at ? clock(segment.started_at) : "not yet"],
    ["Finished", finished === null ? "not yet" : clock(segment.finished_at)],
    ...(segment.retry_at && segment.status === "PENDING" ? [["Next attempt", ago(segment.retry_at)]] : []),
  ];
}

function jsonSection(name, value) {
  const isThere = value !== null && value !== undefined;
  const nothing = name === "Result" ? "None was returned." : "There is none.";
  return section(
    name.toLowerCase(),
    name,
    isThere ? outsideBlock(writeExact(value), `${name} as JSON`) : empty(nothing),
  );
}
