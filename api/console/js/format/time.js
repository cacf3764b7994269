// Moments and spans as people read them. The API gives RFC 3339; some older fields are milliseconds since 1970.

const SECOND = 1000;
const UNITS = [
  ["d", 86_400 * SECOND],
  ["h", 3_600 * SECOND],
  ["min", 60 * SECOND],
  ["s", SECOND],
];

/** Milliseconds since 1970, or `null` without a moment. */
export function millis(moment) {
  if (moment === null || moment === undefined) return null;
  const value = typeof moment === "number" ? moment : Date.parse(moment);
  return Number.isFinite(value) ? value : null;
}

/** A span with its two largest units: `3 d 4 h`, `1 min 5 s`, `320 ms`. */
export function span(milliseconds) {
  const rounded = Math.max(0, Math.round(milliseconds));
  if (rounded < SECOND) return `${rounded} ms`;
  if (rounded < 10 * SECOND) return `${(rounded / SECOND).toFixed(1).replace(".0", "")} s`;
  const first = UNITS.findIndex(([, size]) => rounded >= size);
  const [unit, size] = UNITS[first];
  const [lesser, lesserSize] = UNITS[first + 1] ?? [];
  const rest = lesser ? Math.floor((rounded % size) / lesserSize) : 0;
  return `${Math.floor(rounded / size)} ${unit}${rest > 0 ? ` ${rest} ${lesser}` : ""}`;
}

/** `5 s ago`, `in 3 min`, `just now`. */
export function relative(moment, now = Date.now()) {
  const distance = now - millis(moment);
  if (Math.abs(distance) < SECOND) return "just now";
  const [unit, size] = UNITS.find(([, least]) => Math.abs(distance) >= least);
  const text = `${Math.floor(Math.abs(distance) / size)} ${unit}`;
  return distance > 0 ? `${text} ago` : `in ${text}`;
}

const pad = (value) => String(value).padStart(2, "0");

/** Day and time in this browser's time zone, as `2026-11-28 14:03:07`. */
export function local(moment) {
  const at = new Date(millis(moment));
  return `${localDay(at)} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

function localDay(at) {
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

/** The time alone, of a moment of today; day and time of another. */
export function short(moment, now = Date.now()) {
  const text = local(moment);
  return text.startsWith(localDay(new Date(now))) ? text.slice(11) : text.slice(0, 16);
}
