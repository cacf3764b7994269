// How many segments had their outcome when.

import { columnChart } from "../../charts/columns.js";
import { grouped } from "../../format/number.js";
import { local, short } from "../../format/time.js";
import { h } from "../../view/element.js";
import { sampleNote } from "./sample.js";
import { section } from "../../view/section.js";

export function throughput(statistics) {
  const points = statistics.throughput ?? [];
  return section(
    "throughput",
    "Throughput",
    points.length === 0
      ? h("p", { class: "empty" }, "No segment has an outcome yet.")
      : [chart(points), sampleNote(statistics)],
  );
}

function chart(points) {
  const columns = points.map(({ at, succeeded, failed }) => ({
    key: at,
    title: `${local(at)}: ${grouped(succeeded)} succeeded, ${grouped(failed)} failed`,
    parts: [
      { kind: "succeeded", value: succeeded },
      { kind: "failed", value: failed },
    ],
  }));
  const [first, last] = [points[0].at, points.at(-1).at];
  const sum = (name) => points.reduce((total, point) => total + point[name], 0);
  return columnChart({
    columns,
    ends: [short(first), short(last)],
    label: `Outcomes over time, from ${local(first)} to ${local(last)}: ${grouped(sum("succeeded"))} succeeded, ${grouped(sum("failed"))} failed`,
    table: {
      head: ["From", "Succeeded", "Failed"],
      rows: points.map(({ at, succeeded, failed }) => [local(at), grouped(succeeded), grouped(failed)]),
    },
  });
}
