// Records that could not be read.

import { grouped } from "../../format/number.js";
import { h } from "../../view/element.js";
import { clock } from "../../view/moment.js";
import { outside, outsideBlock } from "../../view/outside.js";
import { listTable } from "../../view/table.js";

const COLUMNS = [
  ["Recorded", ({ recorded_at: at }) => clock(at)],
  ["Read by", ({ source }) => outside(source)],
  ["Event", ({ event_id: event }) => outside(event, { class: "mono" })],
  ["Reason", ({ reason }) => outside(reason, { class: "message" })],
  ["Content", content],
];

export function deadLetterTable(letters) {
  return listTable({
    kind: "letters",
    columns: COLUMNS,
    rows: letters,
    key: ({ source, event_id: event }) => `${source} ${event}`,
  });
}

function content({ payload, payload_bytes: bytes }) {
  const text = String(payload ?? "");
  return h(
    "details",
    {},
    h("summary", {}, `${grouped(bytes ?? text.length)} bytes`),
    outsideBlock(text, "The record's content"),
  );
}
