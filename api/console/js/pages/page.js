// What every page has: reads that repeat, a description of what is shown, keys of its own.

import { Poll } from "../live/poll.js";
import { problemNotice } from "../view/notice.js";
import { shortcut } from "../keys/shortcuts.js";

export class Page {
  #polls = new Map();
  #shortcuts = [];

  constructor(route, app) {
    this.route = route;
    this.app = app;
    /** What each read answered last, by its name: `{ value, error, at }`. */
    this.reads = {};
  }

  /** Adds a read. A value stays when a later read fails. */
  read(name, read, every) {
    const show = (answer) => {
      const before = this.reads[name];
      this.reads[name] = answer.error ? { ...before, error: answer.error } : answer;
      this.onRead(name, answer, before);
      this.app.draw();
    };
    const poll = new Poll({ read, show, every: () => this.#wait(name, every?.() ?? 2000) });
    this.#polls.set(name, poll);
    return poll;
  }

  // What only the machine that runs the work knows, a stack does not learn later.
  #wait(name, every) {
    const isNever = this.app.isPaused || this.reads[name]?.error?.code === "not_kept_here";
    return isNever ? Infinity : every * this.app.pace;
  }

  /** Adds a key that this page has. */
  key(keys, description, act) {
    this.#shortcuts.push(shortcut(keys, description, act));
  }

  /** The value of a read, or `undefined` before the first answer. */
  value(name) {
    return this.reads[name]?.value;
  }

  /** Describes what a read answered, or why there is no answer. `waiting` is shown before the first. */
  part(name, describe, waiting = null) {
    const { value, error } = this.reads[name] ?? {};
    if (value) return describe(value);
    return error ? problemNotice(error, { retry: () => this.poke(name) }) : waiting;
  }

  /** How up to date the page is: that of its main read, which is its first. */
  get live() {
    const [first] = this.#polls.keys();
    return this.reads[first] ?? {};
  }

  /** Reads everything now. */
  refresh() {
    for (const poll of this.#polls.values()) poll.poke();
  }

  /** Reads one thing now. */
  poke(name) {
    return this.#polls.get(name)?.poke();
  }

  /** Rests while a person has paused, and reads everything when that is over. */
  pause(isPaused) {
    if (isPaused) for (const poll of this.#polls.values()) poll.rest();
    else this.refresh();
  }

  /** Ends what the page began. */
  stop() {
    for (const poll of this.#polls.values()) poll.stop();
    for (const remove of this.#shortcuts) remove();
  }

  /** Called after the values after the address's `?` have changed. */
  change(values) {
    this.route.values = values;
  }

  /** Called after each answer. */
  onRead() {}
}
