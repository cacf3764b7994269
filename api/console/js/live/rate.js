// How fast an execution is, from what this page has seen of it.

import { millis } from "../format/time.js";
import { doneOf, totalOf } from "../view/progress_bar.js";

// Long enough to be calm, short enough to notice that work has stopped.
const WINDOW_MS = 60_000;

// A shorter span says little.
const LEAST_MS = 3_000;

/** Keeps the samples of one execution. */
export class Rate {
  #samples = [];

  /** Adds what was read at a moment. */
  add(execution, at) {
    const done = doneOf(execution);
    const last = this.#samples.at(-1);
    // A redrive takes outcomes back: what was seen before says nothing about it.
    if (last && (done < last.done || execution.generation !== last.generation)) this.#samples = [];
    this.#samples.push({ at, done, generation: execution.generation });
    this.#samples = this.#samples.filter((sample) => sample.at >= at - WINDOW_MS);
  }

  /** Segments a second; `null` while that is not known. */
  perSecond(execution) {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first && last.at - first.at >= LEAST_MS) return ((last.done - first.done) / (last.at - first.at)) * 1000;
    const began = millis(execution.started_at ?? (execution.generation === 1 ? execution.created_at : null));
    if (began === null || !last || last.at <= began) return null;
    return (doneOf(execution) / (last.at - began)) * 1000;
  }

  /** Milliseconds to the end at this rate; `null` while that is not known. */
  left(execution) {
    const rate = this.perSecond(execution);
    const open = totalOf(execution) - doneOf(execution);
    return rate > 0 && open > 0 ? (open / rate) * 1000 : null;
  }
}
