// What happens now: open executions with their speed, what each worker does, the processes of the data directory.

import * as api from "../../api/endpoints.js";
import { counted, grouped, perSecond } from "../../format/number.js";
import { Rate } from "../../live/rate.js";
import { h } from "../../view/element.js";
import { factList } from "../../view/facts.js";
import { empty, loading, problemNotice, remark } from "../../view/notice.js";
import { isOver } from "../../view/status.js";
import { Page } from "../page.js";
import { openTable } from "./open.js";
import { processTable } from "./processes.js";
import { runningTable } from "./running.js";

const EXECUTIONS = 50;

export class NowPage extends Page {
  title = "Now";
  #rates = new Map();

  start() {
    this.read("now", (options) => api.now(options));
    this.read("open", (options) => api.executions({ status: "open", limit: EXECUTIONS }, options));
    this.refresh();
  }

  onRead(name, { value }) {
    if (name !== "open" || !value) return;
    const rates = new Map();
    for (const execution of value.executions) {
      const rate = this.#rates.get(execution.execution_id) ?? new Rate();
      rate.add(execution, Date.now());
      rates.set(execution.execution_id, rate);
    }
    // Those that are over are forgotten with it.
    this.#rates = rates;
  }

  view() {
    return [
      h("div", { class: "page-head" }, h("h1", { tabindex: "-1" }, this.title)),
      this.#figures(),
      this.#open(),
      this.#workers(),
    ];
  }

  #figures() {
    const [now, open] = [this.value("now"), this.value("open")];
    const rates = (open?.executions ?? []).map(
      (execution) => this.#rates.get(execution.execution_id)?.perSecond(execution) ?? 0,
    );
    const total = rates.reduce((sum, rate) => sum + rate, 0);
    const facts = [
      ["Open executions", open ? grouped(open.executions.length) : "–"],
      ["Segments a second", open && open.executions.length > 0 ? perSecond(total) : "–"],
      ["In work", now ? grouped(now.running.length) : "–"],
      ["Queued", now?.queued === undefined || now.queued === null ? "–" : grouped(now.queued)],
    ];
    return factList(facts);
  }

  #open() {
    const { value, error } = this.reads.open ?? {};
    const executions = value?.executions.filter((execution) => !isOver(execution)) ?? [];
    const content = value
      ? executions.length === 0
        ? empty("Nothing is open.")
        : openTable(executions, this.#rates)
      : error
        ? problemNotice(error)
        : loading();
    return h(
      "section",
      { key: "open", "aria-labelledby": "open-title" },
      h("h2", { id: "open-title" }, "Open executions"),
      content,
    );
  }

  #workers() {
    const { value: now, error } = this.reads.now ?? {};
    if (!now)
      return error
        ? error.code === "not_kept_here"
          ? remark("What each worker does is known only on the machine that runs the work.")
          : problemNotice(error)
        : loading();
    const running = now.running ?? [];
    const processes = now.processes ?? [];
    return [
      h(
        "section",
        { key: "running", "aria-labelledby": "running-title" },
        h("h2", { id: "running-title" }, `In work: ${counted(running.length, "segment")}`),
        running.length === 0 ? empty("No worker has a segment.") : runningTable(running),
      ),
      h(
        "section",
        { key: "processes", "aria-labelledby": "processes-title" },
        h("h2", { id: "processes-title" }, "Processes"),
        processes.length === 0 ? empty("No process works on this data directory.") : processTable(processes),
      ),
    ];
  }
}
