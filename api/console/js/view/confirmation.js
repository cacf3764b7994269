// A dialog that asks before it changes something, and shows the command line that does the same.

import { problemNotice, remark } from "./notice.js";
import { announce } from "./announce.js";
import { copyLine } from "./copy_line.js";
import { openDialog } from "./dialog.js";
import { h } from "./element.js";

/**
 * `action`: `title`; `verb`, the words on the button; `explain`, descriptions of what will happen; `line()`, the command line;
 * `act()`, the request, a promise; `outcome(answer)`, descriptions of what happened; `refusal`, why it cannot be done, if so;
 * `invalid()`, what is wrong with what was entered; `fields(update)`, what can be entered.
 */
export function confirm(action) {
  const state = { stage: "asking" };
  openDialog({
    title: action.title,
    content: (dialog) => content(action, state, dialog),
    buttons: (dialog) => button(action, state, dialog),
  });
}

function content(action, state, dialog) {
  if (state.stage === "done") return h("div", { role: "status", key: "done" }, outcome(action, state.answer));
  return [
    h("div", { key: "explain" }, action.explain),
    action.fields && h("div", { key: "fields", class: "fields" }, action.fields(dialog.update)),
    action.refusal && remark(action.refusal),
    // What the button refuses, the command line would refuse, too.
    !action.invalid?.() && h("div", { key: "line" }, copyLine(action.line())),
    h("p", { key: "invalid", role: "status", class: "invalid" }, action.invalid?.() ?? ""),
    state.stage === "failed" && problemNotice(state.error),
  ];
}

// A request waits half a minute at most; the operation continues without it.
function outcome(action, answer) {
  if (answer.continues)
    return h("p", {}, "It takes longer than a request may. It continues by itself: the page shows how far it is.");
  return action.outcome(answer);
}

function button(action, state, dialog) {
  if (state.stage === "done" || action.refusal) return [];
  const isBusy = state.stage === "busy";
  const isOff = isBusy || Boolean(action.invalid?.());
  const click = () => isOff || perform(action, state, dialog);
  const kind = action.isDangerous ? "danger" : "primary";
  return h(
    "button",
    { type: "button", key: "act", class: kind, "aria-disabled": String(isOff), onclick: click },
    isBusy ? "…" : action.verb,
  );
}

async function perform(action, state, dialog) {
  state.stage = "busy";
  dialog.update();
  try {
    state.answer = await action.act();
    state.stage = "done";
    announce(`${action.title}: done`);
  } catch (error) {
    Object.assign(state, { stage: "failed", error });
  }
  dialog.update();
  action.after?.();
}
