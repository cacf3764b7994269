// The counts of all groups of an execution, small enough in memory for 78,125 of them.

import * as api from "../../api/endpoints.js";

// The most that the API gives at once. 1,000,000 segments are 7,813 groups.
const PAGE_SIZE = 10_000;

// In the order of the API's rows, after a group's number and its size.
const COLUMNS = ["pending", "running", "succeeded", "failed", "cancelled"];

/** Counts by group. A group has at most 128 segments, so that a byte holds each count. */
export class Groups {
  constructor(count, groupSize) {
    this.count = count;
    /** Segments of a full group. */
    this.groupSize = groupSize;
    this.size = new Uint8Array(count);
    for (const name of COLUMNS) this[name] = new Uint8Array(count);
  }

  put([group, size, ...counts]) {
    this.size[group] = size;
    COLUMNS.forEach((name, at) => (this[name][group] = counts[at]));
  }

  /** Sums over the groups from `from` to before `to`. */
  sum(from, to) {
    const sums = { size: 0, pending: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
    for (let group = from; group < Math.min(to, this.count); group++) {
      for (const name in sums) sums[name] += this[name][group];
    }
    return sums;
  }

  /** Indexes of the first and the last segment of these groups. */
  segments(from, to) {
    const last = Math.min(to, this.count) - 1;
    return { first: from * this.groupSize, last: last * this.groupSize + this.size[last] - 1 };
  }
}

let latest = { pages: [], groups: null };

/** Reads them, a page after the other. While no page has changed, the answer is the same object as before. */
export async function readGroups(id, options) {
  const pages = [];
  let cursor;
  do {
    const page = await api.groups(id, { limit: PAGE_SIZE, cursor }, options);
    pages.push(page);
    cursor = page.next;
  } while (cursor);
  const isSame = pages.length === latest.pages.length && pages.every((page, at) => page === latest.pages[at]);
  if (!isSame) latest = { pages, groups: gather(pages) };
  return latest.groups;
}

function gather(pages) {
  const rows = pages.flatMap((page) => page.groups);
  const count = rows.reduce((most, [group]) => Math.max(most, group + 1), 0);
  const groups = new Groups(count, pages[0].size);
  for (const row of rows) groups.put(row);
  return groups;
}
