// The work's own counters. Their sums may have more digits than a double.

import { grouped } from "../format/number.js";
import { outside } from "./outside.js";
import { factList } from "./facts.js";
import { section } from "./section.js";

export function counterList(counters) {
  const entries = Object.entries(counters ?? {});
  if (entries.length === 0) return null;
  return section(
    "counters",
    "Counters",
    factList(
      entries.map(([name, value]) => [name, grouped(value)]),
      { kind: "counters", label: outside },
    ),
  );
}
