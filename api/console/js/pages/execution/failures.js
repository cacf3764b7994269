// Why segments failed: by kind and message, with the segments, and a button that runs just these again.

import { counted, grouped } from "../../format/number.js";
import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { kindName } from "../../view/error_kind.js";
import { outside } from "../../view/outside.js";
import { isOver } from "../../view/status.js";
import { listTable, number } from "../../view/table.js";
import { actionButton } from "./actions.js";
import { redriveAction } from "./redrive.js";
import { section } from "../../view/section.js";

// Messages with a number of their own in each segment are as many as segments; the first hundred are the most frequent.
const SHOWN = 100;

export function failureTable({ failed, failures, others = 0 }, execution, page) {
  if (failures.length === 0) return null;
  const more = Math.max(0, failures.length - SHOWN) + others;
  const columns = [
    ["Segments", ({ count }) => number(grouped(count))],
    ["Kind", ({ kind }) => kindName(kind)],
    ["Message", ({ message }) => outside(message, { class: "message" })],
    ["Which", (failure) => segmentLinks(execution.execution_id, failure)],
    ["Redrive", (failure) => redriveThese(failure, execution, page)],
  ];
  return section(
    "failures",
    `Failures: ${counted(failed, "segment")}`,
    listTable({
      kind: "failures",
      columns,
      rows: failures.slice(0, SHOWN),
      key: ({ kind, message }) => `${kind} ${message}`,
    }),
    more > 0 && h("p", { class: "quiet" }, `${grouped(more)} more messages, of which each came less often.`),
  );
}

function segmentLinks(id, { examples, count }) {
  const links = examples.map((index, at) => [
    at > 0 && ", ",
    h("a", { key: `s${index}`, href: link.segment(id, index), "data-row": at === 0 ? true : null }, grouped(index)),
  ]);
  return [links, count > examples.length && " …"];
}

function redriveThese(failure, execution, page) {
  const label = "Redrive these";
  const only = indexesOf(failure);
  if (only === null)
    return actionButton(label, page, null, {
      isOff: true,
      why: "Their list is longer than a redrive takes: redrive all that failed.",
    });
  const about = `Runs the ${counted(failure.count, "segment")} again that failed with this message.`;
  const action = () => redriveAction(execution, page, { only, about });
  return actionButton(label, page, action, {
    isOff: !isOver(execution),
    why: "It can be redriven when it is complete.",
  });
}

// The API gives the indexes of all, if their list is not too long; a few are the examples.
function indexesOf({ indexes, count, examples }) {
  return indexes ?? (count === examples.length ? examples.join(",") : null);
}
