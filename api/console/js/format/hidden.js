// Text of other people may have characters that a reader cannot see, or that reverse the direction of writing. The command line
// writes them as `\u{202e}`; the console shows the same.

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const JOINERS = new Set(["\u200c", "\u200d"]);

/** Splits text into parts: `{ text }` as it is, and `{ text, isHidden: true }` for the name of a hidden character. */
export function visibleParts(text, { keepLines = false } = {}) {
  const parts = [];
  const characters = Array.from(text);
  characters.forEach((character, at) => {
    const isHidden = hides(character, characters[at - 1], characters[at + 1], keepLines);
    const last = parts.at(-1);
    if (!isHidden && last && !last.isHidden) last.text += character;
    else parts.push({ text: isHidden ? nameOf(character) : character, isHidden });
  });
  return parts;
}

/** The text with hidden characters by name, for labels and titles. */
export function visible(text) {
  return visibleParts(text)
    .map((part) => part.text)
    .join("");
}

function hides(character, before, after, keepLines) {
  if (character === "\t" || (keepLines && character === "\n") || !HIDDEN.test(character)) return false;
  return !(JOINERS.has(character) && isJoined(before) && isJoined(after));
}

// Persian, Hindi and composed emoji need joiners. Between ASCII letters one only makes a name look like another.
function isJoined(neighbour) {
  return neighbour !== undefined && neighbour > "\x7f" && !HIDDEN.test(neighbour);
}

function nameOf(character) {
  const names = { "\n": "\\n", "\r": "\\r" };
  return names[character] ?? `\\u{${character.codePointAt(0).toString(16)}}`;
}
