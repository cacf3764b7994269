// Numbers as people read them.

/** Digits in groups of three, exact for any `Number`, `BigInt` or `ExactDecimal`. */
export function grouped(value) {
  const [whole, ...rest] = String(value).split(".");
  return [whole.replace(/\B(?=(\d{3})+(?!\d))/g, ","), ...rest].join(".");
}

/** A share in percent. Never 100 % while a part is missing, never 0 % when a part is there. */
export function percent(part, whole) {
  if (whole === 0) return "–";
  const share = (part / whole) * 100;
  if (part > 0 && share < 0.1) return "< 0.1 %";
  if (part < whole && share > 99.9) return "> 99.9 %";
  return `${Number.isInteger(share) ? share : share.toFixed(1)} %`;
}

/** How many a second, with the digits that matter. */
export function perSecond(rate) {
  if (!Number.isFinite(rate) || rate <= 0) return "–";
  if (rate < 0.1) return `${grouped((rate * 3600).toFixed(rate * 3600 < 10 ? 1 : 0))}/h`;
  return `${grouped(rate.toFixed(rate < 10 ? 1 : 0))}/s`;
}

/** `1 segment`, `2 segments`. */
export function counted(count, noun) {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}
