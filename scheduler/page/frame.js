// The view of one frame: the mosaic that fills in, its tiles in words, the comparison, and the film strip to its neighbours.

import { requeue } from "./actions.js";
import { load, picture } from "./api.js";
import { CompareBar, Controls } from "./controls.js";
import { Comparison } from "./compare.js";
import { notice } from "./dialog.js";
import { el, button, setAttribute, setText, setVar, throttled } from "./dom.js";
import { farm } from "./farm.js";
import { count, large, part, percent } from "./format.js";
import { crumbs } from "./job.js";
import { TILE } from "./mosaic.js";
import { FramePicture, picturePath } from "./pictures.js";
import { Stage } from "./stage.js";
import { Strip } from "./strip.js";
import { Legend, TilePanel, TileTable } from "./tiles.js";

const SAY_EVERY_MS = 20_000;
const EXPOSE_EVERY_MS = 180;
const COUNT_EVERY_MS = 300;

export function frameView(holder, ids, query) {
  const view = new FrameView(holder, ids, query);
  return {
    title: `Frame ${ids[1]} of job ${ids[0]}`,
    move: (next, said) => view.move(next, said),
    close: () => view.close(),
  };
}

class FrameView {
  constructor(holder, [job, frame], query) {
    Object.assign(this, { holder, job, frame });
    this.parts();
    this.expose = throttled(() => this.shown({ exposure: this.exposure }), EXPOSE_EVERY_MS);
    this.recount = throttled(
      () => this.legend.show(this.stage.mosaic.tiles, this.stage.mosaic.overlay),
      COUNT_EVERY_MS,
    );
    this.say = throttled(() => this.sayProgress(), SAY_EVERY_MS);
    this.ends = [
      farm.on(
        "tiles",
        (data) => data.job === this.job && data.frame === this.frame && this.change(data.tiles),
      ),
      farm.on("jobs", (jobs) => jobs.some((other) => other.job === this.job) && this.showJob()),
      farm.on("open", () => this.grid && this.load()),
    ];
    if (!farm.jobs.has(job)) farm.job(job).catch(() => {});
    this.turn(frame, query);
    this.showJob();
  }

  parts() {
    const zoom = (name) => () => this.stage.viewport[name]();
    this.controls = new Controls({
      output: (output) => this.shown({ output }),
      exposure: (exposure) => {
        this.exposure = exposure;
        this.expose();
      },
      overlay: (overlay) => this.overlaid(overlay),
      compare: () => (this.comparison ? this.endCompare() : this.beginCompare()),
      table: () => this.toggleTable(),
      save: () => this.save(),
      zoom: {
        stepIn: zoom("stepIn"),
        stepOut: zoom("stepOut"),
        fit: zoom("fit"),
        oneToOne: zoom("oneToOne"),
      },
    });
    this.stage = new Stage({
      cursor: (tile, byKey) => this.point(tile, byKey),
      open: (tile) => this.openWorker(tile),
      beside: (step) => this.beside(step),
      wipe: () => (this.comparison?.mode === "wipe" ? this.comparison.at : null),
      wiped: (at) => this.compareBar.put(at),
      overlay: () => this.controls.turnOverlay(),
      table: () => this.toggleTable(),
      scale: (scale) => this.controls.showScale(scale),
    });
    this.compareBar = new CompareBar({
      frame: (job, frame) => this.compare(job, frame, this.comparison?.mode ?? "wipe"),
      change: (values) => {
        this.comparison?.change(values);
        this.address();
      },
      close: () => {
        this.endCompare();
        this.controls.compare.focus();
      },
    });
    this.panel = new TilePanel();
    this.legend = new Legend();
    this.table = new TileTable(this.stage.mosaic, (tile) => {
      this.stage.put(tile, true);
      this.panel.show(this.grid, this.stage.mosaic.tiles[tile]);
    });
    this.layout();
  }

  layout() {
    this.title = el("h1");
    this.state = el("span", { class: "state large" });
    this.bar = el("span", {
      class: "bar wide",
      role: "progressbar",
      "aria-label": "Progress of the frame",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
    });
    this.done = el("p", { class: "done" });
    this.error = el("p", { class: "error", role: "alert", hidden: true });
    this.said = el("p", { class: "sr", role: "status" });
    this.place = el("div");
    this.before = button("‹", () => this.beside(-1), {
      "aria-label": "Frame before",
      title: "Frame before ([)",
    });
    this.after = button("›", () => this.beside(1), { "aria-label": "Frame after", title: "Frame after (])" });
    this.again = button("Render again …", () => requeue(farm.jobs.get(this.job), String(this.frame)), {
      hidden: true,
    });
    const strip = el("section", { class: "film", "aria-label": "Frames" });
    this.holder.append(
      el(
        "div",
        { class: "frame-view" },
        el(
          "header",
          { class: "title" },
          el(
            "div",
            { class: "named" },
            this.place,
            this.title,
            this.state,
            el("div", { class: "group" }, this.before, this.after),
          ),
          el("div", { class: "progress" }, this.bar, this.done),
          this.again,
        ),
        this.error,
        this.said,
        el(
          "div",
          { class: "work" },
          el(
            "div",
            { class: "look" },
            this.stage.element,
            this.stage.hint,
            this.compareBar.element,
            this.controls.element,
            this.table.element,
          ),
          el(
            "aside",
            { class: "side", "aria-label": "Tiles of the frame" },
            this.legend.element,
            this.panel.element,
          ),
        ),
        strip,
      ),
    );
    this.strip = new Strip({ farm, job: this.job, holder: strip, onFrames: () => this.showFrame() });
  }

  close() {
    this.ends.forEach((end) => end());
    for (const timed of [this.expose, this.recount, this.say]) timed.stop();
    this.comparison?.close();
    this.picture.close();
    this.strip.close();
    this.stage.close();
    this.table.list.close();
  }

  // Another frame of the same job keeps the view, its exposure, its zoom and the strip. False if it is another job.
  move([job, frame], query) {
    if (job !== this.job) return false;
    if (frame !== this.frame) this.turn(frame, query);
    return true;
  }

  turn(frame, query) {
    this.endCompare(false);
    this.frame = frame;
    this.grid = null;
    this.finishing = false;
    setAttribute(this.stage.element, "data-finished", "false");
    this.stage.mosaic.cursor = null;
    this.panel.show(null, null);
    this.picture?.close();
    this.picture = new FramePicture({
      job: this.job,
      frame,
      onTiles: (tiles) => this.drawn(tiles),
      onProblem: (problem) => this.fail(problem),
    });
    this.picture.canvas.id = "picture";
    this.picture.canvas.hidden = true;
    document.getElementById("picture")?.remove();
    this.holder.append(this.picture.canvas);
    if (this.exposure) this.picture.exposure = this.exposure;
    this.picture.output = this.controls.output.querySelector("select").value;
    setText(this.title, `Frame ${frame}`);
    document.title = `Frame ${frame} of job ${this.job} · Tessera`;
    setAttribute(this.stage.element, "aria-label", `Frame ${frame} of job ${this.job}`);
    this.strip.select(frame);
    this.showFrame();
    this.load().then(() => this.compareFrom(query));
  }

  async load() {
    const frame = this.frame;
    let grid;
    try {
      grid = await load(`/jobs/${this.job}/frames/${frame}/tiles`);
    } catch (problem) {
      if (frame === this.frame) this.fail(problem);
      return;
    }
    if (frame !== this.frame) return;
    this.error.hidden = true;
    this.stage.uncover();
    this.stage.shape(grid);
    this.grid = grid;
    this.picture.size(grid);
    this.stage.mosaic.picture = this.picture.canvas;
    this.stage.mosaic.show(grid);
    this.table.show(grid);
    this.recount();
    this.picture.wantAll();
  }

  fail(problem) {
    this.error.textContent = problem.message;
    this.error.hidden = false;
    if (!this.grid) this.stage.uncover("No picture yet.");
  }

  // Tiles of which a pass more, or another one, was accepted have new pixels.
  change(tiles) {
    if (!this.grid) return;
    const known = this.stage.mosaic.tiles;
    const newer = [];
    for (const tile of tiles) {
      const before = known[tile[TILE.index]];
      if (before && before[TILE.passes] !== tile[TILE.passes]) newer.push(tile[TILE.index]);
      known[tile[TILE.index]] = tile;
    }
    if (newer.length) this.picture.want(newer);
    this.stage.mosaic.redraw();
    this.table.list.refresh();
    this.recount();
    const { cursor } = this.stage.mosaic;
    if (cursor !== null && tiles.some((tile) => tile[TILE.index] === cursor))
      this.panel.show(this.grid, known[cursor]);
    this.say();
  }

  drawn(tiles) {
    this.stage.mosaic.glow(tiles ?? []);
    setAttribute(this.stage.element, "data-finished", String(this.picture.finished));
    this.showFrame();
    this.comparison?.changed();
  }

  shown(values) {
    this.picture.show(values);
    this.comparison?.show(values);
  }

  overlaid(overlay) {
    this.stage.mosaic.overlay = overlay;
    this.stage.mosaic.redraw();
    this.recount();
  }

  point(tile, byKey) {
    const found = tile === null ? null : this.stage.mosaic.tiles[tile];
    this.panel.show(this.grid, found);
    if (byKey && found) this.panel.say(this.grid, found);
  }

  openWorker(tile) {
    const worker = this.stage.mosaic.tiles[tile]?.[TILE.worker];
    if (worker !== null && worker !== undefined) location.hash = `#/workers/${worker}`;
  }

  beside(step) {
    const frame = this.strip.beside(this.frame, step);
    if (frame !== null) location.hash = `#/jobs/${this.job}/frames/${frame}`;
  }

  toggleTable() {
    const open = this.table.element.hidden;
    this.table.element.hidden = !open;
    setAttribute(this.controls.table, "aria-pressed", String(open));
    if (open) {
      this.table.list.measure();
      this.table.list.go(this.stage.mosaic.cursor ?? 0, true);
    } else this.stage.element.focus();
  }

  showJob() {
    const job = farm.jobs.get(this.job);
    const name = job?.name || `Job ${this.job}`;
    if (this.place.shown !== name) {
      this.place.shown = name;
      this.place.replaceChildren(crumbs(["Queue", "#/jobs"], [name, `#/jobs/${this.job}`]));
    }
    this.again.hidden = !job || !farm.mayAct(job);
  }

  showFrame() {
    const frame = this.strip?.frames.get(this.frame);
    if (this.strip) {
      this.before.disabled = this.strip.beside(this.frame, -1) === null;
      this.after.disabled = this.strip.beside(this.frame, 1) === null;
    }
    if (!frame) return;
    this.finish(frame);
    setText(this.state, frame.state);
    setAttribute(this.state, "data-state", frame.state);
    setVar(this.bar, "--part", part(frame.tiles_done, frame.tiles_total).toFixed(4));
    setAttribute(this.bar, "data-state", frame.state === "finished" ? "completed" : "running");
    setAttribute(this.bar, "aria-valuenow", Math.floor(part(frame.tiles_done, frame.tiles_total) * 100));
    const overturned = frame.overturned ? ` · ${count(frame.overturned)} overturned` : "";
    setText(
      this.done,
      `${percent(frame.tiles_done, frame.tiles_total)} · ${count(frame.tiles_done)} of ${count(frame.tiles_total)} tile-passes · ${large(frame.rays)} rays${overturned}`,
    );
  }

  // A frame that is finished is fetched whole once more, whatever came tile by tile; one that is overturned later begins again.
  finish(frame) {
    if (frame.state !== "finished") this.finishing = false;
    else if (!this.finishing && this.picture?.seen && !this.picture.finished) {
      this.finishing = true;
      this.picture.wantAll();
    }
  }

  sayProgress() {
    const frame = this.strip.frames.get(this.frame);
    if (frame)
      setText(
        this.said,
        frame.state === "finished"
          ? "The frame is finished."
          : `${percent(frame.tiles_done, frame.tiles_total)} of the frame.`,
      );
  }

  // The picture as the farm makes it now, as a file.
  async save() {
    try {
      const { blob } = await picture(picturePath(this.job, this.frame), this.picture.values());
      const address = URL.createObjectURL(blob);
      const name = (farm.jobs.get(this.job)?.name || `job-${this.job}`).replace(/[^\w.-]+/g, "-");
      el("a", { href: address, download: `${name}-${String(this.frame).padStart(4, "0")}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    } catch (problem) {
      notice(problem.message, "failed");
    }
  }

  // The address says what is compared with what: ?with=JOB/FRAME&by=wipe.
  compareFrom(query) {
    const match = /^(\d+)\/(\d+)$/.exec(query?.get("with") ?? "");
    if (match && this.grid)
      this.compare(
        Number(match[1]),
        Number(match[2]),
        query.get("by") === "difference" ? "difference" : "wipe",
      );
  }

  // With the frame before, or the one after, or the same frame of an earlier run of the same name.
  beginCompare() {
    if (!this.grid) return;
    const job = farm.jobs.get(this.job);
    const earlier = [...farm.jobs.values()]
      .filter((other) => other.name === job?.name && other.job < this.job)
      .sort((one, other) => other.job - one.job)[0];
    const beside = this.strip.beside(this.frame, -1) ?? this.strip.beside(this.frame, 1);
    if (beside !== null) this.compare(this.job, beside, "wipe");
    else this.compare(earlier?.job ?? this.job, this.frame, "wipe");
  }

  compare(job, frame, mode) {
    const { at = 0.5, gain = 16 } = this.comparison ?? {};
    this.comparison?.close();
    this.comparison = new Comparison({
      picture: this.picture,
      mosaic: this.stage.mosaic,
      job,
      frame,
      mode,
      onSaid: (text) => this.compareBar.say(text),
    });
    this.comparison.change({ at, gain });
    this.compareBar.show({ job, frame, mode, name: farm.jobs.get(this.job)?.name });
    setAttribute(this.controls.compare, "aria-pressed", "true");
    this.address();
  }

  endCompare(keepAddress = true) {
    if (!this.comparison) return;
    this.comparison.close();
    this.comparison = null;
    this.compareBar.hide();
    setAttribute(this.controls.compare, "aria-pressed", "false");
    if (keepAddress) this.address();
  }

  address() {
    const by = this.comparison;
    history.replaceState(
      null,
      "",
      `#/jobs/${this.job}/frames/${this.frame}${by ? `?with=${by.job}/${by.frame}&by=${by.mode}` : ""}`,
    );
  }
}
