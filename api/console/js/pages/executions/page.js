// All executions: a filter, a grid of jobs and days, a table.

import * as api from "../../api/endpoints.js";
import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { empty, loading } from "../../view/notice.js";
import { pageTitle, section } from "../../view/section.js";
import { Page } from "../page.js";
import { filterForm, filterOf, isFiltered } from "./filter.js";
import { executionGrid } from "./grid.js";
import { executionTable } from "./table.js";

const GRID_DAYS = 14;
const PAGE_SIZE = 50;

export class ExecutionsPage extends Page {
  title = "Executions";

  start() {
    const filter = () => ({
      ...filterOf(this.route.values),
      cursor: this.route.values.get("cursor"),
      limit: PAGE_SIZE,
    });
    this.read("list", (options) => api.executions(filter(), options));
    // A day changes its picture rarely, and the grid reads many rows.
    this.read(
      "grid",
      (options) => api.grid({ days: GRID_DAYS, job: this.route.values.get("job") }, options),
      () => 10_000,
    );
    this.read(
      "jobs",
      (options) => api.jobs(options),
      () => Infinity,
    );
    this.refresh();
  }

  change(values) {
    super.change(values);
    delete this.reads.list;
    this.refresh();
  }

  view() {
    return [
      pageTitle(this.title),
      filterForm(this.route.values, this.value("jobs")?.jobs ?? []),
      this.#grid(),
      this.part("list", (list) => this.#table(list), loading()),
    ];
  }

  #grid() {
    const grid = this.value("grid");
    // The grid is an extra: without it the table says the same.
    if (!grid || grid.jobs.length === 0) return null;
    return executionGrid(grid);
  }

  #table({ executions, next }) {
    if (executions.length === 0 && !next) return this.#nothing();
    return section(
      "table",
      "Table",
      executions.length === 0
        ? empty("None of the newest fits this filter. Older ones may.")
        : executionTable(executions),
      this.#pages(next),
    );
  }

  #nothing() {
    if (isFiltered(this.route.values))
      return empty("No execution fits this filter. ", h("a", { href: link.executions() }, "Show all"));
    return empty("There are no executions here yet. ", h("code", {}, "scatterctl run"), " starts the first.");
  }

  #pages(next) {
    const values = filterOf(this.route.values);
    const isFirst = !this.route.values.get("cursor");
    if (isFirst && !next) return null;
    return h(
      "nav",
      { class: "pages", "aria-label": "Older and newer executions" },
      !isFirst && h("a", { href: link.executions(values), class: "button" }, "Newest"),
      next && h("a", { href: link.executions({ ...values, cursor: next }), class: "button" }, "Older"),
    );
  }
}
