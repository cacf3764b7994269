// The API's addresses, in one place.

import { get, query, send } from "./client.js";

const execution = (id) => `/executions/${encodeURIComponent(id)}`;

export const me = () => get("/me");
export const jobs = (options) => get("/jobs", options);
export const grid = (filter, options) => get(`/grid${query(filter)}`, options);
export const executions = (filter, options) => get(`/executions${query(filter)}`, options);

// The statuses of executions that are not complete.
const OPEN = ["SCATTERING", "RUNNING", "CANCELLING", "REDRIVING"];

/** The open executions among the newest `among`, newest first, at most `limit` of them. */
export async function openExecutions({ among, limit }, options) {
  const pages = await Promise.all(OPEN.map((status) => executions({ status, limit: among }, options)));
  const all = pages.flatMap((page) => page.executions);
  // An ID begins with its time.
  return all.sort((a, b) => (a.execution_id < b.execution_id ? 1 : -1)).slice(0, limit);
}

export const summary = (id, options) => get(execution(id), options);
export const statistics = (id, options) => get(`${execution(id)}/statistics`, options);
export const failures = (id, options) => get(`${execution(id)}/failures`, options);
export const results = (id, page, options) => get(`${execution(id)}/results${query(page)}`, options);
export const attempts = (id, page, options) => get(`${execution(id)}/attempts${query(page)}`, options);
export const events = (id, options) => get(`${execution(id)}/events`, options);
export const retries = (id, page, options) => get(`${execution(id)}/retries${query(page)}`, options);
export const groups = (id, page, options) => get(`${execution(id)}/groups${query(page)}`, options);
export const segments = (id, page, options) => get(`${execution(id)}/segments${query(page)}`, options);
export const segment = (id, index, options) => get(`${execution(id)}/segments/${index}`, options);
export const logs = (id, index, options) => get(`${execution(id)}/segments/${index}/logs`, options);
export const deadLetters = (page, options) => get(`/dead-letters${query(page)}`, options);
export const now = (options) => get("/now", options);

export const cancel = (id) => send("POST", `${execution(id)}/cancel`, {});
export const redrive = (id, selection) => send("POST", `${execution(id)}/redrive`, selection);
export const checkRepair = (id) => send("POST", `${execution(id)}/repair`, { dry_run: true });
export const setLimits = (id, change) => send("PATCH", execution(id), change);
