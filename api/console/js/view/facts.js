// Pairs of a name and a value.

import { h } from "./element.js";

/** `facts` are pairs; one whose value is `null` is left out. `label` describes a name. */
export function factList(facts, { kind = "", label = (name) => name } = {}) {
  const shown = facts.filter(([, value]) => value !== null && value !== undefined);
  return h(
    "dl",
    { class: `facts ${kind}` },
    shown.map(([name, value]) => h("div", { key: name }, h("dt", {}, label(name)), h("dd", {}, value))),
  );
}
