// The status of an execution or a segment: a shape, a colour and a word.

import { h } from "./element.js";
import { icon } from "./icon.js";

// Ended: nothing of the execution changes until a redrive.
const TERMINAL = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);

export const STATUSES = ["SCATTERING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLING", "CANCELLED", "REDRIVING"];

/** Whether the generation is complete. */
export const isOver = (execution) => TERMINAL.has(execution.status);

/** The status of an execution, and that it is stalled if it is. */
export const executionStatus = (execution) => [status(execution.status), execution.stalled_at && status("STALLED")];

/** The status with its sign. */
export function status(name) {
  const state = String(name).toLowerCase();
  return h("span", { class: `status state-${state}` }, icon(state), String(name));
}
