// The segments of an execution by their state, as one bar.

import { grouped } from "../format/number.js";
import { h } from "./element.js";

export const STATES = ["succeeded", "failed", "cancelled", "running", "pending"];

// Thinner than this a part would not be seen; a single failure among a million has to be.
const LEAST_SHARE = 0.8;

/** The bar. Its label says in words what it shows. */
export function progressBar(execution) {
  const total = totalOf(execution);
  const parts = STATES.filter((state) => execution[state] > 0);
  const words = parts.map((state) => `${grouped(execution[state])} ${state}`).join(", ");
  const share = (state) => Math.max(LEAST_SHARE, (execution[state] / total) * 100);
  return h(
    "span",
    { class: "bar", role: "img", "aria-label": words || "no segments", title: words || "no segments" },
    parts.map((state) =>
      h("span", { key: state, class: `bar-part fill-${state}`, style: { "--share": `${share(state)}` } }),
    ),
  );
}

/** All segments, where their number is known before all are there. */
export function totalOf(execution) {
  return Math.max(execution.segments, execution.expected ?? 0);
}

/** Segments with an outcome. */
export function doneOf(execution) {
  return execution.succeeded + execution.failed + execution.cancelled;
}
