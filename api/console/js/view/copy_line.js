// A command line, and a button that copies it.

import { isPlaceKnown } from "../format/shell.js";
import { announce } from "./announce.js";
import { h } from "./element.js";

export function copyLine(line, words = "The same on the command line") {
  const label = isPlaceKnown() ? words : `${words}, with the --data-dir of this console if it has one`;
  return h(
    "div",
    { class: "copy-line" },
    h("span", { class: "copy-label" }, label),
    h("code", { class: "command", tabindex: "0", role: "group", "aria-label": label }, line),
    copyButton(line, "Copy"),
  );
}

/** A button that copies a text. */
export function copyButton(text, label, what = "the command line") {
  const copy = async (event) => {
    const button = event.currentTarget;
    const isDone = await write(text);
    button.textContent = isDone ? "Copied" : "Select and copy";
    announce(isDone ? `copied ${what}` : `the browser does not allow copying: select the text`);
    setTimeout(() => (button.textContent = label), 1500);
  };
  return h("button", { type: "button", class: "small", onclick: copy, "aria-label": `${label} ${what}` }, label);
}

async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
