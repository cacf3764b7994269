// Text of other people: keys, specs, errors, names. It cannot become markup, change the direction of what stands around it, or hide
// characters.

import { visibleParts } from "../format/hidden.js";
import { h } from "./element.js";

// A browser lays out a line of a megabyte for seconds. A message has at most 512 bytes, a spec or a result 16 KiB.
const CHARACTERS_SHOWN = 40_000;

/** Text in a line. */
export function outside(text, properties = {}) {
  return h("bdi", { ...properties, class: `outside ${properties.class ?? ""}`.trim() }, parts(String(text), false));
}

/** Text in lines of its own, such as a log or JSON. */
export function outsideBlock(text, label) {
  // Focusable, because it scrolls.
  return h("pre", { class: "block", tabindex: "0", role: "group", "aria-label": label }, parts(String(text), true));
}

function parts(text, keepLines) {
  const cut = text.length > CHARACTERS_SHOWN ? text.slice(0, CHARACTERS_SHOWN) : text;
  const shown = visibleParts(cut, { keepLines }).map((part) =>
    part.isHidden
      ? h("span", { class: "hidden-character", title: "a character that would not be visible" }, part.text)
      : part.text,
  );
  return cut === text ? shown : [...shown, h("em", {}, ` … ${text.length - cut.length} characters more`)];
}
