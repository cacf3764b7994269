// Statistics of a large execution are of a sample: the server reads a bounded number of groups.

import { grouped } from "../../format/number.js";
import { h } from "../../view/element.js";

export function sampleNote({ sampled, of: all }) {
  if (sampled === undefined || sampled >= all) return null;
  return h(
    "p",
    { class: "quiet small-text" },
    `A sample: ${grouped(sampled)} of ${grouped(all)} segments, evenly spread.`,
  );
}
