// A part of a page with a title.

import { h } from "./element.js";

/** `name` tells the section from the others of its page. */
export function section(name, title, ...children) {
  const id = `${name}-title`;
  return h(
    "section",
    { key: name, class: `section-${name}`, "aria-labelledby": id },
    h("h2", { id }, title),
    ...children,
  );
}

/** The first line of a page that has no more than a title. */
export const pageTitle = (title) => h("div", { class: "page-head", key: "head" }, h("h1", { tabindex: "-1" }, title));
