// How many cells a map has, and where they are.

// Smaller cells cannot be told apart, larger ones waste room.
const LEAST_SIDE = 6;
const MOST_SIDE = 28;

/**
 * Places `count` groups in a rectangle, as cells of one group, or of several where there is no room: with 1,000,000 segments on a
 * wide screen a cell is one group, with 10,000,000 some ten.
 */
export function layOut(count, width, height) {
  const capacity = Math.floor(width / LEAST_SIDE) * Math.floor(height / LEAST_SIDE);
  const groupsPerCell = Math.max(1, Math.ceil(count / Math.max(1, capacity)));
  const cells = Math.ceil(count / groupsPerCell);
  const side = largestSide(cells, width, height);
  const columns = Math.max(1, Math.floor(width / side));
  return { groupsPerCell, cells, side, columns, rows: Math.ceil(cells / columns) };
}

function largestSide(cells, width, height) {
  for (let side = MOST_SIDE; side > LEAST_SIDE; side--) {
    if (Math.ceil(cells / Math.floor(width / side)) * side <= height) return side;
  }
  return LEAST_SIDE;
}

/** The groups of a cell, from `from` to before `to`, counted from the map's first group. */
export function groupsOf(layout, cell, count) {
  const from = cell * layout.groupsPerCell;
  return { from, to: Math.min(count, from + layout.groupsPerCell) };
}
