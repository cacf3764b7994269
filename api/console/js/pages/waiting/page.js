// What waits: segments for their retry, and dead letters for a person.

import * as api from "../../api/endpoints.js";
import { counted } from "../../format/number.js";
import { h } from "../../view/element.js";
import { empty, loading, problemNotice } from "../../view/notice.js";
import { Page } from "../page.js";
import { deadLetterTable } from "./dead_letters.js";
import { retryTable } from "./retries.js";

// Open executions that are looked at, and waiting segments of each.
const EXECUTIONS = 20;
const RETRIES = 50;

export class WaitingPage extends Page {
  title = "Waiting";

  start() {
    this.read("retries", readRetries, () => 3_000);
    this.read(
      "letters",
      (options) => api.deadLetters({ limit: 100 }, options),
      () => 10_000,
    );
    this.refresh();
  }

  view() {
    return [
      h("div", { class: "page-head" }, h("h1", { tabindex: "-1" }, this.title)),
      this.#retries(),
      this.#letters(),
    ];
  }

  #retries() {
    const content = this.#content("retries", (executions) => {
      if (executions.length === 0) return empty("No segment waits for a retry.");
      return executions.map(({ execution, waiting }) => retryTable(execution, waiting));
    });
    return h(
      "section",
      { key: "retries", "aria-labelledby": "retries-title" },
      h("h2", { id: "retries-title" }, "Retries"),
      content,
    );
  }

  #letters() {
    const content = this.#content("letters", ({ dead_letters: letters }) =>
      letters.length === 0
        ? empty("There are no dead letters: every record could be read.")
        : [
            h(
              "p",
              { class: "quiet" },
              `${counted(letters.length, "record")} could not be read. They block nothing, and expire after 14 days.`,
            ),
            deadLetterTable(letters),
          ],
    );
    return h(
      "section",
      { key: "letters", "aria-labelledby": "letters-title" },
      h("h2", { id: "letters-title" }, "Dead letters"),
      content,
    );
  }

  #content(name, describe) {
    const { value, error } = this.reads[name] ?? {};
    if (value) return describe(value);
    return error ? problemNotice(error, { retry: () => this.poke(name) }) : loading();
  }
}

// The API has the waiting segments of an execution; which executions have any is in their list.
async function readRetries(options) {
  const { executions } = await api.executions({ status: "open", limit: EXECUTIONS }, options);
  const waiting = executions.filter((execution) => (execution.retrying?.count ?? 0) > 0);
  return Promise.all(
    waiting.map(async (execution) => ({
      execution,
      waiting: await api.retries(execution.execution_id, { limit: RETRIES }, options),
    })),
  );
}
