// Draws a frame: the picture so far, over it the state of each tile, the glow of what came last, and the tile under the cursor.
// It fetches nothing and takes no input.

import { coalesced, reducedMotion } from "./dom.js";

const GLOW_MS = 1_400;
const GLOW_EVERY_MS = 40;
const BORDER_MIN_PX = 14;
const PASSES_MIN_PX = 24;
const HUE_STEP = 137.508;

// Places in a tile of the farm's tuple.
export const TILE = { index: 0, state: 1, passes: 2, worker: 3, proof: 4, checker: 5 };
export const TILE_STATES = ["waiting", "leased", "delivered", "checking", "disputed", "accepted"];

export class Mosaic {
  // `viewport` says where the picture lies; without one it fills the canvas.
  constructor(canvas, viewport = null) {
    this.canvas = canvas;
    this.viewport = viewport;
    this.context = canvas.getContext("2d");
    this.grid = null;
    this.tiles = [];
    this.glows = new Map();
    this.overlay = "states";
    this.cursor = null;
    this.picture = null;
    this.compare = null;
    this.redraw = coalesced(() => this.draw());
    this.scheme = matchMedia("(prefers-color-scheme: light)");
    this.restyle = () => {
      this.colours = null;
      this.redraw();
    };
    this.scheme.addEventListener("change", this.restyle);
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(canvas.parentElement);
  }

  close() {
    this.closed = true;
    this.watch.disconnect();
    this.scheme.removeEventListener("change", this.restyle);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    this.window = { width, height };
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.place();
    this.draw();
  }

  show(grid) {
    this.grid = grid;
    this.tiles = grid.tiles;
    this.place();
    this.redraw();
  }

  place() {
    if (!this.grid || !this.window?.width) return;
    this.viewport?.sizes({ width: this.grid.width_px, height: this.grid.height_px }, this.window);
  }

  // Tiles whose pixels came just now.
  glow(tiles) {
    if (!reducedMotion()) for (const tile of tiles) this.glows.set(tile, performance.now());
    this.redraw();
  }

  box(tile) {
    const { columns, tile_px, width_px, height_px } = this.grid;
    const x = (tile % columns) * tile_px;
    const y = Math.floor(tile / columns) * tile_px;
    return { x, y, width: Math.min(tile_px, width_px - x), height: Math.min(tile_px, height_px - y) };
  }

  // The tile at a point of the window, or null.
  tileAt(x, y) {
    if (!this.grid) return null;
    const at = this.viewport.toPicture(x, y);
    const { width_px, height_px, tile_px, columns } = this.grid;
    if (at.x < 0 || at.y < 0 || at.x >= width_px || at.y >= height_px) return null;
    return Math.floor(at.y / tile_px) * columns + Math.floor(at.x / tile_px);
  }

  draw() {
    if (this.closed || !this.grid || !this.window?.width) return;
    this.colours ??= palette(this.canvas);
    const ratio = this.canvas.width / this.window.width;
    const { width_px, height_px } = this.grid;
    const fit = Math.min(this.window.width / width_px, this.window.height / height_px);
    const view = this.viewport ?? {
      scale: fit,
      x: (this.window.width - width_px * fit) / 2,
      y: (this.window.height - height_px * fit) / 2,
    };
    this.scale = view.scale * ratio;
    // On whole pixels of the screen, so that one to one is exact.
    this.x = Math.round(view.x * ratio);
    this.y = Math.round(view.y * ratio);
    const { context } = this;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.fillStyle = this.colours.unseen;
    context.fillRect(
      Math.round(this.x),
      Math.round(this.y),
      Math.round(width_px * this.scale),
      Math.round(height_px * this.scale),
    );
    context.imageSmoothingEnabled = this.scale < 1.5;
    context.imageSmoothingQuality = "high";
    this.drawPictures();
    if (this.overlay !== "none") this.drawTiles();
    this.drawGlows();
    if (this.cursor !== null) this.drawCursor();
    if (this.glows.size) this.glowOn();
  }

  glowOn() {
    this.next ??= setTimeout(() => {
      this.next = null;
      this.redraw();
    }, GLOW_EVERY_MS);
  }

  lay(canvas) {
    this.context.drawImage(
      canvas,
      this.x,
      this.y,
      this.grid.width_px * this.scale,
      this.grid.height_px * this.scale,
    );
  }

  drawPictures() {
    const { context, compare } = this;
    if (compare?.mode === "difference" && compare.difference) {
      this.lay(compare.difference);
      return;
    }
    if (this.picture) this.lay(this.picture);
    if (compare?.mode !== "wipe" || !compare.other) return;
    const split = Math.round(this.x + this.grid.width_px * this.scale * compare.at);
    context.save();
    context.beginPath();
    context.rect(split, 0, this.canvas.width, this.canvas.height);
    context.clip();
    context.fillStyle = this.colours.unseen;
    context.fillRect(this.x, this.y, this.grid.width_px * this.scale, this.grid.height_px * this.scale);
    this.lay(compare.other);
    context.restore();
    context.fillStyle = this.colours.cursor;
    context.fillRect(split - 1, this.y, 2, this.grid.height_px * this.scale);
  }

  // A tile's box in pixels of the canvas, snapped so that neighbours meet; null if it cannot be seen.
  seen(tile) {
    const { x, y, width, height } = this.box(tile);
    const left = Math.round(x * this.scale + this.x);
    const top = Math.round(y * this.scale + this.y);
    const right = Math.round((x + width) * this.scale + this.x);
    const bottom = Math.round((y + height) * this.scale + this.y);
    if (right < 0 || bottom < 0 || left > this.canvas.width || top > this.canvas.height) return null;
    return { left, top, width: right - left, height: bottom - top };
  }

  drawTiles() {
    const borders = this.grid.tile_px * this.scale >= BORDER_MIN_PX;
    for (const tile of this.tiles) {
      const box = this.seen(tile[TILE.index]);
      if (!box) continue;
      if (this.overlay === "workers") this.drawWorker(tile, box);
      else this.drawState(tile, box, borders);
    }
  }

  drawState(tile, box, borders) {
    const { context } = this;
    const state = tile[TILE.state];
    const passes = tile[TILE.passes];
    if (state === "accepted" && passes >= this.grid.passes) return;
    const style = this.colours.states[state];
    if (style && state !== "accepted") {
      if (state === "disputed" || (state !== "waiting" && passes === 0 && this.overlay === "states")) {
        context.globalAlpha = state === "disputed" ? 0.35 : borders ? 0.12 : 0.3;
        context.fillStyle = style;
        context.fillRect(box.left, box.top, box.width, box.height);
      }
      context.globalAlpha =
        this.overlay === "quiet" ? 0.3 : state === "waiting" ? 0.5 : passes === 0 ? 0.75 : 0.55;
      if (borders && (state !== "waiting" || passes === 0)) {
        context.lineWidth = state === "disputed" ? 2 : 1;
        context.strokeStyle = style;
        context.setLineDash(state === "leased" ? [4, 3] : []);
        context.strokeRect(box.left + 1, box.top + 1, box.width - 2, box.height - 2);
      }
    }
    if (passes > 0 && this.overlay === "states" && box.width >= PASSES_MIN_PX * devicePixelRatio) {
      context.globalAlpha = 0.6;
      context.fillStyle = this.colours.passes;
      context.fillRect(
        box.left + 1,
        box.top + box.height - 3,
        Math.round(((box.width - 2) * passes) / this.grid.passes),
        2,
      );
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
  }

  drawWorker(tile, box) {
    if (tile[TILE.worker] === null) return;
    this.context.globalAlpha = 0.42;
    this.context.fillStyle = hueOf(tile[TILE.worker]);
    this.context.fillRect(box.left, box.top, box.width, box.height);
    this.context.globalAlpha = 1;
  }

  drawGlows() {
    const now_ms = performance.now();
    const { context } = this;
    for (const [tile, since_ms] of this.glows) {
      const left = 1 - (now_ms - since_ms) / GLOW_MS;
      if (left <= 0) {
        this.glows.delete(tile);
        continue;
      }
      const box = this.seen(tile);
      if (!box) continue;
      context.fillStyle = this.colours.glow;
      context.strokeStyle = this.colours.glow;
      context.globalAlpha = 0.28 * left * left;
      context.fillRect(box.left, box.top, box.width, box.height);
      context.globalAlpha = left;
      context.lineWidth = 1.5;
      context.strokeRect(box.left + 0.75, box.top + 0.75, box.width - 1.5, box.height - 1.5);
    }
    context.globalAlpha = 1;
  }

  drawCursor() {
    const box = this.seen(this.cursor);
    if (!box) return;
    const { context } = this;
    context.lineWidth = 4;
    context.strokeStyle = "rgb(0 0 0 / 0.7)";
    context.strokeRect(box.left - 1, box.top - 1, box.width + 2, box.height + 2);
    context.lineWidth = 2;
    context.strokeStyle = this.colours.cursor;
    context.strokeRect(box.left - 1, box.top - 1, box.width + 2, box.height + 2);
  }
}

// A colour that tells one worker from its neighbours in number.
export const hueOf = (worker) => `hsl(${(worker * HUE_STEP) % 360} 70% 60%)`;

function palette(element) {
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(name).trim();
  return {
    unseen: colour("--unseen"),
    glow: colour("--glow"),
    cursor: colour("--cursor"),
    passes: colour("--passes"),
    states: Object.fromEntries(TILE_STATES.map((state) => [state, colour(`--tile-${state}`)])),
  };
}
