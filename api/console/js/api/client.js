// Requests to the API that this page comes from. The session's cookie authorizes them.

import { parseExact } from "./exact_json.js";
import { Problem, problemOf } from "./problem.js";

const BASE = "/api/v1";

// Answers that a later `If-None-Match` may refer to. A page reads some ten addresses.
const ANSWERS_KEPT = 24;

const answers = new Map();

/** Gets JSON. An answer that has not changed is the same object as before, so that a page can skip what it shows already. */
export async function get(path, { signal } = {}) {
  const kept = answers.get(path);
  const headers = { accept: "application/json" };
  if (kept) headers["if-none-match"] = kept.etag;
  // The browser's own cache would hide from us that nothing has changed.
  const response = await request(path, { headers, signal, cache: "no-store" });
  if (response.status === 304 && kept) return kept.value;
  if (!response.ok) throw await problemOf(response);
  const value = parseExact(await response.text());
  keep(path, response.headers.get("etag"), value);
  return value;
}

/** Sends a change. The server demands the header of our own, which a page of another origin cannot send. */
export async function send(method, path, body) {
  const headers = { accept: "application/json", "content-type": "application/json", "x-console": "1" };
  const response = await request(path, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return text === "" ? {} : parseExact(text);
}

/** A query string of the values that are set; a list becomes a repeated name. */
export function query(values) {
  const given = Object.entries(values).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  const parts = given.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return parts.length === 0 ? "" : `?${new URLSearchParams(parts)}`;
}

async function request(path, options) {
  try {
    return await fetch(BASE + path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw Problem.unreachable(error);
  }
}

function keep(path, etag, value) {
  answers.delete(path);
  if (!etag) return;
  answers.set(path, { etag, value });
  if (answers.size > ANSWERS_KEPT) answers.delete(answers.keys().next().value);
}
