// The view of one job: its facts, what can be done to it, why it waits, what failed, and its film strip.

import { jobButtons } from "./actions.js";
import { load } from "./api.js";
import { el, prose, setAttribute, setText, setVar, throttled } from "./dom.js";
import { farm } from "./farm.js";
import { clock, count, duration, large, part, percent, plural, raysOf, shortKey, wall } from "./format.js";
import { Preview } from "./preview.js";
import { Strip } from "./strip.js";

const WHY_EVERY_MS = 5_000;
const FAILURES_SHOWN = 100;

export function jobView(holder, [id]) {
  const parts = layout(holder, id);
  let job = farm.jobs.get(id) ?? null;
  const show = () => job && showJob(parts, job);
  const why = throttled(() => showWhy(parts, id, job), WHY_EVERY_MS);
  const log = throttled(() => showFailures(parts, id), WHY_EVERY_MS);
  const preview = new Preview(id, parts.preview, new Map());
  const strip = new Strip({ farm, job: id, holder: parts.strip, onFrames: () => preview.choose() });
  preview.frames = strip.frames;
  const ends = [
    farm.on("jobs", (jobs) => {
      const changed = jobs.findLast((other) => other.job === id);
      if (!changed) return;
      const before = job;
      job = changed;
      show();
      if (before?.state === job.state) {
        why();
        return;
      }
      showWhy(parts, id, job);
      if (before) parts.said.textContent = `The job is ${job.state}.`;
    }),
    farm.on(
      "log",
      (entries) => entries.some((entry) => entry.job === id && entry.kind === "failed") && log(),
    ),
    farm.on("open", () => reload()),
  ];
  const reload = () =>
    farm.job(id).catch((problem) => {
      parts.error.textContent = problem.message;
      parts.error.hidden = false;
    });
  show();
  reload();
  why();
  log();
  return {
    title: job?.name || `Job ${id}`,
    close() {
      ends.forEach((end) => end());
      why.stop();
      log.stop();
      strip.close();
      preview.close();
    },
  };
}

export const crumbs = (...places) =>
  el(
    "nav",
    { class: "crumbs", "aria-label": "Where this is" },
    el(
      "ol",
      {},
      places.map(([text, href]) =>
        el("li", {}, href ? el("a", { href, text }) : el("span", { "aria-current": "page", text })),
      ),
    ),
  );

function layout(holder, id) {
  const parts = {
    title: el("h1", { text: `Job ${id}` }),
    state: el("span", { class: "state large" }),
    actions: el("div", { class: "actions" }),
    reason: el("p", { class: "callout", hidden: true }),
    error: el("p", { class: "error", role: "alert", hidden: true }),
    bar: el("span", {
      class: "bar wide",
      role: "progressbar",
      "aria-label": "Progress of the job",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
    }),
    done: el("strong"),
    left: el("span", { class: "dim" }),
    facts: el("dl", { class: "facts" }),
    strip: el("section", { class: "film", "aria-label": "Frames" }, el("h2", { text: "Frames" })),
    why: el("ul", { class: "why" }),
    failures: el("ol", { class: "failures" }),
    failed: el("p", { class: "dim" }),
    preview: el("div", { class: "preview-holder" }),
    said: el("p", { class: "sr", role: "status" }),
    values: new Map(),
  };
  parts.whyBox = el(
    "section",
    { class: "panel", "aria-labelledby": "why-title", hidden: true },
    el("h2", { id: "why-title", text: "Why" }),
    parts.why,
  );
  holder.append(
    el(
      "div",
      { class: "page" },
      crumbs(["Queue", "#/jobs"], [`Job ${id}`, null]),
      el(
        "header",
        { class: "title" },
        el("div", { class: "named" }, parts.title, parts.state),
        parts.actions,
      ),
      parts.error,
      parts.reason,
      parts.said,
      el("div", { class: "progress" }, parts.bar, el("p", {}, parts.done, parts.left)),
      el(
        "div",
        { class: "hero" },
        parts.preview,
        el(
          "div",
          { class: "beside" },
          el("section", { class: "panel", "aria-label": "Facts" }, parts.facts),
          parts.whyBox,
        ),
      ),
      parts.strip,
      el(
        "section",
        { class: "panel", "aria-labelledby": "failures-title" },
        el("h2", { id: "failures-title", text: "Failures" }),
        parts.failed,
        parts.failures,
      ),
    ),
  );
  return parts;
}

function showJob(parts, job) {
  document.title = `${job.name || `Job ${job.job}`} · Tessera`;
  setText(parts.title, job.name || `Job ${job.job}`);
  setText(parts.state, job.state);
  setAttribute(parts.state, "data-state", job.state);
  parts.reason.hidden = !job.reason && !job.unserved;
  const reason =
    job.reason ?? (job.unserved ? "No connected worker may take it: its limits shut out every one." : "");
  if (parts.reason.shown !== reason) {
    parts.reason.shown = reason;
    parts.reason.replaceChildren(...prose(reason));
  }
  setVar(parts.bar, "--part", part(job.samples_done, job.samples_total).toFixed(4));
  setAttribute(parts.bar, "data-state", job.state);
  setAttribute(parts.bar, "aria-valuenow", Math.floor(part(job.samples_done, job.samples_total) * 100));
  setText(parts.done, percent(job.samples_done, job.samples_total));
  setText(
    parts.left,
    job.left_ms !== null && job.state === "running" ? ` · ${duration(job.left_ms)} left` : "",
  );
  for (const [name, value] of facts(job)) fact(parts, name, value);
  showActions(parts, job);
}

function facts(job) {
  const { camera, bounce, shadow } = job.rays;
  return [
    ["Frames", `${count(job.frames_done)} of ${count(job.frames_total)}`],
    ["Tiles", `${count(job.tiles_done)} of ${count(job.tiles_total)}`],
    ["Picture", `${job.width_px} × ${job.height_px}, ${plural(job.samples, "sample")} a pixel`],
    [
      "Rays",
      `${large(raysOf(job))} (camera ${large(camera)}, bounce ${large(bounce)}, shadow ${large(shadow)})`,
    ],
    [
      "Checked again",
      raysOf(job)
        ? `${large(job.rays_checked)} rays, ${((100 * job.rays_checked) / raysOf(job)).toFixed(1)} %`
        : "–",
    ],
    ["Verification", `${job.verify}, mode ${job.mode}`],
    ["Overturned", job.tiles_overturned ? plural(job.tiles_overturned, "tile") : "none"],
    ["Workers now", count(job.workers)],
    ["Time so far", duration(job.elapsed_ms)],
    ["Priority", String(job.priority)],
    ["Owner", job.mine ? "you" : shortKey(job.owner)],
    ["Package", job.package ? `${job.package.slice(0, 12)}…` : "–"],
  ];
}

function fact(parts, name, value) {
  let node = parts.values.get(name);
  if (!node) {
    node = el("dd");
    parts.values.set(name, node);
    parts.facts.append(el("div", {}, el("dt", { text: name }), node));
  }
  setText(node, value);
}

// The buttons change only with the state, so that none vanishes under a finger.
function showActions(parts, job) {
  parts.job = job;
  const kind = `${job.state} ${farm.about?.role} ${job.mine}`;
  if (parts.actions.kind === kind) return;
  const focused = parts.actions.contains(document.activeElement);
  parts.actions.kind = kind;
  parts.actions.replaceChildren(...jobButtons(job));
  if (focused) (parts.actions.querySelector("button") ?? document.getElementById("main")).focus();
}

async function showWhy(parts, id, job) {
  if (!job || job.state === "completed" || job.state === "cancelled") {
    parts.whyBox.hidden = true;
    return;
  }
  const { sentences } = await load(`/jobs/${id}/why`).catch(() => ({ sentences: [] }));
  parts.whyBox.hidden = !sentences.length;
  if (parts.why.shown === sentences.join("\n")) return;
  parts.why.shown = sentences.join("\n");
  parts.why.replaceChildren(...sentences.map((text) => el("li", {}, prose(text))));
}

async function showFailures(parts, id) {
  let failures;
  try {
    ({ failures } = await load(`/jobs/${id}/log`));
  } catch (problem) {
    setText(parts.failed, problem.message);
    return;
  }
  setText(
    parts.failed,
    failures.length
      ? `${plural(failures.length, "failure")}${failures.length > FAILURES_SHOWN ? `, the last ${FAILURES_SHOWN} shown` : ""}`
      : "Nothing has failed.",
  );
  const latest = [...failures].sort((one, other) => other.at_ms - one.at_ms).slice(0, FAILURES_SHOWN);
  parts.failures.replaceChildren(
    ...latest.map((failure) => {
      const at = new Date(wall(failure.at_ms, farm.started_ms));
      return el(
        "li",
        {},
        el("time", { datetime: at.toISOString(), text: clock(at) }),
        el("span", { class: "kind", "data-kind": "failed", text: failure.class }),
        el(
          "span",
          { class: "about" },
          failure.worker === null
            ? null
            : el("a", { href: `#/workers/${failure.worker}`, text: `worker ${failure.worker}` }),
          failure.frame === null
            ? null
            : el("a", { href: `#/jobs/${id}/frames/${failure.frame}`, text: `frame ${failure.frame}` }),
        ),
        el("pre", { class: "text", text: failure.text }),
      );
    }),
  );
}
