// What has happened to the execution, newest first.

import { h } from "../../view/element.js";
import { clock } from "../../view/moment.js";
import { outside } from "../../view/outside.js";
import { section } from "../../view/section.js";

export function timeline({ events }) {
  const newestFirst = [...events].reverse();
  return section(
    "events",
    "Events",
    h(
      "ol",
      { class: "timeline scroll-down", tabindex: "0", "aria-labelledby": "events-title" },
      newestFirst.map(({ at, text }) => h("li", {}, clock(at), " ", outside(text))),
    ),
  );
}
