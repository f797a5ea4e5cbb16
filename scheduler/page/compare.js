// Compares the frame that is shown with another one: the wipe and the difference. It does not decide which frames are compared.

import { load } from "./api.js";
import { el, throttled } from "./dom.js";
import { count, plural } from "./format.js";
import { FramePicture } from "./pictures.js";

const DIFFER_EVERY_MS = 400;

// Differences of two pictures of one size as an ImageData, `gain` times as large, with what they amount to.
// Alpha counts as well: a pixel that only one has differs.
export function difference(one, other, gain) {
  const result = new ImageData(one.width, one.height);
  let pixels = 0;
  let largest = 0;
  for (let at = 0; at < one.data.length; at += 4) {
    let most = 0;
    for (let channel = 0; channel < 4; channel += 1) {
      const apart = Math.abs(one.data[at + channel] - other.data[at + channel]);
      if (channel < 3) result.data[at + channel] = apart * gain;
      if (apart > most) most = apart;
    }
    result.data[at + 3] = 255;
    if (most > 0) pixels += 1;
    if (most > largest) largest = most;
  }
  return { result, pixels, largest };
}

export class Comparison {
  // `mosaic` is drawn on; `onSaid(text)` hears what the comparison says.
  constructor({ picture, mosaic, job, frame, mode, onSaid }) {
    Object.assign(this, { picture, mosaic, mode, onSaid, job, frame });
    this.at = 0.5;
    this.gain = 16;
    this.canvas = el("canvas");
    this.update = throttled(() => this.compute(), DIFFER_EVERY_MS);
    this.other = new FramePicture({
      job,
      frame,
      onTiles: () => this.changed(),
      onProblem: (problem) => onSaid(problem.message),
    });
    this.other.exposure = picture.exposure;
    this.other.output = picture.output;
    mosaic.compare = { mode, at: this.at, other: null, difference: null };
    this.load();
  }

  close() {
    this.closed = true;
    this.update.stop();
    this.other.close();
    this.mosaic.compare = null;
    this.mosaic.redraw();
  }

  async load() {
    try {
      const grid = await load(`/jobs/${this.job}/frames/${this.frame}/tiles`);
      if (this.closed) return;
      const { width_px, height_px } = this.mosaic.grid;
      if (grid.width_px !== width_px || grid.height_px !== height_px) {
        this.onSaid(
          `Frame ${this.frame} of job ${this.job} is ${grid.width_px} × ${grid.height_px} pixels; this one is ${width_px} × ${height_px}. They cannot be compared.`,
        );
        return;
      }
      this.other.size(grid);
      this.other.wantAll();
    } catch (problem) {
      if (!this.closed) this.onSaid(problem.message);
    }
  }

  show(values) {
    this.other.show(values);
  }

  change({ mode = this.mode, at = this.at, gain = this.gain }) {
    Object.assign(this, { mode, at, gain });
    if (this.mosaic.compare) Object.assign(this.mosaic.compare, { mode, at });
    if (mode === "difference") this.update();
    else this.onSaid(`Left: this frame. Right: frame ${this.frame} of job ${this.job}.`);
    this.mosaic.redraw();
  }

  // Either picture changed.
  changed() {
    if (this.closed || !this.other.seen || !this.other.grid) return;
    this.mosaic.compare.other = this.other.canvas;
    this.change({});
  }

  compute() {
    if (this.closed || this.mode !== "difference" || !this.other.seen || !this.other.grid) return;
    const one = this.picture.pixels();
    const other = this.other.pixels();
    if (one.data.length !== other.data.length) return;
    const { result, pixels, largest } = difference(one, other, this.gain);
    this.canvas.width = one.width;
    this.canvas.height = one.height;
    this.canvas.getContext("2d").putImageData(result, 0, 0);
    this.mosaic.compare.difference = this.canvas;
    this.onSaid(
      pixels === 0
        ? "No pixel differs."
        : `${plural(pixels, "pixel")} of ${count(one.width * one.height)} differ, by ${largest} of 255 at most; shown ${this.gain} times as large.`,
    );
    this.mosaic.redraw();
  }
}
