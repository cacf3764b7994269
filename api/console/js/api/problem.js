// A refused or failed request, as RFC 9457 describes it, and what a person can do about it.

const WHAT_TO_DO = {
  unauthorized: "Open the console again with the address that `scatterctl console` printed: it has the token.",
  forbidden: "Open the console again with the address that `scatterctl console` printed: it has the token.",
  unreachable:
    "Look whether `scatterctl console` still runs, and start it again if not. This page then continues by itself.",
  unavailable: "The control table does not answer. This page tries again by itself.",
  read_only: "Start `scatterctl console` without `--read-only`, or use the command line.",
  conflict: "The execution has changed meanwhile. Look at its status, then decide again.",
  not_kept_here: "This is known only on the machine that runs the work.",
};

/** What the server, or the lack of one, answered. */
export class Problem extends Error {
  constructor({ status = 0, code = "unknown", title, detail, retryable = false }) {
    super(title);
    Object.assign(this, { status, code, title, detail, retryable });
  }

  /** What a person can do, or nothing that is not in `detail` already. */
  get whatToDo() {
    return WHAT_TO_DO[this.code] ?? (this.retryable ? "The same request may succeed later." : "");
  }

  static unreachable(error) {
    const title = "The console's server cannot be reached";
    return new Problem({ code: "unreachable", title, detail: error.message, retryable: true });
  }
}

/** Reads the problem in an answer. A proxy between may have answered with something else than problem details. */
export async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const fallback = { 401: "unauthorized", 403: "forbidden", 404: "not_found", 503: "unavailable" }[response.status];
  return new Problem({
    status: response.status,
    code: typeof body.code === "string" ? body.code : fallback,
    title: typeof body.title === "string" ? body.title : `The server answered ${response.status}`,
    detail: typeof body.detail === "string" ? body.detail : "",
    retryable: body.retryable === true || response.status >= 500,
  });
}
