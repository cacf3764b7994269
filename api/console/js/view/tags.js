// Tags of an execution; each leads to the executions that have it.

import { link } from "../router.js";
import { h } from "./element.js";
import { outside } from "./outside.js";

export function tagList(tags) {
  const entries = Object.entries(tags ?? {});
  if (entries.length === 0) return null;
  const one = ([name, value]) =>
    h(
      "a",
      { class: "tag", key: name, href: link.executions({ tag: `${name}=${value}` }) },
      outside(`${name}=${value}`),
    );
  return h("span", { class: "tags" }, entries.map(one));
}
