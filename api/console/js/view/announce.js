// What a screen reader says without being asked: a change of status, the outcome of a button.

let region = null;

/** Takes the live region of the page. */
export function announceIn(element) {
  region = element;
}

/** Says a text once. */
export function announce(text) {
  if (region && region.textContent !== text) region.textContent = text;
}
