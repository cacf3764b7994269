// The work's own counters. Their sums may have more digits than a double.

import { grouped } from "../format/number.js";
import { h } from "./element.js";
import { outside } from "./outside.js";
import { factList } from "./facts.js";

export function counterList(counters) {
  const entries = Object.entries(counters ?? {});
  if (entries.length === 0) return null;
  return h(
    "section",
    { key: "counters", "aria-labelledby": "counters-title" },
    h("h2", { id: "counters-title" }, "Counters"),
    factList(
      entries.map(([name, value]) => [name, grouped(value)]),
      { kind: "counters", label: outside },
    ),
  );
}
