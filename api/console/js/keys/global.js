// The keys that every page has.

import { link } from "../router.js";
import { toggleTheme } from "../theme.js";
import { moveInList } from "./list_focus.js";
import { showShortcuts } from "./shortcut_list.js";
import { shortcut } from "./shortcuts.js";

export function addGlobalShortcuts({ refresh, pause }) {
  const go = (address) => () => (location.hash = address);
  shortcut("?", "show this list", showShortcuts);
  shortcut("j", "to the next row", () => moveInList(1));
  shortcut("k", "to the row before", () => moveInList(-1));
  shortcut("g e", "go to Executions", go(link.executions()));
  shortcut("g w", "go to Waiting", go(link.waiting()));
  shortcut("g n", "go to Now", go(link.now()));
  shortcut("u", "go one level up", () => document.querySelector("main .up")?.click());
  shortcut("r", "read again now", refresh);
  shortcut("p", "pause or continue live reading", pause);
  shortcut("t", "light or dark", toggleTheme);
  shortcut("/", "to the first field of the filter", () => document.querySelector("main input, main select")?.focus());
}
