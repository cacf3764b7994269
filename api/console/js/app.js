// The frame around the pages: which page the address names, its life, the header, the banner.

import { isExact } from "./api/exact_json.js";
import { useCommand } from "./format/shell.js";
import { header } from "./header.js";
import { addGlobalShortcuts } from "./keys/global.js";
import { listen } from "./keys/shortcuts.js";
import { ExecutionPage } from "./pages/execution/page.js";
import { ExecutionsPage } from "./pages/executions/page.js";
import { NowPage } from "./pages/now/page.js";
import { SegmentPage } from "./pages/segment/page.js";
import { UnknownPage } from "./pages/unknown.js";
import { WaitingPage } from "./pages/waiting/page.js";
import { parse } from "./router.js";
import { render } from "./view/element.js";
import { problemNotice, remark } from "./view/notice.js";

const PAGES = {
  executions: ExecutionsPage,
  execution: ExecutionPage,
  segment: SegmentPage,
  waiting: WaitingPage,
  now: NowPage,
  unknown: UnknownPage,
};

// A summary every ten seconds, statistics every two and a half minutes: those read up to 25,600 rows.
const STACK_PACE = 5;

export class App {
  #main;
  #top;
  #banner;
  #me = { read_only: false };
  #problem = null;
  #route = null;
  #page = null;
  #isDrawDue = false;
  #isPaused = false;

  constructor(page) {
    this.#main = page.getElementById("main");
    this.#top = page.getElementById("top");
    this.#banner = page.getElementById("banner");
    page.querySelector(".skip-link").onclick = (event) => {
      // The fragment is the route: a jump to `#main` would leave the page.
      event.preventDefault();
      this.#main.focus();
    };
  }

  /** Shows the page that the address names, and what `me` says of the server. */
  start(me) {
    addEventListener("hashchange", () => this.#follow());
    // Ages grow while nothing changes.
    setInterval(() => document.hidden || this.draw(), 5_000);
    addGlobalShortcuts({ refresh: () => this.#page.refresh(), pause: () => this.#togglePause() });
    listen();
    this.#follow();
    this.#meet(me);
  }

  /** What the server said of itself. */
  get me() {
    return this.#me;
  }

  /** Whether a person has paused live reading. */
  get isPaused() {
    return this.#isPaused;
  }

  /** How much slower than on one machine pages read: each read of a stack's table costs money. */
  get pace() {
    return this.#me.stack ? STACK_PACE : 1;
  }

  /** Draws before the next frame. */
  draw() {
    if (this.#isDrawDue) return;
    this.#isDrawDue = true;
    requestAnimationFrame(() => {
      this.#isDrawDue = false;
      this.#drawNow();
    });
  }

  async #meet(me) {
    try {
      this.#me = await me();
      useCommand(this.#me.cli ?? (this.#me.stack ? { place: ["--stack", this.#me.stack] } : {}));
    } catch (error) {
      this.#problem = error;
    }
    this.draw();
  }

  #follow() {
    const route = parse(location.hash);
    const isFirst = this.#route === null;
    const isSame = this.#route?.page === route.page && this.#route.parts.join("/") === route.parts.join("/");
    this.#route = route;
    if (isSame) {
      this.#page.change(route.values);
    } else {
      this.#page?.stop();
      this.#page = new PAGES[route.page](route, this);
      this.#page.start();
      scrollTo(0, 0);
    }
    this.#drawNow();
    if (!isSame && !isFirst) this.#focusHeading();
  }

  // A new page announces itself by its heading, and the Tab key continues from there.
  #focusHeading() {
    this.#main.querySelector("h1")?.focus({ preventScroll: true });
  }

  #togglePause() {
    this.#isPaused = !this.#isPaused;
    this.#page.pause(this.#isPaused);
    this.draw();
  }

  #drawNow() {
    document.title = `${this.#page.title} – scatter-gather`;
    const live = { ...this.#page.live, isPaused: this.#isPaused, toggle: () => this.#togglePause() };
    render(this.#top, header(this.#route.page, this.#me, live));
    render(this.#banner, this.#notices(live));
    this.#drawMain();
  }

  // The heading that has the focus may be another element once more is known.
  #drawMain() {
    const hasFocus = document.activeElement?.tagName === "H1";
    render(this.#main, this.#page.view());
    if (hasFocus && document.activeElement === document.body) this.#focusHeading();
  }

  #notices(live) {
    return [
      this.#problem && problemNotice(this.#problem),
      live.error && live.at && problemNotice(live.error, { retry: () => this.#page.refresh() }),
      !isExact() && remark("This browser rounds numbers beyond 9,007,199,254,740,991. A newer one shows every digit."),
    ];
  }
}
