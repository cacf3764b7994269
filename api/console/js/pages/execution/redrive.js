// Redrive: what did not succeed runs again, in the next generation of the same execution.

import * as api from "../../api/endpoints.js";
import { counted, grouped } from "../../format/number.js";
import { commandLine } from "../../format/shell.js";
import { checkField, textField } from "../../view/field.js";
import { h } from "../../view/element.js";

const INDEXES = /^\s*\d+(-\d+)?(\s*,\s*\d+(-\d+)?)*\s*$/;

// The API refuses a longer list (4 KiB).
const INDEXES_LENGTH = 4096;

/** Asks what to run again. `only` are the indexes that it begins with, `about` says whose they are. */
export function redriveAction(execution, page, { only = "", about = "" } = {}) {
  const chosen = { failed: true, cancelled: only === "", only };
  const id = execution.execution_id;
  return {
    title: "Redrive",
    verb: "Run these again",
    explain: h(
      "p",
      {},
      about ||
        "Segments that succeeded stay as they are. The chosen ones begin again with their first attempt; a second completion follows.",
    ),
    fields: (update) => fields(execution, chosen, update),
    invalid: () => invalid(chosen),
    line: () => commandLine("redrive", id, ...flags(chosen)),
    act: () => api.redrive(id, selection(chosen)),
    outcome: (report) => h("p", {}, outcome(report)),
    after: page.changed,
  };
}

function outcome({ generation, segments, finished }) {
  const more = finished === false ? " More are being requeued." : "";
  return `Generation ${generation} runs ${counted(segments, "segment")} again.${more}`;
}

function fields(execution, chosen, update) {
  const choose = (name) => (value) => {
    chosen[name] = value;
    update();
  };
  const box = (name) => checkField(`${grouped(execution[name])} ${name}`, chosen[name], choose(name));
  const hint = { value: chosen.only, placeholder: "all of them, or such as 3,17-20", maxlength: INDEXES_LENGTH };
  return [box("failed"), box("cancelled"), textField("Only these segments", choose("only"), hint)];
}

function invalid({ failed, cancelled, only }) {
  if (!failed && !cancelled) return "Choose failed segments, cancelled ones, or both.";
  if (only.trim() !== "" && !INDEXES.test(only)) return "Segments are indexes and ranges of them, such as 3,17-20.";
  return "";
}

const indexes = (only) => only.replaceAll(/\s/g, "");

// Without a flag the command takes all that did not succeed.
function flags({ failed, cancelled, only }) {
  const kinds = failed && cancelled ? [] : [failed ? "--failed" : "--cancelled"];
  return indexes(only) === "" ? kinds : [...kinds, "--segments", indexes(only)];
}

function selection({ failed, cancelled, only }) {
  return indexes(only) === "" ? { failed, cancelled } : { failed, cancelled, segments: indexes(only) };
}
