// Limits: how many segments are in flight at once, how many failures are tolerated. Also while it runs.

import * as api from "../../api/endpoints.js";
import { commandLine } from "../../format/shell.js";
import { textField } from "../../view/field.js";
import { h } from "../../view/element.js";
import { outside } from "../../view/outside.js";

// The limit of the control table.
const MOST_IN_FLIGHT = 1000;

export function limitsAction(execution, page) {
  const id = execution.execution_id;
  const entered = { slots: "", tolerated: "" };
  return {
    title: "Change limits",
    verb: "Set",
    explain: h("p", {}, now(execution)),
    fields: (update) => fields(entered, update),
    invalid: () => invalid(entered),
    line: () => commandLine("set", id, ...flags(entered)),
    act: () => api.setLimits(id, change(entered)),
    outcome: (policy) =>
      h(
        "p",
        {},
        "Set. In flight at once: ",
        outside(policy.max_concurrency ?? "as many as there are workers"),
        "; failures tolerated: ",
        outside(policy.tolerated_failures ?? "0"),
        ".",
      ),
    after: page.changed,
  };
}

function now({ max_concurrency: most, policy }) {
  const slots = most ?? "as many as there are workers (such an execution cannot get a limit while it runs)";
  const tolerated = policy?.tolerated_failures;
  return `In flight at once now: ${slots}.${tolerated === undefined ? "" : ` Failures tolerated: ${tolerated}.`}`;
}

function fields(entered, update) {
  const enter = (name) => (text) => {
    entered[name] = text.trim();
    update();
  };
  return [
    textField("In flight at once", enter("slots"), { inputmode: "numeric", placeholder: "unchanged" }),
    textField("Failures tolerated", enter("tolerated"), { placeholder: "unchanged; such as 12 or 5%" }),
  ];
}

function invalid({ slots, tolerated }) {
  if (slots === "" && tolerated === "") return "Enter at least one limit.";
  if (slots !== "" && !(/^\d+$/.test(slots) && Number(slots) >= 1 && Number(slots) <= MOST_IN_FLIGHT))
    return `In flight at once: a number from 1 to ${MOST_IN_FLIGHT}.`;
  if (tolerated !== "" && !/^\d{1,15}$|^\d{1,3}(\.\d{1,2})?%$/.test(tolerated))
    return "Failures tolerated: a number, or a share of the segments such as 5% or 0.25%.";
  return "";
}

function flags({ slots, tolerated }) {
  return [
    ...(slots === "" ? [] : ["--max-concurrency", slots]),
    ...(tolerated === "" ? [] : ["--tolerated-failures", tolerated]),
  ];
}

function change({ slots, tolerated }) {
  const limits = {};
  if (slots !== "") limits.max_concurrency = Number(slots);
  if (tolerated !== "") limits.tolerated_failures = tolerated.endsWith("%") ? tolerated : Number(tolerated);
  return limits;
}
