// The map in words.

import { grouped } from "../../format/number.js";
import { h } from "../../view/element.js";
import { STATES } from "../../view/progress_bar.js";

// A group does not know which of its open segments a worker has.
const WORDS = { pending: "open" };

// A longer list is not read; the failures below say more.
const GROUPS_LISTED = 50;

/** What a range of groups has. */
export function sentence(groups, { from, to }) {
  const sums = groups.sum(from, to);
  const { first, last } = groups.segments(from, to);
  const parts = STATES.filter((state) => sums[state] > 0).map(
    (state) => `${grouped(sums[state])} ${WORDS[state] ?? state}`,
  );
  return `Segments ${grouped(first)} to ${grouped(last)}: ${parts.join(", ")}.`;
}

/** The map as text: the groups that have failures. */
export function failingGroups(groups, range, address) {
  const failing = [];
  let count = 0;
  for (let group = range.from; group < range.to; group++) {
    if (groups.failed[group] === 0) continue;
    count += 1;
    if (failing.length < GROUPS_LISTED) failing.push({ from: group, to: group + 1 });
  }
  if (range.to - range.from <= 1 || count === 0) return null;
  return h(
    "details",
    { key: "failing" },
    h("summary", {}, `Groups with failures: ${grouped(count)} of ${grouped(range.to - range.from)}`),
    h(
      "ul",
      { class: "failing-groups" },
      failing.map((one) =>
        h("li", { key: one.from }, h("a", { href: address(one), "data-row": true }, sentence(groups, one))),
      ),
    ),
    count > failing.length && h("p", { class: "quiet" }, `The first ${GROUPS_LISTED} are listed.`),
  );
}
