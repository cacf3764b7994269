// What an operator can do with an execution. Each asks first, and shows the command line that does the same.

import { h } from "../../view/element.js";
import { confirm } from "../../view/confirmation.js";
import { isOver } from "../../view/status.js";
import { cancelAction } from "./cancel.js";
import { limitsAction } from "./limits.js";
import { redriveAction } from "./redrive.js";
import { repairAction } from "./repair.js";

export function actionButtons(execution, page) {
  const over = isOver(execution);
  return h(
    "div",
    { class: "actions", role: "group", "aria-label": "Operate on this execution" },
    actionButton("Cancel", page, () => cancelAction(execution, page), {
      isOff: over,
      why: "It is complete: there is nothing to cancel.",
    }),
    actionButton("Redrive", page, () => redriveAction(execution, page), {
      isOff: !over,
      why: "It can be redriven when it is complete.",
    }),
    actionButton("Limits", page, () => limitsAction(execution, page)),
    // A check changes nothing, so that a console that may not change anything has it, too.
    actionButton("Repair check", null, () => repairAction(execution)),
    page.app.me.read_only &&
      h("p", { class: "quiet", id: "read-only-why" }, "Read-only: the console was started with --read-only."),
  );
}

/** A button that opens a confirmation. Without a page it works in a read-only console. */
export function actionButton(label, page, action, { isOff = false, why = "" } = {}) {
  const isReadOnly = Boolean(page?.app.me.read_only);
  const isDisabled = isReadOnly || isOff;
  const reason = isReadOnly ? "Read-only: the console was started with --read-only." : why;
  return h(
    "button",
    {
      type: "button",
      key: label,
      // Not `disabled`: a person who uses the keyboard gets to it, and hears why.
      "aria-disabled": String(isDisabled),
      title: isDisabled ? reason : null,
      "aria-label": isDisabled ? `${label}. ${reason}` : null,
      onclick: () => isDisabled || confirm(action()),
    },
    label,
  );
}
