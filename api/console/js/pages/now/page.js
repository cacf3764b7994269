// What happens now: open executions with their speed, what each worker does, the processes of the data directory.

import * as api from "../../api/endpoints.js";
import { counted, grouped, perSecond } from "../../format/number.js";
import { Rate } from "../../live/rate.js";
import { factList } from "../../view/facts.js";
import { empty, loading, remark } from "../../view/notice.js";
import { isOver } from "../../view/status.js";
import { Page } from "../page.js";
import { openTable } from "./open.js";
import { processTable } from "./processes.js";
import { runningTable } from "./running.js";
import { pageTitle, section } from "../../view/section.js";

// The newest executions, among which the open ones are looked for, and open ones that are shown.
const LOOKED_AT = 500;
const EXECUTIONS = 50;

export class NowPage extends Page {
  title = "Now";
  #rates = new Map();

  start() {
    this.read("now", (options) => api.now(options));
    this.read("open", (options) => api.openExecutions({ among: LOOKED_AT, limit: EXECUTIONS }, options));
    this.refresh();
  }

  onRead(name, { value }) {
    if (name !== "open" || !value) return;
    const rates = new Map();
    for (const execution of value) {
      const rate = this.#rates.get(execution.execution_id) ?? new Rate();
      rate.add(execution, Date.now());
      rates.set(execution.execution_id, rate);
    }
    // Those that are over are forgotten with it.
    this.#rates = rates;
  }

  view() {
    return [
      pageTitle(this.title),
      this.#figures(),
      section(
        "open",
        "Open executions",
        this.part("open", (open) => this.#open(open), loading()),
      ),
      this.#workers(),
    ];
  }

  #figures() {
    const [now, open] = [this.value("now"), this.value("open")];
    const rates = (open ?? []).map((execution) => this.#rates.get(execution.execution_id)?.perSecond(execution) ?? 0);
    const total = rates.reduce((sum, rate) => sum + rate, 0);
    const facts = [
      ["Open executions", open ? grouped(open.length) : "–"],
      ["Segments a second", open && open.length > 0 ? perSecond(total) : "–"],
      ["In work", now ? grouped(now.running.length) : "–"],
      ["Queued", now?.queued === undefined || now.queued === null ? "–" : grouped(now.queued)],
    ];
    return factList(facts);
  }

  #open(executions) {
    const open = executions.filter((execution) => !isOver(execution));
    return open.length === 0 ? empty("Nothing is open.") : openTable(open, this.#rates);
  }

  #workers() {
    // On a stack only Lambda knows.
    if (this.reads.now?.error?.code === "not_kept_here")
      return remark("What each worker does is known only on the machine that runs the work.");
    return this.part("now", workers, loading());
  }
}

function workers({ running = [], processes = [] }) {
  const title = `In work: ${counted(running.length, "segment")}`;
  return [
    section(
      "running",
      title,
      running.length === 0 ? empty("No worker has a segment.") : runningTable(running, processes),
    ),
    section(
      "processes",
      "Processes",
      processes.length === 0 ? empty("No process works on this data directory.") : processTable(processes),
    ),
  ];
}
