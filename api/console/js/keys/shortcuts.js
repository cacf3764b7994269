// Keys. One list: what it has is what `?` shows.

// Two keys, such as `g e`, within this time.
const SEQUENCE_MS = 1200;

const shortcuts = [];
let pending = "";
let pendingTimer = null;

/** Adds a shortcut. Returns how to take it away. */
export function shortcut(keys, description, act) {
  const entry = { keys, description, act };
  shortcuts.push(entry);
  return () => shortcuts.splice(shortcuts.indexOf(entry), 1);
}

/** Those that apply now: their keys and what they do. */
export const listed = () => shortcuts.filter((entry) => entry.description !== null);

/** Whether single keys do anything. A person who speaks to the computer may have to turn them off (WCAG 2.1.4). */
export function areOn() {
  return stored() !== "off";
}

export function turn(isOn) {
  try {
    localStorage.setItem("shortcuts", isOn ? "on" : "off");
  } catch {
    // Without storage they stay on.
  }
}

function stored() {
  try {
    return localStorage.getItem("shortcuts");
  } catch {
    return null;
  }
}

/** Listens. */
export function listen() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !areOn()) return;
    // A dialog has its own keys.
    if (document.querySelector("dialog[open]")) return;
    press(event);
  });
}

function press(event) {
  clearTimeout(pendingTimer);
  const keys = pending === "" ? event.key : `${pending} ${event.key}`;
  pending = "";
  const found = shortcuts.findLast((entry) => entry.keys === keys);
  if (found) {
    event.preventDefault();
    found.act();
  } else if (shortcuts.some((entry) => entry.keys.startsWith(`${keys} `))) {
    pending = keys;
    pendingTimer = setTimeout(() => (pending = ""), SEQUENCE_MS);
  }
}

function isTyping(target) {
  return (
    target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement
  );
}
