// Kinds of errors in words.

const KINDS = {
  RETRYABLE: "error",
  PERMANENT: "permanent error",
  PANIC: "panic",
  TIMED_OUT: "timed out",
  WORKER_LOST: "worker lost",
  INVALID_OUTPUT: "invalid output",
  ROW_LOST: "row lost",
};

export const kindName = (kind) => KINDS[String(kind).toUpperCase()] ?? String(kind ?? "not recorded");
