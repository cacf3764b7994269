// Draws cells of the map. Colour is not the only sign: an open part is hollow, a failure has a corner, a cancelled part is striped.

const STATES = ["succeeded", "failed", "cancelled", "running", "pending"];

// From this side on a cell has room for a dot, a stripe, a corner.
const SIDE_WITH_SIGNS = 9;

/** The colours of the states as the style sheet has them for this theme. */
export function coloursOf(element) {
  const style = getComputedStyle(element);
  const named = STATES.map((state) => [state, style.getPropertyValue(`--${state}`).trim()]);
  return {
    ...Object.fromEntries(named),
    mark: style.getPropertyValue("--mark").trim(),
  };
}

/** Draws one cell with the sums of its groups. */
export function drawCell(context, { x, y, side }, sums, colours) {
  const inner = side - 1;
  drawOpen(context, x, y, inner, colours);
  const filled = drawParts(context, x, y, inner, sums, colours);
  if (sums.running > 0 && side >= SIDE_WITH_SIGNS) drawDot(context, x, y, inner, colours);
  if (sums.cancelled > 0 && side >= SIDE_WITH_SIGNS) drawStripe(context, x, y, inner, colours);
  if (sums.failed > 0) drawCorner(context, x, y, inner, colours);
  return filled;
}

function drawOpen(context, x, y, inner, colours) {
  context.strokeStyle = colours.pending;
  context.strokeRect(x + 0.5, y + 0.5, inner - 1, inner - 1);
}

// From the bottom up, in the order of the legend.
function drawParts(context, x, y, inner, sums, colours) {
  let from = 0;
  for (const state of ["succeeded", "cancelled", "running"]) {
    const height = (sums[state] / sums.size) * inner;
    if (height === 0) continue;
    // A part that is there is seen.
    const shown = Math.max(1, height);
    context.fillStyle = colours[state];
    context.fillRect(x, y + inner - Math.min(inner, from + shown), inner, shown);
    from += height;
  }
  return from;
}

// One failure among 128 must be seen: a corner of a large cell, and all of a small one.
function drawCorner(context, x, y, inner, colours) {
  context.fillStyle = colours.failed;
  if (inner < SIDE_WITH_SIGNS) {
    context.fillRect(x, y, inner, inner);
    return;
  }
  const corner = inner * 0.55;
  context.beginPath();
  context.moveTo(x + inner - corner, y);
  context.lineTo(x + inner, y);
  context.lineTo(x + inner, y + corner);
  context.closePath();
  context.fill();
}

function drawDot(context, x, y, inner, colours) {
  context.fillStyle = colours.mark;
  context.beginPath();
  context.arc(x + inner / 2, y + inner / 2, Math.max(1.5, inner / 7), 0, 2 * Math.PI);
  context.fill();
}

function drawStripe(context, x, y, inner, colours) {
  context.strokeStyle = colours.mark;
  context.beginPath();
  context.moveTo(x + 2, y + inner - 2);
  context.lineTo(x + inner - 2, y + 2);
  context.stroke();
}
