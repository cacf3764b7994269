// Dialogs. The browser's own element keeps the focus inside, closes with Escape, and gives the focus back.

import { h, render } from "./element.js";

/**
 * Opens a dialog. `content(dialog)` describes what is in it, and `dialog.update()` describes it again after a change.
 * `dialog.close()` closes it.
 */
export function openDialog({ title, content, buttons = () => [], isWide = true }) {
  const element = document.createElement("dialog");
  element.className = isWide ? "dialog wide" : "dialog";
  element.setAttribute("aria-labelledby", "dialog-title");
  const dialog = {
    close: () => element.close(),
    update: () => render(element, frame(title, content(dialog), buttons(dialog), dialog)),
  };
  element.addEventListener("close", () => element.remove());
  dialog.update();
  document.body.append(element);
  element.showModal();
  return dialog;
}

function frame(title, content, buttons, dialog) {
  return [
    h("h2", { id: "dialog-title" }, title),
    h("div", { class: "dialog-content" }, content),
    h(
      "div",
      { class: "dialog-buttons" },
      buttons,
      h("button", { type: "button", key: "close", onclick: dialog.close }, "Close"),
    ),
  ];
}
