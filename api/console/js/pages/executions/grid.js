// Jobs and days: a mark for each execution, so that a day that is missing or red is seen at once.

import { visible } from "../../format/hidden.js";
import { link } from "../../router.js";
import { h } from "../../view/element.js";
import { icon } from "../../view/icon.js";
import { outside } from "../../view/outside.js";
import { section } from "../../view/section.js";

// A job that runs every minute has 1,440 executions a day: the newest are shown, the rest is counted.
const MARKS_PER_DAY = 6;

export function executionGrid({ days, jobs }) {
  // From left to right as time goes, in whatever order they came.
  const order = days.map((day, at) => ({ day, at })).sort((a, b) => a.day.localeCompare(b.day));
  const head = order.map(({ day }) => h("th", { key: day, scope: "col" }, dayLink(day)));
  const cells = (line) => order.map(({ day, at }) => h("td", { key: day }, marks(line.cells[at], line.job, day)));
  const rows = jobs.map((line) =>
    h("tr", { key: line.job }, h("th", { scope: "row" }, jobLink(line.job)), cells(line)),
  );
  return section(
    "grid",
    "Jobs by day",
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "group", "aria-labelledby": "grid-title", attached: showNewest },
      h(
        "table",
        { class: "job-grid" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Job"), head)),
        h("tbody", {}, rows),
      ),
    ),
  );
}

const jobLink = (job) => h("a", { href: link.executions({ job }) }, outside(job));

// Where not all days fit, the newest matter most.
function showNewest(element) {
  requestAnimationFrame(() => (element.scrollLeft = element.scrollWidth));
}

function dayLink(day) {
  const [, month, date] = day.split("-");
  return h(
    "a",
    { href: link.executions({ day }), "aria-label": day },
    h("time", { datetime: day }, `${month}-${date}`),
  );
}

function marks(executions, job, day) {
  const shown = executions.slice(0, MARKS_PER_DAY);
  const more = executions.length - shown.length;
  return h(
    "div",
    { class: "marks" },
    shown.map((execution) => mark(execution)),
    more > 0 &&
      h(
        "a",
        {
          key: "more",
          class: "more",
          href: link.executions({ job, day }),
          "aria-label": `${more} more of ${job} on ${day}`,
        },
        `+${more}`,
      ),
  );
}

function mark({ execution_id: id, status, key }) {
  const state = status.toLowerCase();
  const label = `${status}, key ${visible(key)}`;
  return h(
    "a",
    { key: id, class: `mark state-${state}`, href: link.execution(id), "aria-label": label, title: label },
    icon(state),
  );
}
