// The view of the workers: all of them in a long list, one of them in words beside it. What is done to them is in the actions.

import { workerButtons } from "./actions.js";
import { el, button, choice, searchField, setAttribute, setText, throttled } from "./dom.js";
import { farm } from "./farm.js";
import { count, duration, large, plural } from "./format.js";
import { LongList, tableOf } from "./list.js";

const REORDER_MS = 700;
const COLUMNS = ["Worker", "State", "Device", "Rate", "Accepted", "Rejected", "Standing", "Doing"];
const STATES = ["", "busy", "idle", "resting", "drained", "asleep", "quarantined", "banned", "left"];
const ORDERS = {
  joined: ["First come", (one, other) => one.worker - other.worker],
  rate: ["Fastest", (one, other) => other.rays_per_second - one.rays_per_second || one.worker - other.worker],
  wrong: [
    "Most rejected",
    (one, other) => other.tiles_rejected - one.tiles_rejected || one.worker - other.worker,
  ],
  name: ["Name", (one, other) => one.name.localeCompare(other.name) || one.worker - other.worker],
};
const kept = { state: "", words: "", order: "joined" };

export function workersView(holder, [chosen]) {
  const parts = layout(holder);
  const list = new LongList({
    scroller: parts.table,
    sizeVariable: "--row",
    create: createRow,
    update: (row, worker) => updateRow(row, worker, list.chosen),
    item: (worker) => farm.workers.get(worker),
  });
  const detail = new Detail(parts.side);
  const order = () => {
    const shown = narrowed([...farm.workers.values()]).sort(ORDERS[kept.order][1]);
    list.show(shown.map((worker) => worker.worker));
    setAttribute(parts.table, "aria-rowcount", shown.length + 1);
    setText(
      parts.found,
      farm.workersNext === null ? `${plural(shown.length, "worker")} shown` : "Loading the workers …",
    );
  };
  const reorder = throttled(order, REORDER_MS);
  parts.onChange(order);
  let closed = false;
  const ends = [
    farm.on("workers", (workers) => {
      list.refresh();
      reorder();
      detail.changed(workers);
    }),
  ];
  order();
  const stopFirst = farm.on("workers", () => {
    stopFirst();
    order();
  });
  const fill = () =>
    farm
      .fillWorkers(() => !closed)
      .then(order, (problem) => {
        parts.error.textContent = problem.message;
        parts.error.hidden = false;
      });
  ends.push(farm.on("renew", fill));
  fill();
  // What a worker does is told by the job's name.
  farm.fillJobs().then(
    () => {
      list.renew();
      detail.named();
    },
    () => {},
  );
  const choose = (worker) => {
    holder.classList.toggle("chosen", worker !== null);
    detail.show(worker);
    list.chosen = worker;
    list.renew();
    if (worker !== null) list.activate(worker);
  };
  choose(chosen);
  return {
    title: "Workers",
    move([worker]) {
      choose(worker);
      return true;
    },
    close() {
      closed = true;
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
    changed();
  };
  const search = searchField("Search workers", "Name, device, tag or operator", kept.words, (words) =>
    change("words", words),
  );
  const states = choice(
    "State",
    STATES.map((state) => [state, state || "all"]),
    kept.state,
    (value) => change("state", value),
  );
  const orders = choice(
    "Order",
    Object.entries(ORDERS).map(([key, [text]]) => [key, text]),
    kept.order,
    (value) => change("order", value),
  );
  const found = el("p", { class: "found dim", role: "status" });
  const error = el("p", { class: "error", role: "alert", hidden: true });
  const table = tableOf("workers", "Workers", COLUMNS);
  const side = el("aside", { class: "detail", "aria-label": "Worker", hidden: true });
  holder.classList.add("with-detail");
  holder.append(
    el(
      "div",
      { class: "tools" },
      el("h1", { text: "Workers" }),
      el("div", { class: "sift" }, search, states, orders),
    ),
    error,
    el("div", { class: "split" }, table, side),
    el("footer", { class: "foot" }, found),
  );
  return {
    table,
    side,
    found,
    error,
    onChange: (listener) => {
      changed = listener;
    },
  };
}

function narrowed(workers) {
  const words = kept.words.toLowerCase().split(/\s+/).filter(Boolean);
  return workers.filter((worker) => {
    if (kept.state && worker.state !== kept.state) return false;
    if (!words.length) return true;
    const text =
      `${worker.name} #${worker.worker} ${worker.operator} ${worker.state} ${(worker.tags ?? []).join(" ")} ${worker.devices.map((device) => device.name).join(" ")}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

// What is thought of an operator, in a few words.
export function standingOf({ standing }) {
  if (!standing) return "–";
  if (standing.wrong || standing.wrong_checks)
    return `${count(standing.wrong + standing.wrong_checks)} wrong`;
  if (standing.probation_left > 0) return `on probation, ${standing.probation_left} left`;
  return "good";
}

const doing = (worker) => {
  if (worker.job !== null) return farm.jobs.get(worker.job)?.name || `job ${worker.job}`;
  return worker.reason ?? "–";
};

function createRow(id) {
  const cell = (name, ...children) => el("span", { role: "gridcell", class: name }, ...children);
  const fields = {
    link: el("a", { class: "link", href: `#/workers/${id}` }),
    state: el("span", { class: "state" }),
    device: cell("device"),
    rate: cell("rate"),
    accepted: cell("accepted"),
    rejected: cell("rejected"),
    standing: cell("standing"),
    doing: cell("doing"),
  };
  return Object.assign(
    el(
      "div",
      { class: "row worker", role: "row" },
      cell("name", fields.link, el("span", { class: "dim id", text: `#${id}` })),
      cell("stated", fields.state),
      fields.device,
      fields.rate,
      fields.accepted,
      fields.rejected,
      fields.standing,
      fields.doing,
    ),
    { fields },
  );
}

function updateRow(row, worker, chosen) {
  if (!worker) return;
  setAttribute(row, "aria-selected", worker.worker === chosen ? "true" : null);
  const { fields } = row;
  setText(fields.link, worker.name || `Worker ${worker.worker}`);
  setText(fields.state, worker.state);
  setAttribute(fields.state, "data-state", worker.state);
  setText(fields.device, worker.devices.map((device) => device.name).join(", ") || "–");
  setText(fields.rate, worker.rays_per_second ? `${large(worker.rays_per_second)}/s` : "–");
  setText(fields.accepted, count(worker.tiles_accepted));
  setText(fields.rejected, count(worker.tiles_rejected));
  setAttribute(fields.rejected, "data-bad", worker.tiles_rejected > 0);
  setText(fields.standing, standingOf(worker));
  setText(fields.doing, doing(worker));
}

// One worker in words, with what can be done to it.
class Detail {
  constructor(holder) {
    this.holder = holder;
    this.worker = null;
  }

  show(worker) {
    this.worker = worker;
    this.holder.hidden = worker === null;
    if (worker === null) return;
    this.title = el("h2", { tabindex: "-1" });
    this.state = el("span", { class: "state large" });
    this.reason = el("p", { class: "callout", hidden: true });
    this.actions = el("div", { class: "actions" });
    this.facts = el("dl", { class: "facts" });
    this.values = new Map();
    const close = button(
      "Close",
      () => {
        location.hash = "#/workers";
        document.querySelector(".table.workers .link[tabindex='0']")?.focus();
      },
      { class: "quiet" },
    );
    this.holder.replaceChildren(
      el("header", { class: "title" }, el("div", { class: "named" }, this.title, this.state), close),
      this.reason,
      this.actions,
      this.facts,
    );
    setText(this.title, `Worker ${worker}`);
    this.title.focus({ preventScroll: true });
    farm.worker(worker).then(
      (found) => {
        if (this.worker !== worker) return;
        if (found) this.fill(found);
        else this.facts.append(el("p", { text: "The farm knows no such worker." }));
      },
      (problem) => this.facts.append(el("p", { class: "error", text: problem.message })),
    );
  }

  // The names of jobs are known now.
  named() {
    const found = farm.workers.get(this.worker);
    if (found && this.values) this.fill(found);
  }

  changed(workers) {
    const found = this.worker === null ? null : workers.findLast((worker) => worker.worker === this.worker);
    if (found) this.fill(found);
  }

  fill(worker) {
    setText(this.title, worker.name || `Worker ${worker.worker}`);
    setText(this.state, worker.state);
    setAttribute(this.state, "data-state", worker.state);
    this.reason.hidden = !worker.reason;
    setText(this.reason, worker.reason ?? "");
    if (this.actions.state !== worker.state) {
      const focused = this.actions.contains(document.activeElement);
      this.actions.state = worker.state;
      this.actions.replaceChildren(...workerButtons(worker));
      if (focused) (this.actions.querySelector("button") ?? this.title).focus();
    }
    for (const [name, value, href] of workerFacts(worker)) this.fact(name, value, href);
  }

  fact(name, value, href) {
    let node = this.values.get(name);
    if (!node) {
      node = el(href ? "a" : "span", {});
      this.values.set(name, node);
      this.facts.append(el("div", {}, el("dt", { text: name }), el("dd", {}, node)));
    }
    setText(node, value);
    if (node.tagName === "A") setAttribute(node, "href", href ?? null);
  }
}

function workerFacts(worker) {
  const standing = worker.standing ?? {};
  return [
    ["Number", String(worker.worker)],
    ["Does now", worker.job === null ? "nothing" : farm.jobs.get(worker.job)?.name || `job ${worker.job}`],
    [
      "Devices",
      worker.devices
        .map((device) => [device.name, device.backend, device.driver].filter(Boolean).join(", "))
        .join("; ") || "–",
    ],
    ["Tags", (worker.tags ?? []).join(", ") || "none"],
    ["Rate", worker.rays_per_second ? `${large(worker.rays_per_second)} rays/s` : "–"],
    ["Connected", duration(worker.connected_ms)],
    ["Tiles", `${count(worker.tiles_accepted)} accepted, ${count(worker.tiles_rejected)} rejected`],
    ["Operator", worker.operator],
    ["Standing", standingOf(worker)],
    ["Delivered", plural(standing.delivered ?? 0, "tile-pass", "tile-passes")],
    ["Checked others", count(standing.checked ?? 0)],
    ["Wrong", `${count(standing.wrong ?? 0)} results, ${count(standing.wrong_checks ?? 0)} checks`],
    ["Late and failed", `${count(standing.late ?? 0)} late, ${count(standing.failed ?? 0)} failed`],
    ["Too fast", plural(standing.too_fast ?? 0, "result", "results")],
    ["Readmitted", standing.readmitted ? `${count(standing.readmitted)} times` : "never"],
    ["Rays credited", large(standing.rays_settled ?? 0)],
    ["Rays held", large(standing.rays_held ?? 0)],
  ];
}
