// A map of an execution's groups on a canvas: a million segments are 7,813 cells, which as elements would be slow.

import { onThemeChange } from "../theme.js";
import { drawCell, coloursOf } from "./map_drawing.js";
import { groupsOf, layOut } from "./map_layout.js";

// Higher, the map would push everything else out of sight. In sizes of the text.
const HEIGHT = 20;

export class SegmentMap {
  element;
  #canvas;
  #cursorFrame;
  #groups = null;
  #range = { from: 0, to: 0 };
  #layout = null;
  #cursor = null;
  #onEnter;
  #onRead;
  #observer;
  #endThemes;

  /**
   * `onEnter(range)` is called when a cell is chosen, with `null` for a step back; `onRead(range)` when the pointer or the keyboard is at
   * one, with `null` when it leaves.
   */
  constructor({ onEnter, onRead }) {
    this.#onEnter = onEnter;
    this.#onRead = onRead;
    this.#canvas = document.createElement("canvas");
    this.element = this.#box();
    this.#cursorFrame = document.createElement("div");
    this.#cursorFrame.className = "map-cursor";
    this.#cursorFrame.hidden = true;
    this.element.append(this.#canvas, this.#cursorFrame);
    this.#observer = new ResizeObserver(() => this.#draw());
    this.#observer.observe(this.element);
    this.#endThemes = onThemeChange(() => this.#draw());
  }

  /** Shows the groups of a range. Draws only what is new. */
  show(groups, range) {
    const isSame = groups === this.#groups && range.from === this.#range.from && range.to === this.#range.to;
    if (isSame) return;
    if (range.from !== this.#range.from) this.#cursor = null;
    this.#groups = groups;
    this.#range = range;
    this.#draw();
  }

  /** Groups that a cell stands for, as it was drawn last. */
  get groupsPerCell() {
    return this.#layout?.groupsPerCell ?? 1;
  }

  stop() {
    this.#observer.disconnect();
    this.#endThemes();
  }

  // An application: arrow keys move inside it, as a screen reader's user is then told.
  #box() {
    const element = document.createElement("div");
    element.className = "map";
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute(
      "aria-label",
      "Map of segments. Arrow keys move, Enter looks closer, F goes to the next failure, Backspace steps back",
    );
    element.setAttribute("aria-describedby", "map-reading");
    element.onpointermove = (event) => this.#moveTo(this.#cellAt(event));
    element.onpointerleave = () => this.#moveTo(null);
    element.onclick = (event) => this.#enter(this.#cellAt(event));
    element.onkeydown = (event) => this.#press(event);
    element.onfocus = () => this.#focus(true);
    element.onblur = () => this.#focus(false);
    return element;
  }

  get #count() {
    return this.#range.to - this.#range.from;
  }

  #draw() {
    const width = Math.floor(this.element.clientWidth);
    if (!this.#groups || width === 0 || this.#count <= 0) return;
    const text = parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.#layout = layOut(this.#count, { width, height: HEIGHT * text, text });
    const context = this.#sized(width, this.#layout.rows * this.#layout.side);
    const colours = coloursOf(this.element);
    for (let cell = 0; cell < this.#layout.cells; cell++)
      drawCell(context, this.#place(cell), this.#sums(cell), colours);
    this.#frame();
  }

  // An element of its own, so that a move of the pointer does not draw thousands of cells again.
  #frame() {
    this.#cursorFrame.hidden = this.#cursor === null;
    if (this.#cursor === null) return;
    const { x, y, side } = this.#place(this.#cursor);
    for (const [name, value] of Object.entries({ left: x, top: y, width: side, height: side })) {
      this.#cursorFrame.style.setProperty(name, `${value - 1}px`);
    }
  }

  // As many dots as the screen has, or the cells are blurred.
  #sized(width, height) {
    const density = devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * density);
    this.#canvas.height = Math.round((height + 1) * density);
    this.#canvas.style.setProperty("width", `${width}px`);
    this.#canvas.style.setProperty("height", `${height + 1}px`);
    const context = this.#canvas.getContext("2d");
    context.scale(density, density);
    return context;
  }

  #place(cell) {
    const { side, columns } = this.#layout;
    return { x: (cell % columns) * side, y: Math.floor(cell / columns) * side, side };
  }

  #rangeOf(cell) {
    const { from, to } = groupsOf(this.#layout, cell, this.#count);
    return { from: this.#range.from + from, to: this.#range.from + to };
  }

  #sums(cell) {
    const { from, to } = this.#rangeOf(cell);
    return this.#groups.sum(from, to);
  }

  #cellAt(event) {
    if (!this.#layout) return null;
    const box = this.#canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.#layout.side);
    const row = Math.floor((event.clientY - box.top) / this.#layout.side);
    const cell = row * this.#layout.columns + column;
    return column >= 0 && column < this.#layout.columns && cell >= 0 && cell < this.#layout.cells ? cell : null;
  }

  #moveTo(cell) {
    if (cell === this.#cursor || !this.#layout) return;
    this.#cursor = cell;
    this.#frame();
    this.#onRead(cell === null ? null : this.#rangeOf(cell));
  }

  #enter(cell) {
    if (cell !== null) this.#onEnter(this.#rangeOf(cell));
  }

  #focus(hasFocus) {
    if (hasFocus && this.#cursor === null) this.#moveTo(0);
    if (!hasFocus) this.#moveTo(null);
  }

  #press(event) {
    if (!this.#layout || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = this.#targetOf(event.key);
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") this.#enter(this.#cursor);
    else if (event.key === "Backspace") this.#onEnter(null);
    else this.#moveTo(target);
  }

  // The cell that a key leads to; `undefined` for a key that is not the map's.
  #targetOf(key) {
    const { columns, cells } = this.#layout;
    const at = this.#cursor ?? 0;
    const within = (cell) => Math.min(cells - 1, Math.max(0, cell));
    const keys = {
      ArrowLeft: () => within(at - 1),
      ArrowRight: () => within(at + 1),
      ArrowUp: () => (at >= columns ? at - columns : at),
      ArrowDown: () => (at + columns < cells ? at + columns : at),
      Home: () => 0,
      End: () => cells - 1,
      f: () => this.#nextFailure(at),
      Enter: () => at,
      Backspace: () => at,
    };
    return keys[key]?.();
  }

  // Around the end to the beginning; where there is none, where it is.
  #nextFailure(at) {
    const { cells } = this.#layout;
    for (let step = 1; step <= cells; step++) {
      const cell = (at + step) % cells;
      if (this.#sums(cell).failed > 0) return cell;
    }
    return at;
  }
}
