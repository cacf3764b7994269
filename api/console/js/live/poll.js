// Reads something again and again while a person can see it.
//
// Polling, not server-sent events: a stream holds one of the six connections that a browser has for a host in HTTP/1.1, so that six
// tabs would leave none. With `If-None-Match` an answer that has not changed costs a few bytes.

// A read that takes long is made less often, so that the console never takes more than a tenth of what the table can do.
const SHARE_OF_TIME = 10;

// After errors the wait doubles up to this.
const LONGEST_WAIT_MS = 30_000;

/** One read that repeats. */
export class Poll {
  #read;
  #show;
  #every;
  #timer = null;
  #request = null;
  #isStopped = false;
  #errors = 0;

  /**
   * `read({ signal })` answers a value; `show({ value, error, at })` gets it, or why there is none. `every` gives the milliseconds
   * to the next read; `Infinity` is until `poke`.
   */
  constructor({ read, show, every = () => 2000 }) {
    this.#read = read;
    this.#show = show;
    this.#every = every;
    document.addEventListener("visibilitychange", this.#onVisibility);
  }

  /** Reads now, and from now on. */
  poke() {
    if (this.#isStopped) return Promise.resolve();
    clearTimeout(this.#timer);
    this.#request?.abort();
    return this.#round();
  }

  /** Reads no more until `poke`. */
  rest() {
    clearTimeout(this.#timer);
  }

  /** Reads no more. */
  stop() {
    this.#isStopped = true;
    this.rest();
    this.#request?.abort();
    document.removeEventListener("visibilitychange", this.#onVisibility);
  }

  #onVisibility = () => {
    if (document.hidden) this.rest();
    else if (this.#every() !== Infinity) this.poke();
  };

  async #round() {
    const request = new AbortController();
    this.#request = request;
    const began = performance.now();
    const answer = await this.#answer(request.signal);
    // A later round has taken over, or the page was left.
    if (request.signal.aborted || this.#isStopped) return;
    this.#errors = answer.error ? this.#errors + 1 : 0;
    this.#show(answer);
    this.#schedule(performance.now() - began);
  }

  async #answer(signal) {
    try {
      return { value: await this.#read({ signal }), at: Date.now() };
    } catch (error) {
      return { error, at: Date.now() };
    }
  }

  #schedule(took) {
    const every = this.#every();
    const wait = Math.max(every, took * SHARE_OF_TIME) * 2 ** Math.min(this.#errors, 4);
    if (every === Infinity || document.hidden) return;
    this.#timer = setTimeout(() => this.poke(), Math.min(wait, Math.max(LONGEST_WAIT_MS, every)));
  }
}
