// The film strip of a job: a small picture, progress and state of each frame. What else is shown of a frame is its view's.

import { picture } from "./api.js";
import { el, setAttribute, setText, setVar } from "./dom.js";
import { count, part, percent } from "./format.js";
import { LongList } from "./list.js";
import { bitmapOf, picturePath } from "./pictures.js";

const THUMB_PX = 240;
const AT_ONCE = 2;
const AGAIN_MS = 4_000;
const KEPT_MAX = 400;

// Small pictures of a job's frames, fetched for what is visible, again as more of a frame is done.
class Thumbs {
  constructor(job) {
    this.job = job;
    this.kept = new Map();
    this.queue = [];
    this.busy = 0;
    this.abort = new AbortController();
  }

  close() {
    this.abort.abort();
  }

  // Draws what is kept of a frame and asks for what is newer.
  want(canvas, frame) {
    const kept = this.kept.get(frame.frame);
    if (kept) this.paint(canvas, kept.bitmap);
    if (!frame.tiles_done || kept?.done === frame.tiles_done) return;
    const rests = kept && frame.state !== "finished" && performance.now() - kept.at_ms < AGAIN_MS;
    if (rests) return;
    this.queue = this.queue.filter((asked) => asked.frame.frame !== frame.frame);
    this.queue.push({ canvas, frame });
    // A new row is filled before it stands in the document.
    queueMicrotask(() => this.run());
  }

  run() {
    while (this.busy < AT_ONCE && this.queue.length && !this.refused) {
      const asked = this.queue.pop();
      if (!asked.canvas.isConnected) continue;
      this.busy += 1;
      this.fetch(asked)
        .catch((problem) => {
          if (problem.status === 403) this.refused = true;
        })
        .finally(() => {
          this.busy -= 1;
          if (!this.abort.signal.aborted) this.run();
        });
    }
  }

  async fetch({ canvas, frame }) {
    const kept = this.kept.get(frame.frame);
    const got = await picture(
      picturePath(this.job, frame.frame),
      { width: THUMB_PX },
      { etag: kept?.etag, signal: this.abort.signal },
    );
    if (!got) {
      kept.done = frame.tiles_done;
      return;
    }
    let bitmap = await bitmapOf(got.blob);
    if (bitmap.width > 2 * THUMB_PX)
      bitmap = await createImageBitmap(bitmap, { resizeWidth: THUMB_PX, resizeQuality: "medium" });
    this.kept.delete(frame.frame);
    this.kept.set(frame.frame, { bitmap, etag: got.etag, done: frame.tiles_done, at_ms: performance.now() });
    if (this.kept.size > KEPT_MAX) this.kept.delete(this.kept.keys().next().value);
    if (canvas.frame === frame.frame) this.paint(canvas, bitmap);
  }

  paint(canvas, bitmap) {
    if (canvas.painted === bitmap) return;
    canvas.painted = bitmap;
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
  }
}

export class Strip {
  // `onFrames` hears whenever frames came or changed.
  constructor({ farm, job, holder, onFrames = () => {} }) {
    Object.assign(this, { farm, job, onFrames });
    this.frames = new Map();
    this.keys = [];
    this.current = null;
    this.thumbs = new Thumbs(job);
    this.scroller = el("div", { class: "strip", "aria-label": "Film strip" });
    this.error = el("p", { class: "error", hidden: true });
    holder.append(this.scroller, this.error);
    this.list = new LongList({
      scroller: this.scroller,
      sizeVariable: "--cell",
      horizontal: true,
      grid: false,
      create: (frame) => this.create(frame),
      update: (row, frame) => this.update(row, frame),
      item: (frame) => this.frames.get(frame),
    });
    this.ends = [
      farm.on("frames", (data) => data.job === job && this.keep(data.frames)),
      farm.on("open", () => this.load()),
    ];
    this.again = setInterval(() => this.list.renew(), AGAIN_MS);
    this.load();
  }

  close() {
    this.closed = true;
    clearInterval(this.again);
    this.ends.forEach((end) => end());
    this.thumbs.close();
    this.list.close();
  }

  load() {
    return this.farm
      .frames(this.job, (frames) => {
        if (this.closed) return false;
        this.error.hidden = true;
        this.keep(frames);
        return true;
      })
      .catch((problem) => {
        this.error.textContent = problem.message;
        this.error.hidden = false;
      });
  }

  keep(frames) {
    const before = this.frames.size;
    for (const frame of frames) this.frames.set(frame.frame, frame);
    if (this.frames.size !== before) {
      this.keys = [...this.frames.keys()].sort((one, other) => one - other);
      this.list.show(this.keys);
      if (this.current !== null) this.select(this.current);
    } else this.list.refresh();
    this.onFrames();
  }

  // Marks the frame that is shown elsewhere and brings it into sight.
  select(frame) {
    this.current = frame;
    if (!this.list.index?.has(frame)) return;
    this.list.activate(frame);
    this.list.reveal(frame);
    this.list.renew();
  }

  // The frame `step` places on, or null.
  beside(frame, step) {
    return this.keys[this.keys.indexOf(frame) + step] ?? null;
  }

  create(frame) {
    const canvas = el("canvas", { class: "thumb", width: 16, height: 9, "aria-hidden": "true" });
    canvas.frame = frame;
    const done = el("span", { class: "done" });
    const state = el("span", { class: "sr" });
    const bar = el("span", { class: "bar", "aria-hidden": "true" });
    const link = el(
      "a",
      { class: "link", href: `#/jobs/${this.job}/frames/${frame}` },
      canvas,
      bar,
      el("span", { class: "caption" }, el("span", { text: `Frame ${frame}` }), state, done),
    );
    return Object.assign(el("div", { class: "cell", role: "listitem" }, link), {
      fields: { canvas, done, state, bar, link },
    });
  }

  update(row, frame) {
    if (!frame) return;
    const { canvas, done, state, bar, link } = row.fields;
    setText(done, frame.state === "finished" ? "✓" : percent(frame.tiles_done, frame.tiles_total));
    setAttribute(done, "aria-hidden", frame.state === "finished" ? "true" : null);
    setText(state, `, ${frame.state}`);
    setAttribute(bar, "data-state", frame.state === "finished" ? "completed" : "running");
    setVar(bar, "--part", part(frame.tiles_done, frame.tiles_total).toFixed(4));
    setAttribute(row, "data-state", frame.state);
    setAttribute(link, "aria-current", this.current === frame.frame ? "true" : null);
    setAttribute(
      link,
      "title",
      frame.overturned ? `${count(frame.overturned)} tile-passes were overturned` : null,
    );
    this.thumbs.want(canvas, frame);
  }
}
