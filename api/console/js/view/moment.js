// A moment: how long ago, and exactly when on hovering and for screen readers.

import { local, millis, relative, short } from "../format/time.js";
import { h } from "./element.js";

function time(moment, text) {
  const at = millis(moment);
  if (at === null) return "–";
  return h(
    "time",
    { datetime: new Date(at).toISOString(), title: `${local(at)} (${new Date(at).toISOString()})` },
    text(at),
  );
}

/** `3 min ago`. */
export const ago = (moment) => time(moment, (at) => relative(at));

/** `14:03:07`, or with its day if that is not today. */
export const clock = (moment) => time(moment, (at) => short(at));
