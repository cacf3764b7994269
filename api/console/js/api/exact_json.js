// JSON whose numbers keep their digits. `JSON.parse` rounds integers beyond 2^53; sums of counters get there.

// A run of digits that a double may not hold. Without one, plain parsing is exact, and several times faster.
const MANY_DIGITS = /\d[\d.]{15}/;

/** A decimal number that a double cannot hold: it calculates as the nearest double, and reads as it was written. */
export class ExactDecimal {
  constructor(source) {
    this.source = source;
  }

  valueOf() {
    return Number(this.source);
  }

  toString() {
    return this.source;
  }
}

// The third argument has the number as it was written: Chromium since 114, Firefox since 135, Safari since 18.4.
function revive(key, value, context) {
  if (typeof value !== "number") return value;
  const source = context?.source;
  if (source === undefined || String(value) === source) return value;
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source);
  const digits = source
    .replace(/[eE].*$/, "")
    .replace(/\D/g, "")
    .replace(/^0+|0+$/g, "");
  return digits.length > 15 ? new ExactDecimal(source) : value;
}

/** Parses JSON: integers beyond 2^53 become `BigInt`, decimals with more digits than a double has become `ExactDecimal`. */
export function parseExact(text) {
  return MANY_DIGITS.test(text) ? JSON.parse(text, revive) : JSON.parse(text);
}

/** Whether this browser says how a number was written. Without it large numbers are rounded, and the console says so. */
export function isExact() {
  let isGiven = false;
  JSON.parse("1", (key, value, context) => {
    isGiven = context?.source === "1";
    return value;
  });
  return isGiven;
}

/** Writes a value as indented JSON, with the digits that `parseExact` kept. */
export function writeExact(value, indent = "") {
  if (typeof value === "bigint" || value instanceof ExactDecimal) return value.toString();
  if (Array.isArray(value))
    return writeAll(
      "[",
      "]",
      indent,
      value.map((item) => [null, item]),
    );
  if (value !== null && typeof value === "object") return writeAll("{", "}", indent, Object.entries(value));
  return JSON.stringify(value) ?? "null";
}

function writeAll(open, close, indent, entries) {
  if (entries.length === 0) return open + close;
  const deeper = `${indent}  `;
  const lines = entries.map(([key, item]) => {
    const name = key === null ? "" : `${JSON.stringify(key)}: `;
    return deeper + name + writeExact(item, deeper);
  });
  return `${open}\n${lines.join(",\n")}\n${indent}${close}`;
}
