// Cancel: nothing new starts, and the execution ends CANCELLED.

import * as api from "../../api/endpoints.js";
import { counted } from "../../format/number.js";
import { commandLine } from "../../format/shell.js";
import { h } from "../../view/element.js";

export function cancelAction(execution, page) {
  const { execution_id: id, pending, running } = execution;
  return {
    title: "Cancel this execution",
    verb: "Cancel the execution",
    isDangerous: true,
    explain: [
      h(
        "p",
        {},
        `No further segment starts: ${counted(pending, "pending segment")} will not be done. ${counted(running, "segment")} in work get their grace, then end.`,
      ),
      h(
        "p",
        {},
        "What succeeded stays. The execution ends CANCELLED, with its counts and its event, and can be redriven.",
      ),
    ],
    line: () => commandLine("cancel", id),
    act: () => api.cancel(id),
    outcome: (report) => h("p", {}, outcome(report)),
    after: page.changed,
  };
}

function outcome({ cancelled = 0, finished, was_complete: wasComplete, is_queued: isQueued }) {
  if (wasComplete) return "It was complete already: nothing was changed.";
  if (isQueued) return "A redrive is under way: the execution is cancelled as soon as that has ended.";
  return `${counted(cancelled, "segment")} cancelled.${finished ? "" : " The rest follows."}`;
}
