// Fields of forms and dialogs, with their labels.

import { h } from "./element.js";

/** A control with its label above. */
export const field = (label, control) => h("label", { class: "field", key: label }, h("span", {}, label), control);

/** A text field. `enter(text)` gets what is typed. */
export function textField(label, enter, properties = {}) {
  return field(label, h("input", { ...properties, oninput: (event) => enter(event.currentTarget.value) }));
}

/** A box to tick. `choose(isChosen)` gets the choice. */
export function checkField(label, isChosen, choose) {
  const onchange = (event) => choose(event.currentTarget.checked);
  return h(
    "label",
    { class: "check", key: label },
    h("input", { type: "checkbox", checked: isChosen, onchange }),
    label,
  );
}
