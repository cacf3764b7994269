// Segments one by one, each a link: shape, colour and label say how it stands.

import { counted, grouped } from "../../format/number.js";
import { span } from "../../format/time.js";
import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { icon } from "../../view/icon.js";

export function segmentCells(id, segments) {
  return h(
    "ul",
    { key: "cells", class: "cells", "aria-label": "Segments" },
    segments.map((segment) => h("li", { key: segment.index }, cell(id, segment))),
  );
}

function cell(id, { index, status, attempt, duration_ms: duration }) {
  const state = status.toLowerCase();
  const took = duration > 0 ? `, ${span(duration)}` : "";
  const label = `segment ${grouped(index)}: ${state}, ${counted(attempt, "attempt")}${took}`;
  return h(
    "a",
    { class: `cell fill-${state}`, href: link.segment(id, index), "aria-label": label, title: label },
    icon(state),
  );
}
