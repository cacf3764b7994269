// Notices: an error of the API, a remark, an empty list.

import { Problem } from "../api/problem.js";
import { h } from "./element.js";
import { outside } from "./outside.js";

/** An error, with what to do. */
export function problemNotice(error, { retry } = {}) {
  const problem =
    error instanceof Problem
      ? error
      : new Problem({ title: "This page has a defect", detail: String(error?.message ?? error) });
  return h(
    "div",
    { class: "notice notice-error", role: "alert" },
    h("strong", {}, outside(problem.title)),
    problem.detail && h("p", {}, outside(problem.detail)),
    problem.whatToDo && h("p", {}, problem.whatToDo),
    h("p", { class: "quiet" }, `code: ${problem.code}${problem.status ? `, HTTP ${problem.status}` : ""}`),
    retry && problem.retryable && h("button", { type: "button", onclick: retry }, "Try again"),
  );
}

/** A remark. */
export const remark = (...children) => h("p", { class: "notice" }, ...children);

/** Says that there is nothing, and why that may be. */
export const empty = (...children) => h("p", { class: "empty" }, ...children);

/** What stands where something will be. */
export const loading = () => h("p", { class: "empty" }, "Loading …");
