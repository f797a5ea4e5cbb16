// The stream of events: reads it, opens it again with backoff and the id of the last event. It does not know what the events mean.

import { openStream } from "./api.js";

const WAIT_FIRST_MS = 500;
const WAIT_MAX_MS = 30_000;
const ANSWER_MAX_MS = 10_000;
const SILENCE_MAX_MS = 45_000;

// Splits text into events as https://html.spec.whatwg.org/multipage/server-sent-events.html has it. Text may end anywhere.
export class EventParser {
  constructor(onEvent) {
    this.onEvent = onEvent;
    this.rest = "";
    this.clear();
  }

  clear() {
    this.kind = "";
    this.data = [];
  }

  push(text) {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop();
    for (const line of lines) this.line(line);
  }

  line(line) {
    if (line === "") {
      if (this.data.length)
        this.onEvent({ kind: this.kind || "message", data: this.data.join("\n"), id: this.id });
      this.clear();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.kind = value;
    else if (field === "data") this.data.push(value);
    else if (field === "id") this.id = value;
  }
}

// Keeps one stream open. `onEvent(kind, data)` gets what comes, `onStatus(status, wait_ms)` one of "open", "lost", "closed".
export class Stream {
  constructor({ onEvent, onStatus }) {
    this.onEvent = onEvent;
    this.onStatus = onStatus;
    this.run = null;
    this.lastId = null;
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => !document.hidden && this.hurry());
  }

  // Follows the whole farm, and the frames and tiles of `job` if it is not null.
  open(job, lastId = this.lastId) {
    this.close();
    this.lastId = lastId;
    const run = { job, abort: new AbortController(), wake: null };
    this.run = run;
    this.follow(run);
  }

  close() {
    if (!this.run) return;
    const run = this.run;
    this.run = null;
    run.abort.abort();
    run.wake?.();
  }

  hurry() {
    this.run?.wake?.();
  }

  async follow(run) {
    let wait_ms = WAIT_FIRST_MS;
    while (this.run === run) {
      const heard = await this.once(run);
      if (this.run !== run) return;
      if (heard) wait_ms = WAIT_FIRST_MS;
      const pause_ms = wait_ms * (0.75 + Math.random() / 2);
      this.onStatus("lost", pause_ms);
      await this.pause(run, pause_ms);
      wait_ms = Math.min(wait_ms * 2, WAIT_MAX_MS);
    }
  }

  pause(run, pause_ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pause_ms);
      run.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    }).finally(() => {
      run.wake = null;
    });
  }

  // Reads until the stream ends. True if anything came at all.
  async once(run) {
    let heard = false;
    const abort = new AbortController();
    const stop = () => abort.abort();
    run.abort.signal.addEventListener("abort", stop);
    let watch = setTimeout(stop, ANSWER_MAX_MS);
    try {
      const response = await openStream(run.job, this.lastId, abort.signal);
      if (this.run !== run) return heard;
      clearTimeout(watch);
      watch = setTimeout(stop, SILENCE_MAX_MS);
      this.onStatus("open");
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventParser((event) => this.deliver(run, event));
      for (;;) {
        const { value, done } = await reader.read();
        if (done || this.run !== run) break;
        heard = true;
        clearTimeout(watch);
        watch = setTimeout(stop, SILENCE_MAX_MS);
        parser.push(value);
      }
    } catch {
      // An end is an end: the caller waits and opens the stream again.
    } finally {
      clearTimeout(watch);
      run.abort.signal.removeEventListener("abort", stop);
      abort.abort();
    }
    return heard;
  }

  deliver(run, event) {
    if (this.run !== run) return;
    if (event.id !== undefined) this.lastId = event.id;
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      return;
    }
    this.onEvent(event.kind, data);
  }
}
