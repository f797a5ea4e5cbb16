// The view of the queue: all jobs with what is left of them, narrowed by state and words. One job is another view's.

import { el, button, choice, searchField, setText, setVar, throttled, setAttribute } from "./dom.js";
import { farm } from "./farm.js";
import { count, duration, large, part, percent, plural, raysOf, shortKey } from "./format.js";
import { LongList, tableOf } from "./list.js";

const REORDER_MS = 500;
const STATES = ["running", "queued", "uploading", "waiting", "paused", "failed", "cancelled", "completed"];
const COLUMNS = ["Job", "State", "Progress", "Frames", "Left", "Rays", "Workers", "Priority", "Owner"];
const ORDERS = {
  newest: ["Newest first", (one, other) => other.job - one.job],
  priority: ["Priority", (one, other) => other.priority - one.priority || one.job - other.job],
  left: [
    "Least time left",
    (one, other) => (one.left_ms ?? Infinity) - (other.left_ms ?? Infinity) || other.job - one.job,
  ],
  name: ["Name", (one, other) => one.name.localeCompare(other.name) || other.job - one.job],
};

// What somebody looked at last, kept while the page is open.
const kept = { state: "", words: "", order: "newest", mine: false };

export const ownerOf = (job) => (job.mine ? "you" : shortKey(job.owner));

export function queueView(holder) {
  const parts = layout(holder);
  const list = new LongList({
    scroller: parts.table,
    sizeVariable: "--row",
    create: createRow,
    update: updateRow,
    item: (job) => farm.jobs.get(job),
  });
  let filling = true;
  const order = () => {
    const shown = narrowed([...farm.jobs.values()]).sort(ORDERS[kept.order][1]);
    list.show(shown.map((job) => job.job));
    parts.empty.hidden = shown.length > 0;
    setText(parts.empty, emptyText());
    setAttribute(parts.table, "aria-rowcount", shown.length + 1);
    parts.more.hidden = farm.jobsComplete || farm.jobsNext === undefined;
    setText(parts.found, filling ? "" : `${plural(shown.length, "job")} shown`);
  };
  const reorder = throttled(order, REORDER_MS);
  parts.onChange(order);
  const ends = [
    farm.on("jobs", () => {
      list.refresh();
      reorder();
    }),
    farm.on("about", () => parts.chips.count()),
  ];
  order();
  const filled = () => {
    filling = false;
    order();
  };
  const stopFirst = farm.on("jobs", () => {
    stopFirst();
    order();
  });
  farm.fillJobs().then(filled, parts.failed);
  parts.more.addEventListener("click", () => farm.fillJobs(farm.jobs.size + 1000).then(filled, parts.failed));
  return {
    title: "Queue",
    close() {
      ends.forEach((end) => end());
      stopFirst();
      reorder.stop();
      list.close();
    },
  };
}

function layout(holder) {
  let changed = () => {};
  const change = (key, value) => {
    kept[key] = value;
    chips.count();
    changed();
    if (key === "state" && value && !farm.jobsComplete) farm.loadJobs({ state: value }).catch(() => {});
  };
  const chips = stateChips(change);
  const search = searchField("Search jobs", "Name, number or owner", kept.words, (words) =>
    change("words", words),
  );
  const orders = choice(
    "Order",
    Object.entries(ORDERS).map(([key, [text]]) => [key, text]),
    kept.order,
    (value) => change("order", value),
  );
  const mine = el("input", { type: "checkbox", on: { change: () => change("mine", mine.checked) } });
  mine.checked = kept.mine;
  const found = el("p", { class: "found dim", role: "status" });
  const error = el("p", { class: "error", role: "alert", hidden: true });
  const table = tableOf("jobs", "Jobs", COLUMNS);
  const empty = el("p", { class: "empty", hidden: true });
  const more = button("Load older jobs", () => {}, { hidden: true });
  holder.append(
    el(
      "div",
      { class: "tools" },
      el("h1", { text: "Queue" }),
      chips.element,
      el(
        "div",
        { class: "sift" },
        search,
        farm.about?.role === "artist" ? el("label", { class: "tick" }, mine, "Mine only") : null,
        orders,
      ),
    ),
    error,
    table,
    el("footer", { class: "foot" }, found, more, empty),
  );
  return {
    table,
    found,
    empty,
    more,
    chips,
    onChange: (listener) => {
      changed = listener;
    },
    failed: (problem) => {
      error.textContent = problem.message;
      error.hidden = false;
    },
  };
}

// A button for each state, with how many jobs the farm has in it.
function stateChips(change) {
  const states = ["", ...STATES.filter((state) => state !== "uploading")];
  const numbers = states.map(() => el("span", { class: "number" }));
  const buttons = states.map((state, index) =>
    el(
      "button",
      { type: "button", class: "chip", on: { click: () => change("state", state) } },
      state ? el("span", { class: "dot", "data-state": state, "aria-hidden": "true" }) : null,
      state ? state : "all",
      numbers[index],
    ),
  );
  const counted = () => {
    const jobs = farm.about?.jobs ?? {};
    states.forEach((state, index) => {
      const all = Object.values(jobs).reduce((sum, number) => sum + number, 0);
      setText(numbers[index], count(state ? (jobs[state] ?? 0) : all));
      buttons[index].hidden = state === "waiting" && !jobs.waiting;
      setAttribute(buttons[index], "aria-pressed", String(kept.state === state));
    });
  };
  counted();
  return {
    element: el("div", { class: "chips", role: "group", "aria-label": "State" }, buttons),
    count: counted,
  };
}

function narrowed(jobs) {
  const words = kept.words.toLowerCase().split(/\s+/).filter(Boolean);
  return jobs.filter((job) => {
    if (kept.state && job.state !== kept.state && !(kept.state === "queued" && job.state === "uploading"))
      return false;
    if (kept.mine && !job.mine) return false;
    if (!words.length) return true;
    const text = `${job.name} #${job.job} ${job.owner} ${job.mine ? "you" : ""} ${job.state}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function emptyText() {
  if (farm.jobsNext === undefined) return "Loading the queue …";
  if (farm.jobs.size === 0) return "No jobs yet. `tessera submit SHOT` puts one here.";
  return "No job is like that. Take a filter off, or search for something else.";
}

function createRow(id) {
  const cell = (name, ...children) => el("span", { role: "gridcell", class: name }, ...children);
  const row = el("div", { class: "row job", role: "row" });
  const fields = {
    link: el("a", { class: "link", href: `#/jobs/${id}` }),
    number: el("span", { class: "dim id", text: `#${id}` }),
    state: el("span", { class: "state" }),
    bar: el("span", { class: "bar", "aria-hidden": "true" }),
    done: el("span", { class: "done" }),
    frames: cell("frames"),
    left: cell("left"),
    rays: cell("rays"),
    workers: cell("workers"),
    priority: cell("priority"),
    owner: cell("owner"),
  };
  row.fields = fields;
  row.append(
    cell("name", fields.link, fields.number),
    cell("stated", fields.state),
    cell("progress", fields.bar, fields.done),
    fields.frames,
    fields.left,
    fields.rays,
    fields.workers,
    fields.priority,
    fields.owner,
  );
  return row;
}

function updateRow(row, job) {
  if (!job) return;
  const { fields } = row;
  setText(fields.link, job.name || `Job ${job.job}`);
  setText(fields.state, job.state);
  setAttribute(fields.state, "data-state", job.state);
  setAttribute(fields.state, "title", job.reason);
  setVar(fields.bar, "--part", part(job.samples_done, job.samples_total).toFixed(4));
  setAttribute(fields.bar, "data-state", job.state);
  setText(fields.done, percent(job.samples_done, job.samples_total));
  setText(fields.frames, `${count(job.frames_done)} / ${count(job.frames_total)}`);
  setAttribute(fields.left, "data-none", job.state !== "running" || job.left_ms === null);
  setText(fields.left, job.state === "running" ? duration(job.left_ms) : "–");
  setText(fields.rays, large(raysOf(job)));
  setText(fields.workers, job.workers ? count(job.workers) : "–");
  setText(fields.priority, String(job.priority));
  setText(fields.owner, ownerOf(job));
}
