// Repair check: recounts the execution from its rows and says what differs. It changes nothing.

import * as api from "../../api/endpoints.js";
import { counted } from "../../format/number.js";
import { commandLine } from "../../format/shell.js";
import { writeExact } from "../../api/exact_json.js";
import { copyLine } from "../../view/copy_line.js";
import { h } from "../../view/element.js";
import { outside } from "../../view/outside.js";

// More differences than this have one cause.
const SHOWN = 100;

export function repairAction(execution) {
  const id = execution.execution_id;
  return {
    title: "Check whether the counts are right",
    verb: "Recount",
    explain: h(
      "p",
      {},
      "Counts every segment's row again and compares that with the tallies and the sums. It reads all rows and changes none.",
    ),
    line: () => commandLine("repair", id, "--dry-run"),
    act: () => api.checkRepair(id),
    outcome: (report) => outcome(report, id),
  };
}

function outcome({ differences = [], unsettled = [] }, id) {
  if (differences.length === 0 && unsettled.length === 0)
    return h("p", {}, "Nothing differs: tallies and sums are what the segments say.");
  return [
    h("p", {}, `${counted(differences.length, "difference")}. Nothing was changed.`),
    h("ul", { class: "differences" }, differences.slice(0, SHOWN).map(difference)),
    differences.length > SHOWN && h("p", {}, `${counted(differences.length - SHOWN, "difference")} more.`),
    unsettled.map((row) =>
      h("p", {}, outside(row), " changed in every recount: check again when fewer workers are active."),
    ),
    copyLine(commandLine("repair", id), "This corrects them"),
  ];
}

function difference({ row, field, found, expected, correction }) {
  return h(
    "li",
    {},
    outside(row),
    " ",
    h("b", {}, outside(field)),
    ": is ",
    outside(writeExact(found)),
    ", counted ",
    outside(writeExact(expected)),
    " – ",
    outside(correction),
  );
}
