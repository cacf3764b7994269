// Addresses are in the fragment, `#/executions/ID/segments/17?…`: the server has one page.

import { query } from "./api/client.js";

const ROUTES = [
  ["executions", /^\/executions$/],
  ["segment", /^\/executions\/([^/]+)\/segments\/(\d+)$/],
  ["execution", /^\/executions\/([^/]+)$/],
  ["waiting", /^\/waiting$/],
  ["now", /^\/now$/],
];

/** The route of an address: a page's name, the parts of its path, the values after `?`. */
export function parse(hash) {
  const [path, search = ""] = hash.replace(/^#/, "").split("?", 2);
  const values = new URLSearchParams(search);
  if (path === "" || path === "/") return { page: "executions", parts: [], values };
  for (const [page, pattern] of ROUTES) {
    const found = pattern.exec(path);
    if (found) return { page, parts: found.slice(1).map(decoded), values };
  }
  return { page: "unknown", parts: [path], values };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const link = {
  executions: (filter = {}) => `#/executions${query(filter)}`,
  execution: (id, view = {}) => `#/executions/${encodeURIComponent(id)}${query(view)}`,
  segment: (id, index) => `#/executions/${encodeURIComponent(id)}/segments/${index}`,
  waiting: () => "#/waiting",
  now: () => "#/now",
};
