// `j` and `k` move through the rows of the page's lists: links with the attribute `data-row`.

/** Moves the focus to the next row, or with -1 to the one before. */
export function moveInList(step) {
  const rows = [...document.querySelectorAll("main [data-row]")].filter((row) => row.offsetParent !== null);
  if (rows.length === 0) return;
  const at = rows.indexOf(document.activeElement);
  const first = step > 0 ? 0 : rows.length - 1;
  const next = at < 0 ? first : Math.min(rows.length - 1, Math.max(0, at + step));
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
}
