// An execution by its job and key, as the link of its row.

import { link } from "../router.js";
import { h } from "./element.js";
import { outside } from "./outside.js";

export function executionLink({ execution_id: id, job, key }) {
  return h(
    "a",
    { href: link.execution(id), "data-row": true, class: "row-link" },
    h("b", {}, outside(job)),
    " ",
    outside(key, { class: "key" }),
  );
}
