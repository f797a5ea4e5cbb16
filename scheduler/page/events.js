// The view of the farm's log: what happened, newest first, live, narrowed by kind and words.

import { el, button, prose, searchField, setAttribute, setText, throttled } from "./dom.js";
import { farm } from "./farm.js";
import { clock, plural, wall } from "./format.js";

const SHOWN_MAX = 400;
const DRAW_EVERY_MS = 250;
const GROUPS = [
  [
    "verification",
    "Verification",
    ["verdict", "overruled", "overturned", "inconclusive", "too_fast", "quarantine", "ban"],
  ],
  ["jobs", "Jobs", ["job"]],
  ["failures", "Failures", ["failed"]],
  ["workers", "Workers", ["joined", "left"]],
  ["accepted", "Accepted tiles", ["accepted"]],
];
const kept = { off: new Set(["accepted"]), words: "" };

export function eventsView(holder) {
  let shown = SHOWN_MAX;
  const rows = new Map();
  const parts = layout(holder, () => {
    shown = SHOWN_MAX;
    draw();
  });
  const draw = () => {
    const entries = narrowed(farm.entries);
    const visible = entries.slice(0, shown);
    const wanted = new Set(visible.map((entry) => entry.id));
    for (const [id, row] of rows) {
      if (wanted.has(id)) continue;
      row.remove();
      rows.delete(id);
    }
    let due = parts.list.firstChild;
    for (const entry of visible) {
      let row = rows.get(entry.id);
      if (!row) {
        row = createRow(entry);
        rows.set(entry.id, row);
      }
      if (row === due) due = due.nextSibling;
      else parts.list.insertBefore(row, due);
    }
    setText(
      parts.found,
      farm.entriesNext === undefined ? "Loading …" : `${plural(entries.length, "entry", "entries")} shown`,
    );
    parts.accepted.hidden = !farm.entries.some((entry) => entry.kind === "accepted");
    parts.more.hidden = !farm.entriesNext && entries.length <= shown;
  };
  const redraw = throttled(draw, DRAW_EVERY_MS);
  const older = () => {
    shown += 200;
    if (farm.entriesNext === null) return draw();
    return farm.fillEntries().then(draw, (problem) => {
      parts.error.textContent = problem.message;
      parts.error.hidden = false;
    });
  };
  parts.more.addEventListener("click", older);
  const ends = [farm.on("log", redraw), farm.on("renew", () => older())];
  if (farm.entriesNext === undefined) older();
  else draw();
  return {
    title: "Events",
    close() {
      ends.forEach((end) => end());
      redraw.stop();
    },
  };
}

function layout(holder, changed) {
  const chips = GROUPS.map(([key, text]) => {
    const chip = el("button", {
      type: "button",
      class: "chip",
      "aria-pressed": String(!kept.off.has(key)),
      text,
    });
    chip.addEventListener("click", () => {
      if (kept.off.has(key)) kept.off.delete(key);
      else kept.off.add(key);
      setAttribute(chip, "aria-pressed", String(!kept.off.has(key)));
      changed();
    });
    return chip;
  });
  const search = searchField("Search events", "Words", kept.words, (words) => {
    kept.words = words;
    changed();
  });
  const parts = {
    accepted: chips[GROUPS.findIndex(([key]) => key === "accepted")],
    list: el("ol", { class: "events" }),
    found: el("p", { class: "found dim" }),
    more: button("Older events", () => {}, { hidden: true }),
    error: el("p", { class: "error", role: "alert", hidden: true }),
  };
  holder.append(
    el(
      "div",
      { class: "tools" },
      el("h1", { text: "Events" }),
      el("div", { class: "chips", role: "group", "aria-label": "Kinds" }, chips),
      el("div", { class: "sift" }, search),
    ),
    parts.error,
    el(
      "div",
      { class: "scroller", tabindex: "0", role: "region", "aria-label": "Events, newest first" },
      parts.list,
    ),
    el("footer", { class: "foot" }, parts.found, parts.more),
  );
  return parts;
}

function narrowed(entries) {
  const off = new Set(GROUPS.filter(([key]) => kept.off.has(key)).flatMap(([, , kinds]) => kinds));
  const words = kept.words.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter(
    (entry) => !off.has(entry.kind) && words.every((word) => entry.text.toLowerCase().includes(word)),
  );
}

function createRow(entry) {
  const at = new Date(wall(entry.at_ms, farm.started_ms));
  return el(
    "li",
    {},
    el("time", { datetime: at.toISOString(), text: clock(at) }),
    el("span", { class: "kind", "data-kind": entry.kind, text: entry.kind }),
    el("span", { class: "text" }, prose(entry.text)),
    el(
      "span",
      { class: "about" },
      entry.job === null ? null : el("a", { href: `#/jobs/${entry.job}`, text: `job ${entry.job}` }),
      entry.worker === null
        ? null
        : el("a", { href: `#/workers/${entry.worker}`, text: `worker ${entry.worker}` }),
    ),
  );
}
