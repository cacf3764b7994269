// How many cells a map has, and where they are.

// Smaller cells cannot be told apart, larger ones waste room. In sizes of the text, so that a map grows with it.
const LEAST_SIDE = 0.4;
const MOST_SIDE = 1.9;

/**
 * Places `count` groups in a rectangle, as cells of one group, or of several where there is no room: with 1,000,000 segments on a
 * wide screen a cell is one group, with 10,000,000 some ten. `text` is the size of the text, in the same unit as the rectangle's.
 */
export function layOut(count, { width, height, text }) {
  const least = Math.round(LEAST_SIDE * text);
  const capacity = Math.floor(width / least) * Math.floor(height / least);
  const groupsPerCell = Math.max(1, Math.ceil(count / Math.max(1, capacity)));
  const cells = Math.ceil(count / groupsPerCell);
  const side = largestSide(cells, width, height, { least, most: Math.round(MOST_SIDE * text) });
  const columns = Math.max(1, Math.floor(width / side));
  return { groupsPerCell, cells, side, columns, rows: Math.ceil(cells / columns) };
}

function largestSide(cells, width, height, { least, most }) {
  for (let side = most; side > least; side--) {
    if (Math.ceil(cells / Math.floor(width / side)) * side <= height) return side;
  }
  return least;
}

/** The groups of a cell, from `from` to before `to`, counted from the map's first group. */
export function groupsOf(layout, cell, count) {
  const from = cell * layout.groupsPerCell;
  return { from, to: Math.min(count, from + layout.groupsPerCell) };
}
