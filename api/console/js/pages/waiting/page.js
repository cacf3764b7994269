// What waits: segments for their retry, and dead letters for a person.

import * as api from "../../api/endpoints.js";
import { counted } from "../../format/number.js";
import { h } from "../../view/element.js";
import { empty, loading } from "../../view/notice.js";
import { Page } from "../page.js";
import { deadLetterTable } from "./dead_letters.js";
import { retryTable } from "./retries.js";
import { pageTitle, section } from "../../view/section.js";

// The newest executions, among which the open ones are looked for.
const LOOKED_AT = 500;

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
      pageTitle(this.title),
      section("retries", "Retries", this.part("retries", retries, loading())),
      section("letters", "Dead letters", this.part("letters", deadLetters, loading())),
    ];
  }
}

function retries(executions) {
  if (executions.length === 0) return empty("No segment waits for a retry.");
  return executions.map(({ execution, waiting }) => retryTable(execution, waiting));
}

function deadLetters({ dead_letters: letters }) {
  if (letters.length === 0) return empty("There are no dead letters: every record could be read.");
  const text = `${counted(letters.length, "record")} could not be read. They block nothing, and expire after 14 days.`;
  return [h("p", { class: "quiet" }, text), deadLetterTable(letters)];
}

// The API has the waiting segments of an execution; which executions have any is in their list.
async function readRetries(options) {
  const executions = await api.openExecutions({ among: LOOKED_AT, limit: EXECUTIONS }, options);
  const waiting = executions.filter((execution) => (execution.retrying?.count ?? 0) > 0);
  return Promise.all(
    waiting.map(async (execution) => ({
      execution,
      waiting: await api.retries(execution.execution_id, { limit: RETRIES }, options),
    })),
  );
}
