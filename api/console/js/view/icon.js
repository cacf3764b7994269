// A shape for each state, so that colour is never the only sign.

import { svg } from "./element.js";

// Lines in a square of 16.
const SHAPES = {
  succeeded: ["M3 8.5 6.5 12 13 4.5"],
  failed: ["M4 4 12 12", "M12 4 4 12"],
  cancelled: ["M3.8 3.8 12.2 12.2", "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11"],
  running: ["M5 3 13 8 5 13Z"],
  pending: ["M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3"],
  scattering: ["M2 8h4", "M6 8 13 3", "M6 8h7", "M6 8l7 5"],
  cancelling: ["M4 4h8v8H4Z"],
  redriving: ["M13 5A5.5 5.5 0 1 0 13.5 9", "M13.5 2v3.5H10"],
  stalled: ["M8 2 15 14H1Z", "M8 6.5v3.5", "M8 12v.4"],
  waiting: ["M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2", "M8 5v3.5l2.5 1.5"],
};

/** The shape of a state. Screen readers skip it: a text stands beside it. */
export function icon(name) {
  const lines = (SHAPES[name] ?? SHAPES.pending).map((d) => svg("path", { d }));
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, lines);
}
