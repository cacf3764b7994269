// How long segments took, and which took longest.

import { columnChart } from "../../charts/columns.js";
import { grouped } from "../../format/number.js";
import { span } from "../../format/time.js";
import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { factList } from "../../view/facts.js";
import { sampleNote } from "./sample.js";
import { section } from "../../view/section.js";

export function durations(statistics, id) {
  const { durations_ms: values } = statistics;
  const bins = values?.histogram ?? [];
  return section(
    "durations",
    "Durations",
    bins.length === 0
      ? h("p", { class: "empty" }, "No segment has an outcome yet.")
      : [figures(values), chart(values, bins), slowest(statistics.slowest ?? [], id), sampleNote(statistics)],
  );
}

function figures(values) {
  const shown = ["p50", "p95", "max", "mean"].filter((name) => values[name] !== undefined && values[name] !== null);
  return factList(
    shown.map((name) => [name, span(values[name])]),
    { kind: "inline" },
  );
}

function chart(values, bins) {
  const columns = bins.map(({ from, to, count }) => ({
    key: from,
    title: `${span(from)} to ${span(to)}: ${grouped(count)}`,
    parts: [{ kind: "duration", value: count }],
  }));
  const marks = ["p50", "p95"]
    .filter((name) => Number.isFinite(Number(values[name])))
    .map((name) => ({ name, at: placeOf(Number(values[name]), bins) }));
  return columnChart({
    columns,
    marks,
    ends: [span(bins[0].from), span(bins.at(-1).to)],
    label: `Durations of segments: half took at most ${span(values.p50)}, 95 % at most ${span(values.p95)}, the longest ${span(values.max)}`,
    table: {
      head: ["From", "To", "Segments"],
      rows: bins.map(({ from, to, count }) => [span(from), span(to), grouped(count)]),
    },
  });
}

// The share of the width at which a duration is: columns are equally wide, whatever their bounds.
function placeOf(duration, bins) {
  const at = bins.findIndex(({ to }) => duration < to);
  if (at < 0) return 1;
  const { from, to } = bins[at];
  return (at + Math.max(0, duration - from) / Math.max(1, to - from)) / bins.length;
}

function slowest(segments, id) {
  if (segments.length === 0) return null;
  const one = ({ index, duration_ms: duration }) =>
    h(
      "li",
      { key: index },
      h("a", { href: link.segment(id, index) }, `segment ${grouped(index)}`),
      ` ${span(duration)}`,
    );
  return [h("h3", {}, "Slowest"), h("ol", { class: "slowest" }, segments.map(one))];
}
