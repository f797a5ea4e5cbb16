// A frame of a job that fills in, small and without controls: a link to its view. Which frame it is follows the farm.

import { load } from "./api.js";
import { el, setAttribute, setText, throttled } from "./dom.js";
import { farm } from "./farm.js";
import { percent } from "./format.js";
import { Mosaic, TILE } from "./mosaic.js";
import { FramePicture } from "./pictures.js";

const CHOOSE_EVERY_MS = 2_000;

export class Preview {
  constructor(job, holder, frames) {
    Object.assign(this, { job, frames });
    this.frame = null;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.caption = el("span", { class: "caption" });
    this.link = el(
      "a",
      { class: "preview", href: `#/jobs/${job}`, hidden: true },
      el("span", { class: "window" }, this.canvas),
      this.caption,
    );
    holder.append(this.link);
    this.mosaic = new Mosaic(this.canvas);
    this.mosaic.overlay = "quiet";
    this.choose = throttled(() => this.pick(), CHOOSE_EVERY_MS);
    this.ends = [
      farm.on("tiles", (data) => data.job === job && data.frame === this.frame && this.change(data.tiles)),
      farm.on("open", () => this.frame !== null && this.load()),
    ];
  }

  close() {
    this.ends.forEach((end) => end());
    this.choose.stop();
    this.picture?.close();
    this.mosaic.close();
  }

  // The frame that is being rendered, else the last one that has anything, else the first.
  pick() {
    const frames = [...this.frames.values()];
    if (!frames.length) return;
    const shown = this.frames.get(this.frame);
    if (shown?.state !== "rendering") {
      const chosen =
        frames.find((frame) => frame.state === "rendering") ??
        frames.findLast((frame) => frame.tiles_done > 0) ??
        frames[0];
      if (chosen.frame !== this.frame) this.turn(chosen.frame);
    }
    const frame = this.frames.get(this.frame);
    setText(
      this.caption,
      `Frame ${frame.frame} · ${frame.state === "finished" ? "finished" : percent(frame.tiles_done, frame.tiles_total)}`,
    );
  }

  turn(frame) {
    this.frame = frame;
    this.picture?.close();
    this.picture = new FramePicture({ job: this.job, frame, onTiles: (tiles) => this.drawn(tiles) });
    setAttribute(this.link, "href", `#/jobs/${this.job}/frames/${frame}`);
    this.load();
  }

  async load() {
    const frame = this.frame;
    const grid = await load(`/jobs/${this.job}/frames/${frame}/tiles`).catch(() => null);
    if (!grid || frame !== this.frame) return;
    this.link.hidden = false;
    this.link.style.setProperty("--shape", `${grid.width_px} / ${grid.height_px}`);
    this.picture.size(grid);
    this.mosaic.picture = this.picture.canvas;
    this.mosaic.show(grid);
    this.picture.wantAll();
  }

  change(tiles) {
    if (!this.mosaic.grid) return;
    const newer = tiles.filter(
      (tile) => tile[TILE.passes] > (this.mosaic.tiles[tile[TILE.index]]?.[TILE.passes] ?? 0),
    );
    for (const tile of tiles) this.mosaic.tiles[tile[TILE.index]] = tile;
    if (newer.length) this.picture.want(newer.map((tile) => tile[TILE.index]));
    this.mosaic.redraw();
  }

  drawn(tiles) {
    this.mosaic.picture = this.picture.canvas;
    this.mosaic.glow(tiles ?? []);
  }
}
