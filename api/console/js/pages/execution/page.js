// One execution: how it stands and why, its segments as a map, its speed, its failures, its results.

import * as api from "../../api/endpoints.js";
import { visible } from "../../format/hidden.js";
import { Rate } from "../../live/rate.js";
import { link } from "../../router.js";
import { announce } from "../../view/announce.js";
import { h } from "../../view/element.js";
import { counterList } from "../../view/counters.js";
import { pageTitle } from "../../view/section.js";
import { loading } from "../../view/notice.js";
import { isOver } from "../../view/status.js";
import { Page } from "../page.js";
import { actionButtons } from "./actions.js";
import { durations } from "./durations.js";
import { failureTable } from "./failures.js";
import { readGroups } from "./groups.js";
import { heading } from "./heading.js";
import { MapSection } from "./map.js";
import { resultList } from "./results.js";
import { summary } from "./summary.js";
import { throughput } from "./throughput.js";
import { timeline } from "./timeline.js";

const RESULTS_PER_PAGE = 25;

export class ExecutionPage extends Page {
  #rate = new Rate();
  #map;
  #resultsCursor = undefined;

  get id() {
    return this.route.parts[0];
  }

  get title() {
    const execution = this.value("execution");
    return execution ? `${execution.job} ${visible(execution.key)}` : "Execution";
  }

  start() {
    const { id } = this;
    this.#map = new MapSection(id, this);
    this.read("execution", (options) => api.summary(id, options));
    this.read("groups", (options) => readGroups(id, options), this.#whileOpen(3_000));
    this.read("segments", (options) => this.#map.readSegments(options), this.#whileOpen(2_000));
    this.read("failures", (options) => api.failures(id, options), this.#whileOpen(10_000));
    this.read("statistics", (options) => api.statistics(id, options), this.#whileOpen(30_000));
    this.read("now", (options) => api.now(options), this.#whileOpen(5_000));
    this.read("events", (options) => api.events(id, options), this.#whileOpen(5_000));
    this.read(
      "results",
      (options) => api.results(id, { limit: RESULTS_PER_PAGE, cursor: this.#resultsCursor }, options),
      this.#whileOpen(15_000),
    );
    this.#map.change(this.route.values);
    this.refresh();
  }

  stop() {
    super.stop();
    this.#map.stop();
  }

  change(values) {
    super.change(values);
    this.#map.change(values);
    this.poke("segments");
  }

  onRead(name, { value }, before) {
    // Which segments are shown one by one follows from the groups.
    if (name === "groups" && value && value !== before?.value) this.poke("segments");
    if (name === "execution" && value) this.#onExecution(value, before);
  }

  #onExecution(value, before) {
    // An address such as `latest` would mean another execution later.
    if (value.execution_id !== this.id) location.replace(link.execution(value.execution_id));
    this.#rate.add(value, Date.now());
    const earlier = before?.value;
    if (!earlier || (earlier.status === value.status && earlier.generation === value.generation)) return;
    announce(`The execution is ${value.status}`);
    // What is read rarely, or no more, has changed too.
    for (const other of ["groups", "segments", "failures", "statistics", "events", "results"]) this.poke(other);
  }

  /** Whether the shown results are the first. */
  get isAtFirstResults() {
    return this.#resultsCursor === undefined;
  }

  /** Shows another page of results. */
  showResults(cursor) {
    this.#resultsCursor = cursor;
    this.poke("results");
  }

  /** Reads everything again after a change that a person made. */
  changed = () => this.refresh();

  // Whether the process that worked on it has ended, so that it continues only when another takes it over.
  #isLeft(execution) {
    const processes = this.value("now")?.processes ?? [];
    const workers = processes.filter((process) => process.executions?.includes(execution.execution_id));
    return !isOver(execution) && workers.length > 0 && workers.every((process) => !process.alive);
  }

  // A complete execution does not change, until a redrive changes its status.
  #whileOpen(every) {
    return () => (this.value("execution") && isOver(this.value("execution")) ? Infinity : every);
  }

  view() {
    const content = this.part("execution", (execution) => this.#describe(execution), loading());
    return this.value("execution") ? content : [pageTitle(this.title), content];
  }

  #describe(execution) {
    return [
      heading(execution, actionButtons(execution, this), this.#isLeft(execution)),
      summary(execution, this.#rate),
      this.#map.view(execution),
      h(
        "div",
        { class: "columns", key: "charts" },
        this.part("statistics", throughput),
        this.part("statistics", (statistics) => durations(statistics, this.id)),
      ),
      this.part("failures", (failures) => failureTable(failures, execution, this)),
      counterList(execution.counters),
      h(
        "div",
        { class: "columns", key: "details" },
        this.part("results", (results) => resultList(results, this)),
        this.part("events", timeline),
      ),
    ];
  }
}
