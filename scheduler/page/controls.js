// The controls over a frame: output, exposure, what lies over the picture, zoom, and the bar of the comparison. They hold no picture.

import { el, button, choice, setAttribute, setText } from "./dom.js";
import { farm } from "./farm.js";

const OUTPUTS = [
  ["color", "Colour"],
  ["coverage", "Coverage"],
];
const OVERLAYS = [
  ["states", "Tile states"],
  ["workers", "Workers"],
  ["none", "Nothing"],
];
const GAINS = [1, 4, 16, 64, 255];

const stops = (number) =>
  `${number > 0 ? "+" : number < 0 ? "−" : ""}${Math.abs(number)
    .toFixed(2)
    .replace(/\.?0+$/, "")} EV`;

// `on` has listeners: output, exposure, overlay, compare, table, save, and zoom with { stepIn, stepOut, fit, oneToOne }.
export class Controls {
  constructor(on) {
    this.output = choice("Output", OUTPUTS, "color", on.output);
    this.overlay = choice("Overlay", OVERLAYS, "states", on.overlay);
    const shown = el("output", { class: "value", text: stops(0) });
    const slider = el("input", {
      type: "range",
      min: -6,
      max: 6,
      step: 0.25,
      value: 0,
      "aria-label": "Exposure in stops",
    });
    slider.addEventListener("input", () => {
      setText(shown, stops(Number(slider.value)));
      setAttribute(slider, "aria-valuetext", `${slider.value} stops`);
      on.exposure(Number(slider.value));
    });
    const reset = () => {
      slider.value = 0;
      slider.dispatchEvent(new Event("input"));
    };
    slider.addEventListener("dblclick", reset);
    this.compare = button("Compare", on.compare, { "aria-pressed": "false" });
    this.table = button("Table", on.table, { "aria-pressed": "false", title: "Tiles as a table (t)" });
    this.scale = el("span", { class: "value scale" });
    this.element = el(
      "div",
      { class: "controls", role: "toolbar", "aria-label": "Picture" },
      this.output,
      el("div", { class: "field" }, el("span", { text: "Exposure" }), slider, shown),
      this.overlay,
      el(
        "div",
        { class: "group", role: "group", "aria-label": "Zoom" },
        button("−", on.zoom.stepOut, { "aria-label": "Zoom out" }),
        this.scale,
        button("+", on.zoom.stepIn, { "aria-label": "Zoom in" }),
        button("Fit", on.zoom.fit, { title: "Whole frame (0)" }),
        button("1:1", on.zoom.oneToOne, { title: "One to one (1)" }),
      ),
      el(
        "div",
        { class: "group" },
        this.compare,
        this.table,
        button("Save", on.save, { title: "Save this picture as a PNG file" }),
      ),
    );
  }

  showScale(scale) {
    setText(this.scale, `${Math.round(scale * 100)} %`);
  }

  // The next thing over the picture. Returns its name in words.
  turnOverlay() {
    const select = this.overlay.querySelector("select");
    select.selectedIndex = (select.selectedIndex + 1) % OVERLAYS.length;
    select.dispatchEvent(new Event("change"));
    return OVERLAYS[select.selectedIndex][1];
  }
}

// The bar of the comparison: with which frame, how, and where the wipe is. `on` has listeners: frame(job, frame), change(values), close.
export class CompareBar {
  constructor(on) {
    this.on = on;
    const pick = () =>
      this.job.value && this.frame.value && on.frame(Number(this.job.value), Number(this.frame.value));
    this.known = el("datalist", { id: "known-jobs" });
    this.job = el("input", {
      type: "number",
      min: 0,
      step: 1,
      list: "known-jobs",
      "aria-label": "Job to compare with",
      on: { change: pick },
    });
    this.frame = el("input", {
      type: "number",
      step: 1,
      "aria-label": "Frame to compare with",
      on: { change: pick },
    });
    this.mode = choice(
      "By",
      [
        ["wipe", "Wipe"],
        ["difference", "Difference"],
      ],
      "wipe",
      (mode) => this.turn(mode),
    );
    this.wipe = el("input", {
      type: "range",
      min: 0,
      max: 100,
      step: 1,
      value: 50,
      "aria-label": "Wipe: how much of this frame is shown",
      class: "wipe",
    });
    this.wipe.addEventListener("input", () => {
      setAttribute(this.wipe, "aria-valuetext", `${this.wipe.value} % this frame`);
      on.change({ at: Number(this.wipe.value) / 100 });
    });
    this.gain = choice(
      "Times",
      GAINS.map((gain) => [String(gain), `× ${gain}`]),
      "16",
      (gain) => on.change({ gain: Number(gain) }),
    );
    this.said = el("p", { class: "said", role: "status" });
    this.element = el(
      "div",
      { class: "compare", role: "group", "aria-label": "Comparison", hidden: true },
      el("label", { class: "field" }, el("span", { text: "With job" }), this.job),
      el("label", { class: "field" }, el("span", { text: "frame" }), this.frame),
      this.mode,
      el("div", { class: "field grow wiping" }, el("span", { text: "Wipe" }), this.wipe),
      this.gain,
      button("Close", on.close, { class: "quiet" }),
      this.said,
      this.known,
    );
    this.shape("wipe");
  }

  // Moves the wipe as if by its slider.
  put(at) {
    this.wipe.value = Math.round(at * 100);
    this.wipe.dispatchEvent(new Event("input"));
  }

  turn(mode) {
    this.shape(mode);
    this.on.change({ mode });
  }

  shape(mode) {
    this.wipe.parentNode.hidden = mode !== "wipe";
    this.gain.hidden = mode === "wipe";
  }

  // Opens with a frame; jobs of the same name are offered as previous runs.
  show({ job, frame, mode, name }) {
    this.job.value = job;
    this.frame.value = frame;
    this.mode.querySelector("select").value = mode;
    this.shape(mode);
    const runs = [...farm.jobs.values()]
      .filter((other) => other.name === name)
      .sort((one, other) => other.job - one.job)
      .slice(0, 50);
    this.known.replaceChildren(
      ...runs.map((run) => el("option", { value: run.job, label: `${run.name}, ${run.state}` })),
    );
    this.element.hidden = false;
  }

  hide() {
    this.element.hidden = true;
  }

  say(text) {
    setText(this.said, text);
  }
}
