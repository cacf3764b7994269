// The header: where one can go, what this console shows, whether it is live.

import { showShortcuts } from "./keys/shortcut_list.js";
import { link } from "./router.js";
import { toggleTheme, isDark } from "./theme.js";
import { h } from "./view/element.js";
import { clock } from "./view/moment.js";
import { outside } from "./view/outside.js";

const PLACES = [
  ["Executions", link.executions(), ["executions", "execution", "segment"]],
  ["Waiting", link.waiting(), ["waiting"]],
  ["Now", link.now(), ["now"]],
];

export function header(page, me, live) {
  const links = PLACES.map(([name, href, pages]) =>
    h("a", { href, "aria-current": pages.includes(page) ? "page" : null }, name),
  );
  return [
    h("a", { class: "brand", href: link.executions() }, "scatter-gather"),
    h("nav", { "aria-label": "Pages" }, links),
    h("div", { class: "top-right" }, place(me), readOnly(me), liveness(live), buttons()),
  ];
}

// Several consoles may be open, and a cancel should not reach the wrong one.
function place(me) {
  const name = me.stack ? `stack ${me.stack}` : me.cli?.place?.at(-1);
  return name && h("span", { class: "place", title: "what this console shows" }, outside(name));
}

function readOnly(me) {
  return me.read_only && h("span", { class: "badge", title: "The console was started with --read-only" }, "read-only");
}

function liveness({ isPaused, toggle, error, at }) {
  const [state, word] = error ? ["late", "not up to date"] : isPaused ? ["paused", "paused"] : ["live", "live"];
  const label = isPaused ? "Paused. Continue to update" : "Live. Pause updating";
  return h(
    "button",
    {
      type: "button",
      class: `liveness is-${state}`,
      onclick: toggle,
      "aria-label": error ? `Not up to date. ${label}` : label,
    },
    h("span", { class: "lamp", "aria-hidden": "true" }),
    word,
    state !== "live" && at && [" since ", clock(at)],
  );
}

function buttons() {
  const theme = isDark() ? "Light" : "Dark";
  return [
    h("button", { type: "button", class: "small", onclick: toggleTheme, "aria-label": `${theme} theme` }, theme),
    h("button", { type: "button", class: "small", onclick: showShortcuts, "aria-label": "Keys" }, "?"),
  ];
}
