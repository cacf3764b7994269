// An address that names nothing.

import { link } from "../router.js";
import { h } from "../view/element.js";
import { outside } from "../view/outside.js";
import { Page } from "./page.js";

export class UnknownPage extends Page {
  title = "No such page";

  start() {}

  view() {
    return [
      h("h1", { tabindex: "-1" }, this.title),
      h(
        "p",
        {},
        "The console has no page ",
        outside(this.route.parts[0]),
        ". ",
        h("a", { href: link.executions() }, "All executions"),
      ),
    ];
  }
}
