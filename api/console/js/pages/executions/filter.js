// The filter of the executions. It is in the address, so that it can be kept and sent.

import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { field } from "../../view/field.js";
import { outside } from "../../view/outside.js";
import { STATUSES } from "../../view/status.js";

const FIELDS = ["job", "key", "status", "day"];

/** The filter as the API takes it. */
export function filterOf(values) {
  const filter = Object.fromEntries(FIELDS.map((name) => [name, values.get(name)]));
  return { ...filter, tag: values.getAll("tag") };
}

/** Whether anything is filtered. */
export function isFiltered(values) {
  return FIELDS.some((name) => values.get(name)) || values.getAll("tag").length > 0;
}

export function filterForm(values, jobs) {
  const submit = (event) => {
    event.preventDefault();
    apply(event.currentTarget, values);
  };
  return h(
    "form",
    { class: "filter", role: "search", "aria-label": "Filter executions", onsubmit: submit, key: "filter" },
    field("Job", input("job", values, { list: "jobs", autocomplete: "off", placeholder: "any" })),
    h(
      "datalist",
      { id: "jobs" },
      jobs.map(({ job }) => h("option", { key: job, value: job })),
    ),
    field("Status", statusSelect(values)),
    field("Key", input("key", values, { placeholder: "any" })),
    field("Day", input("day", values, { type: "date" })),
    field("Tag", input("tag", new URLSearchParams(), { placeholder: "name=value", pattern: "[^=]+=.*" })),
    h("button", { type: "submit", class: "primary" }, "Filter"),
    isFiltered(values) && h("a", { class: "button", href: link.executions() }, "Clear"),
    tags(values),
  );
}

function input(name, values, properties) {
  return h("input", { name, value: values.get(name) ?? "", ...properties });
}

function statusSelect(values) {
  const chosen = values.get("status")?.toUpperCase();
  const options = STATUSES.map((name) => h("option", { value: name, selected: name === chosen }, name));
  const submit = (event) => event.currentTarget.form.requestSubmit();
  return h("select", { name: "status", onchange: submit }, h("option", { value: "" }, "any"), options);
}

// Tags add up; each can be taken away again.
function tags(values) {
  const all = values.getAll("tag");
  const without = (tag) => link.executions({ ...filterOf(values), tag: all.filter((other) => other !== tag) });
  return all.map((tag) =>
    h("a", { class: "tag", key: tag, href: without(tag), "aria-label": `Without the tag ${tag}` }, outside(tag), " ×"),
  );
}

function apply(form, values) {
  const given = new FormData(form);
  const tag = given.get("tag").trim();
  const filter = Object.fromEntries(FIELDS.map((name) => [name, given.get(name).trim()]));
  const kept = values.getAll("tag").filter((other) => other !== tag);
  // It becomes a tag beside the form.
  form.elements.tag.value = "";
  location.hash = link.executions({ ...filter, tag: tag === "" ? kept : [...kept, tag] });
}
