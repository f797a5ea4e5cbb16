// What is said of a tile in words: its state, who rendered it, who checked it, the verdict; one at a time, or all as a table.

import { el, setAttribute, setText } from "./dom.js";
import { farm } from "./farm.js";
import { count, plural, shortKey } from "./format.js";
import { LongList, tableOf } from "./list.js";
import { hueOf, TILE, TILE_STATES } from "./mosaic.js";

const COLUMNS = ["Tile", "State", "Passes", "Rendered by", "Checked by", "Verdict"];

export const STATE_WORDS = {
  waiting: "waiting",
  leased: "being rendered",
  delivered: "delivered",
  checking: "being checked",
  disputed: "disputed",
  accepted: "accepted",
};

export const place = (grid, tile) =>
  `column ${(tile % grid.columns) + 1}, row ${Math.floor(tile / grid.columns) + 1}`;

const renderedBy = (tile) => (tile[TILE.worker] === null ? "nobody yet" : farm.workerName(tile[TILE.worker]));

function checkedBy(tile) {
  const checker = tile[TILE.checker];
  if (!checker) return "nobody";
  if (checker === "referee") return "the referee";
  const known = farm.operators.get(checker);
  return known ? `the operator of ${known}` : `operator ${shortKey(checker)}`;
}

export function verdict(tile) {
  if (tile[TILE.state] === "disputed") return "two answers contradict each other; the referee decides";
  const words = {
    none: "accepted without a check",
    worker: "right, says another operator",
    referee: "right, says the referee",
  };
  return words[tile[TILE.proof]] ?? "none yet";
}

export function sentence(grid, tile) {
  const passes = grid.passes > 1 ? `, ${tile[TILE.passes]} of ${grid.passes} passes` : "";
  const who =
    tile[TILE.worker] === null
      ? ""
      : `; rendered by ${renderedBy(tile)}; checked by ${checkedBy(tile)}; verdict: ${verdict(tile)}`;
  return `Tile ${tile[TILE.index]}, ${place(grid, tile[TILE.index])}: ${STATE_WORDS[tile[TILE.state]] ?? tile[TILE.state]}${passes}${who}.`;
}

// The panel that tells of the tile under the cursor or the pointer.
export class TilePanel {
  constructor() {
    this.title = el("h2", { text: "Tile" });
    this.hint = el("p", {
      class: "dim",
      text: "Point at a tile, or focus the picture and use the arrow keys.",
    });
    this.values = ["State", "Passes", "Rendered by", "Checked by", "Verdict"].map((name) => [name, el("dd")]);
    this.worker = el("a", { href: "#/workers" });
    this.list = el(
      "dl",
      { class: "facts", hidden: true },
      this.values.map(([name, value]) => el("div", {}, el("dt", { text: name }), value)),
    );
    this.said = el("p", { class: "sr", "aria-live": "polite" });
    this.element = el(
      "section",
      { class: "panel tile", "aria-label": "Tile" },
      this.title,
      this.hint,
      this.list,
      this.said,
    );
  }

  show(grid, tile) {
    this.hint.hidden = Boolean(tile);
    this.list.hidden = !tile;
    if (!tile) {
      setText(this.title, "Tile");
      return;
    }
    setText(this.title, `Tile ${tile[TILE.index]}`);
    const [state, passes, rendered, checked, said] = this.values.map(([, value]) => value);
    setText(state, `${STATE_WORDS[tile[TILE.state]] ?? tile[TILE.state]}, ${place(grid, tile[TILE.index])}`);
    setText(passes, `${tile[TILE.passes]} of ${grid.passes}`);
    this.showWorker(rendered, tile);
    setText(checked, checkedBy(tile));
    setText(said, verdict(tile));
  }

  showWorker(holder, tile) {
    const worker = tile[TILE.worker];
    if (worker === null) {
      holder.shown = null;
      setText(holder, "nobody yet");
      return;
    }
    setAttribute(this.worker, "href", `#/workers/${worker}`);
    setText(this.worker, farm.workerName(worker));
    if (this.worker.parentNode !== holder) holder.replaceChildren(this.worker);
    holder.shown = null;
    if (!farm.workers.has(worker))
      farm.worker(worker).then(
        () => setText(this.worker, farm.workerName(worker)),
        () => {},
      );
  }

  // For screen readers, after a key moved the cursor.
  say(grid, tile) {
    setText(this.said, sentence(grid, tile));
  }
}

// How many tiles are in which state, as a legend of the colours.
export class Legend {
  constructor() {
    this.numbers = new Map(TILE_STATES.map((state) => [state, el("span", { class: "number" })]));
    this.states = el(
      "ul",
      { class: "legend" },
      TILE_STATES.map((state) =>
        el(
          "li",
          {},
          el("span", { class: "swatch", "data-tile": state, "aria-hidden": "true" }),
          el("span", { text: STATE_WORDS[state] }),
          this.numbers.get(state),
        ),
      ),
    );
    this.workers = el("ul", { class: "legend", hidden: true });
    this.element = el(
      "section",
      { class: "panel", "aria-label": "Tiles by state" },
      el("h2", { text: "Tiles" }),
      this.states,
      this.workers,
    );
  }

  show(tiles, overlay) {
    const counts = new Map(TILE_STATES.map((state) => [state, 0]));
    for (const tile of tiles) counts.set(tile[TILE.state], (counts.get(tile[TILE.state]) ?? 0) + 1);
    for (const [state, node] of this.numbers) setText(node, count(counts.get(state)));
    this.workers.hidden = overlay !== "workers";
    this.states.hidden = overlay === "workers";
    if (overlay === "workers") this.showWorkers(tiles);
  }

  showWorkers(tiles) {
    const counts = new Map();
    for (const tile of tiles)
      if (tile[TILE.worker] !== null) counts.set(tile[TILE.worker], (counts.get(tile[TILE.worker]) ?? 0) + 1);
    const most = [...counts].sort((one, other) => other[1] - one[1] || one[0] - other[0]).slice(0, 12);
    const key = most.map(([worker, number]) => `${farm.workerName(worker)}:${number}`).join(" ");
    if (this.workers.key === key) return;
    this.workers.key = key;
    this.workers.replaceChildren(
      ...most.map(([worker, number]) =>
        el(
          "li",
          {},
          el("span", { class: "swatch", vars: { "--hue": hueOf(worker) }, "aria-hidden": "true" }),
          el("a", { href: `#/workers/${worker}`, text: farm.workerName(worker) }),
          el("span", { class: "number", text: count(number) }),
        ),
      ),
      ...(counts.size > most.length
        ? [el("li", { class: "dim", text: `and ${plural(counts.size - most.length, "more worker")}` })]
        : []),
    );
  }
}

// All tiles as a table; only what is visible is made.
export class TileTable {
  constructor(mosaic, onPick) {
    this.mosaic = mosaic;
    this.table = tableOf("tiles", "Tiles of the frame", COLUMNS);
    this.element = el("div", { class: "tile-table", hidden: true }, this.table);
    this.list = new LongList({
      scroller: this.table,
      sizeVariable: "--row",
      item: (tile) => this.mosaic.tiles[tile],
      create: (tile) => this.create(tile, onPick),
      update: (row, tile) => this.update(row, tile),
    });
  }

  show(grid) {
    setAttribute(this.table, "aria-rowcount", grid.tiles.length + 1);
    this.list.show(grid.tiles.map((tile) => tile[TILE.index]));
  }

  create(index, onPick) {
    const cell = (...children) => el("span", { role: "gridcell" }, ...children);
    const link = el("button", {
      type: "button",
      class: "link",
      text: `${index}`,
      "aria-label": `Tile ${index}, show it in the picture`,
      on: { click: () => onPick(index) },
    });
    const cells = [cell(link), ...Array.from({ length: 5 }, () => cell())];
    return Object.assign(el("div", { class: "row", role: "row" }, cells), { cells });
  }

  update(row, tile) {
    if (!tile) return;
    const texts = [
      null,
      STATE_WORDS[tile[TILE.state]],
      `${tile[TILE.passes]} / ${this.mosaic.grid.passes}`,
      renderedBy(tile),
      checkedBy(tile),
      verdict(tile),
    ];
    texts.forEach((text, index) => text !== null && setText(row.cells[index], text));
  }
}
