// The map of segments: by group, and in a group, or in a small execution, segment by segment. Where one looks is in the address.

import * as api from "../../api/endpoints.js";
import { SegmentMap } from "../../charts/segment_map.js";
import { grouped } from "../../format/number.js";
import { announce } from "../../view/announce.js";
import { link } from "../../router.js";
import { h, own } from "../../view/element.js";
import { icon } from "../../view/icon.js";
import { problemNotice } from "../../view/notice.js";
import { STATES } from "../../view/progress_bar.js";
import { failingGroups, sentence } from "./map_words.js";
import { segmentCells } from "./segment_cells.js";

// Up to so many segments are shown one by one: one request of the API.
const SEGMENTS_SHOWN = 512;

export class MapSection {
  #id;
  #page;
  #map;
  #chosen = null;
  #reading = null;
  #takesFocus = false;

  constructor(id, page) {
    this.#id = id;
    this.#page = page;
    this.#map = new SegmentMap({ onEnter: (range) => this.#enter(range), onRead: (range) => this.#read(range) });
  }

  stop() {
    this.#map.stop();
  }

  /** Takes what to look at from the address: `groups=3-5`, or nothing for all. */
  change(values) {
    const found = /^(\d+)-(\d+)$/.exec(values.get("groups") ?? "");
    this.#chosen = found && { from: Number(found[1]), to: Number(found[2]) + 1 };
    this.#reading = null;
    this.#page.reads.segments = undefined;
  }

  /** Reads the segments that are shown one by one, if there are few enough. */
  async readSegments(options) {
    const groups = this.#page.value("groups");
    const range = groups && this.#range(groups);
    if (!range || !isFine(groups, range)) return null;
    const { first, last } = groups.segments(range.from, range.to);
    const { segments } = await api.segments(this.#id, { from: first, limit: last - first + 1 }, options);
    return { first, segments: segments.filter(({ index }) => index <= last) };
  }

  view(execution) {
    const { value: groups, error } = this.#page.reads.groups ?? {};
    const content = groups ? this.#content(groups) : error ? problemNotice(error) : null;
    if (groups?.count === 0 || (!content && execution.segments === 0)) return null;
    return h(
      "section",
      { key: "map", class: "map-section", "aria-labelledby": "map-title" },
      h("div", { class: "section-head" }, h("h2", { id: "map-title" }, "Segments"), legend()),
      content,
    );
  }

  #range(groups) {
    const { from, to } = this.#chosen ?? { from: 0, to: groups.count };
    return { from: Math.min(from, Math.max(0, groups.count - 1)), to: Math.min(to, groups.count) };
  }

  #content(groups) {
    const range = this.#range(groups);
    const isBySegment = isFine(groups, range);
    return [
      this.#path(groups, range),
      isBySegment ? this.#cells() : this.#canvas(groups, range),
      failingGroups(groups, range, (chosen) => this.#address(chosen)),
    ];
  }

  #canvas(groups, range) {
    // Once it is in the document it has a width.
    requestAnimationFrame(() => {
      this.#map.show(groups, range);
      this.#giveFocus();
    });
    const words = this.#reading
      ? sentence(groups, this.#reading)
      : `${sentence(groups, range)} A cell is ${cellSize(groups, this.#map.groupsPerCell)}.`;
    return [
      h("div", { key: "canvas", class: "map-box" }, own(this.#map.element)),
      h("p", { key: "reading", class: "map-reading", id: "map-reading" }, words),
    ];
  }

  #cells() {
    const { value, error } = this.#page.reads.segments ?? {};
    if (error && !value) return problemNotice(error);
    requestAnimationFrame(() => this.#giveFocus());
    return value && segmentCells(this.#id, value.segments);
  }

  // Where one looks, and the way back and to the neighbours.
  #path(groups, range) {
    if (!this.#chosen) return null;
    const size = range.to - range.from;
    const { first, last } = groups.segments(range.from, range.to);
    const before = range.from > 0 && { from: Math.max(0, range.from - size), to: range.from };
    const after = range.to < groups.count && { from: range.to, to: range.to + size };
    return h(
      "nav",
      { key: "path", class: "map-path", "aria-label": "Where the map is" },
      h("a", { href: link.execution(this.#id), class: "button small" }, "All segments"),
      h("span", {}, `Segments ${grouped(first)} to ${grouped(last)}`),
      before && h("a", { href: this.#address(before), class: "button small" }, "Before"),
      after && h("a", { href: this.#address(after), class: "button small" }, "After"),
    );
  }

  #address(range) {
    return link.execution(this.#id, range && { groups: `${range.from}-${range.to - 1}` });
  }

  #enter(range) {
    // The map that has the focus may give way to cells.
    this.#takesFocus = document.activeElement === this.#map.element;
    location.hash = this.#address(range ?? undefined);
  }

  #giveFocus() {
    const target = this.#takesFocus && document.querySelector(".map-section .cells a, .map-section .map");
    if (!target) return;
    this.#takesFocus = false;
    target.focus();
  }

  #read(range) {
    this.#reading = range;
    const groups = this.#page.value("groups");
    if (range && groups && document.activeElement === this.#map.element) announce(sentence(groups, range));
    this.#page.app.draw();
  }
}

function isFine(groups, { from, to }) {
  return groups.sum(from, to).size <= SEGMENTS_SHOWN;
}

function cellSize(groups, groupsPerCell) {
  const segments = `${groups.groupSize} segments`;
  return groupsPerCell === 1 ? segments : `${groupsPerCell} groups of ${segments}`;
}

function legend() {
  return h(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    STATES.map((state) => h("li", { key: state }, h("span", { class: `swatch fill-${state}` }, icon(state)), state)),
  );
}
