// The window onto a frame: turns pointers and keys into a tile under the cursor and a place of the picture. It draws through the mosaic.

import { el, setText } from "./dom.js";
import { Mosaic } from "./mosaic.js";
import { Viewport } from "./viewport.js";

const PAN_PX = 60;
const WIPE_PX = 16;

export class Stage {
  // `on` has listeners: cursor(tile, byKey), open(tile), beside(step), overlay, table, scale(scale), wiped(at);
  // and wipe() says where the wipe is, or null.
  constructor(on) {
    this.on = on;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.hint = el("p", {
      class: "sr",
      id: "stage-hint",
      text: "Arrow keys move from tile to tile, plus and minus zoom, 0 shows the whole frame, t shows the tiles as a table.",
    });
    this.cover = el("p", { class: "cover", text: "Loading the frame …" });
    this.element = el(
      "div",
      {
        class: "stage",
        role: "application",
        tabindex: "0",
        "aria-roledescription": "mosaic",
        "aria-label": "Frame",
        "aria-describedby": "stage-hint",
      },
      this.canvas,
      this.cover,
    );
    this.viewport = new Viewport(this.element, {
      onChange: () => {
        this.mosaic?.redraw();
        on.scale(this.viewport.scale * devicePixelRatio);
      },
      onTap: (x, y) => this.point(x, y),
      claims: (x) => this.holdsWipe(x),
      onClaimed: (x) => this.wipe(x),
    });
    this.mosaic = new Mosaic(this.canvas, this.viewport);
    this.element.addEventListener("pointermove", (event) => this.hover(event));
    this.element.addEventListener("pointerleave", () => !this.pinned && this.put(null, false));
    this.element.addEventListener("keydown", (event) => this.key(event));
  }

  close() {
    this.mosaic.close();
  }

  // On a narrow screen the window has the shape of the frame.
  shape({ width_px, height_px }) {
    this.element.style.setProperty("--shape", `${width_px} / ${height_px}`);
  }

  // Whether a press at x takes hold of the wipe's edge.
  holdsWipe(x) {
    const at = this.on.wipe();
    if (at === null || !this.mosaic.grid) return false;
    return Math.abs(this.viewport.x + this.mosaic.grid.width_px * this.viewport.scale * at - x) < WIPE_PX;
  }

  wipe(x) {
    const at = this.viewport.toPicture(x, 0).x / this.mosaic.grid.width_px;
    this.on.wiped(Math.min(1, Math.max(0, at)));
  }

  uncover(text = null) {
    this.cover.hidden = text === null;
    if (text !== null) setText(this.cover, text);
  }

  hover(event) {
    if (event.pointerType !== "mouse" || event.buttons) return;
    const { x, y } = this.viewport.point(event);
    const tile = this.mosaic.tileAt(x, y);
    if (tile !== null) this.put(tile, false);
  }

  // A press keeps the tile until another one is pressed.
  point(x, y) {
    const tile = this.mosaic.tileAt(x, y);
    this.pinned = tile !== null && tile !== this.pinnedTile;
    this.pinnedTile = this.pinned ? tile : null;
    this.put(tile, false);
  }

  put(tile, byKey) {
    if (tile === this.mosaic.cursor && !byKey) return;
    this.mosaic.cursor = tile;
    if (byKey) {
      this.pinned = true;
      this.viewport.reveal(this.mosaic.box(tile));
    }
    this.mosaic.redraw();
    this.on.cursor(tile, byKey);
  }

  step(dx, dy) {
    const { columns, rows } = this.mosaic.grid;
    const tile = this.mosaic.cursor;
    if (tile === null) return this.put(0, true);
    const column = Math.min(columns - 1, Math.max(0, (tile % columns) + dx));
    const row = Math.min(rows - 1, Math.max(0, Math.floor(tile / columns) + dy));
    return this.put(row * columns + column, true);
  }

  key(event) {
    if (!this.mosaic.grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
      Home: [-Infinity, 0],
      End: [Infinity, 0],
    };
    const keys = {
      "+": () => this.viewport.stepIn(),
      "=": () => this.viewport.stepIn(),
      "-": () => this.viewport.stepOut(),
      0: () => this.viewport.fit(),
      1: () => this.viewport.oneToOne(),
      "[": () => this.on.beside(-1),
      "]": () => this.on.beside(1),
      o: () => this.on.overlay(),
      t: () => this.on.table(),
      Enter: () => this.mosaic.cursor !== null && this.on.open(this.mosaic.cursor),
      Escape: () => {
        this.pinned = false;
        this.put(null, false);
      },
    };
    const way = ways[event.key];
    if (way && event.shiftKey) this.viewport.pan(-way[0] * PAN_PX || 0, -way[1] * PAN_PX || 0);
    else if (way) this.step(...way);
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  }
}
