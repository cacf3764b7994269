// The command line that does what a button does, quoted for a POSIX shell.

let program = "scatterctl";
// Unknown until the server says it: a line without the place may reach another one.
let place = null;

/** Says how the command line reaches what this console shows: the words that the server gives, unquoted. */
export function useCommand(cli) {
  program = cli?.program ?? program;
  place = cli?.place ?? place;
}

/** Whether a line reaches what this console shows, wherever it is pasted. */
export const isPlaceKnown = () => place !== null;

/** A line that can be pasted. */
export function commandLine(...words) {
  return [program, ...words, ...(place ?? [])].map((word) => quoted(String(word))).join(" ");
}

/** One word for a shell. Hidden characters are written as escapes, so that what is pasted is what was read. */
export function quoted(word) {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(word)) return ansiQuoted(word);
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function ansiQuoted(word) {
  const bytes = new TextEncoder().encode(word);
  const isPlain = (byte) => byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c;
  const text = (byte) => (isPlain(byte) ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`);
  return `$'${Array.from(bytes, text).join("")}'`;
}
