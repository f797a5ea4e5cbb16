// The picture of one frame as it fills in: fetches it whole or tile by tile, the latest first, into a canvas of the frame's own size.
// It knows neither how it is shown nor why a tile changed.

import { picture } from "./api.js";
import { el } from "./dom.js";

const TILES_AT_ONCE = 3;
const TILES_BEFORE_WHOLE = 24;
const WHOLE_EVERY_MS = 700;

// Bytes of the file become bytes of the canvas: no colour management, no scaling by alpha.
export const bitmapOf = (blob) =>
  createImageBitmap(blob, { premultiplyAlpha: "none", colorSpaceConversion: "none" });

export const picturePath = (job, frame) => `/jobs/${job}/frames/${frame}/picture.png`;

export class FramePicture {
  // `onTiles(tiles)` hears which tiles are drawn anew, null for all; `onProblem(problem)` why nothing comes.
  constructor({ job, frame, onTiles, onProblem = () => {} }) {
    Object.assign(this, { job, frame, onTiles, onProblem });
    this.canvas = el("canvas", { width: 1, height: 1 });
    this.context = this.canvas.getContext("2d");
    this.exposure = 0;
    this.output = "color";
    // Whether the canvas holds the finished frame whole.
    this.finished = false;
    this.seen = false;
    this.waiting = new Set();
    this.begin();
  }

  begin() {
    this.abort?.abort();
    this.abort = new AbortController();
    this.etag = null;
    this.whole = false;
    this.running = null;
  }

  close() {
    this.closed = true;
    this.abort.abort();
  }

  size(grid) {
    this.grid = grid;
    if (this.canvas.width === grid.width_px && this.canvas.height === grid.height_px) return;
    this.canvas.width = grid.width_px;
    this.canvas.height = grid.height_px;
  }

  // Another exposure in stops or another output: everything is fetched anew, and what is under way is given up.
  show({ exposure = this.exposure, output = this.output }) {
    this.exposure = exposure;
    this.output = output;
    this.begin();
    this.wantAll();
  }

  wantAll() {
    this.whole = true;
    this.run();
  }

  want(tiles) {
    for (const tile of tiles) {
      this.waiting.delete(tile);
      this.waiting.add(tile);
    }
    this.run();
  }

  run() {
    if (this.running || this.closed) return;
    const abort = this.abort;
    const running = this.work(abort)
      .catch((problem) => {
        // Pictures of somebody else's job are not asked for a second time.
        if (problem.status === 403) this.closed = true;
        else if (this.closed) return;
        if (problem.name !== "AbortError" && problem.status !== 404) this.onProblem(problem);
      })
      .finally(() => {
        if (this.running === running) this.running = null;
      });
    this.running = running;
  }

  async work(abort) {
    while (!abort.signal.aborted && (this.whole || this.waiting.size)) {
      if (this.whole || this.waiting.size > TILES_BEFORE_WHOLE || !this.grid) {
        await this.fetchWhole(abort);
        continue;
      }
      const latest = [...this.waiting].slice(-TILES_AT_ONCE);
      for (const tile of latest) this.waiting.delete(tile);
      await Promise.all(latest.map((tile) => this.fetchTile(tile, abort)));
      this.onTiles(latest);
    }
  }

  values(more = {}) {
    return { exposure: this.exposure, output: this.output, ...more };
  }

  // A picture that takes long to come is asked for less often.
  async fetchWhole(abort) {
    const tiles = this.whole ? null : [...this.waiting];
    this.whole = false;
    this.waiting.clear();
    const began_ms = performance.now();
    const got = await picture(picturePath(this.job, this.frame), this.values(), {
      etag: this.etag,
      signal: abort.signal,
    });
    if (got) {
      const bitmap = await bitmapOf(got.blob);
      if (abort.signal.aborted) return;
      this.etag = got.etag;
      this.finished = got.finished;
      this.seen = true;
      this.size(this.grid ?? { width_px: bitmap.width, height_px: bitmap.height });
      this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      this.context.drawImage(bitmap, 0, 0);
      bitmap.close();
      this.onTiles(tiles);
    }
    if (!this.waiting.size && !this.whole) return;
    const took_ms = performance.now() - began_ms;
    await new Promise((resolve) => setTimeout(resolve, Math.max(WHOLE_EVERY_MS, 2 * took_ms)));
  }

  async fetchTile(tile, abort) {
    const got = await picture(picturePath(this.job, this.frame), this.values({ tile }), {
      signal: abort.signal,
    });
    const bitmap = await bitmapOf(got.blob);
    if (abort.signal.aborted) return;
    const { tile_px, columns } = this.grid;
    const x = (tile % columns) * tile_px;
    const y = Math.floor(tile / columns) * tile_px;
    this.etag = null;
    this.seen = true;
    this.context.clearRect(x, y, bitmap.width, bitmap.height);
    this.context.drawImage(bitmap, x, y);
    bitmap.close();
  }

  pixels() {
    return this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }
}
