// What people do to jobs and workers: the buttons, and the questions before anything happens.

import { act } from "./api.js";
import { confirm } from "./dialog.js";
import { button } from "./dom.js";
import { farm } from "./farm.js";
import { capital, count, plural } from "./format.js";

const nameOf = (job) => `“${job.name || `job ${job.job}`}”`;
const ENDED = ["completed", "cancelled", "failed"];

// Buttons for what can be done to a job now, or none for who may not.
export function jobButtons(job) {
  if (!farm.mayAct(job)) return [];
  const ended = ENDED.includes(job.state);
  const buttons = [];
  if (job.state === "paused") buttons.push(button("Resume …", () => resume(job)));
  else if (!ended && job.state !== "uploading") buttons.push(button("Pause …", () => pause(job)));
  if (!ended) buttons.push(button("Priority …", () => prioritise(job)));
  if (job.state !== "uploading") buttons.push(button("Requeue frames …", () => requeue(job)));
  if (!ended) buttons.push(button("Cancel job …", () => cancel(job), { class: "danger" }));
  return buttons;
}

function pause(job) {
  confirm({
    title: `Pause ${nameOf(job)}?`,
    text: "What workers have begun of it is finished and used, and nothing more of it is begun. Nothing that is rendered is lost.",
    action: "Pause",
    done: `${capital(nameOf(job))} is paused.`,
    work: () => act(`/jobs/${job.job}/pause`),
  });
}

function resume(job) {
  confirm({
    title: `Resume ${nameOf(job)}?`,
    text: `It goes on where it stopped, at ${count(job.tiles_done)} of ${count(job.tiles_total)} tiles.`,
    action: "Resume",
    done: `${nameOf(job)} goes on.`,
    work: () => act(`/jobs/${job.job}/resume`),
  });
}

function cancel(job) {
  confirm({
    title: `Cancel ${nameOf(job)}?`,
    danger: true,
    text: `It ends with ${count(job.frames_done)} of ${plural(job.frames_total, "frame")} finished and cannot be taken up again.`,
    action: "Cancel the job",
    done: `${nameOf(job)} is cancelled.`,
    work: () => act(`/jobs/${job.job}/cancel`),
  });
}

export function requeue(job, frames = "") {
  confirm({
    title: `Render frames of ${nameOf(job)} again?`,
    danger: true,
    text: "What is accepted of these frames is thrown away and they are rendered anew.",
    input: {
      label: "Frames",
      type: "text",
      required: true,
      value: frames,
      hint: "For example 12, or 1-10, or 3,7-10.",
    },
    action: "Render again",
    done: "The frames are queued again.",
    work: (text) => act(`/jobs/${job.job}/requeue`, { frames: text }),
  });
}

function prioritise(job) {
  confirm({
    title: `Priority of ${nameOf(job)}`,
    text: "Jobs of a higher priority go first.",
    input: { label: "Priority", type: "number", step: 1, required: true, value: job.priority },
    action: "Set the priority",
    done: "The priority is set.",
    work: (text) => act(`/jobs/${job.job}/priority`, { priority: Number(text) }),
  });
}

// Buttons for what a wrangler can do to a worker.
export function workerButtons(worker) {
  if (!farm.wrangler || worker.state === "refused") return [];
  if (["banned", "quarantined"].includes(worker.state)) {
    return [button("Readmit operator …", () => readmit(worker))];
  }
  const banning = button("Ban operator …", () => ban(worker), { class: "danger" });
  if (["left", "leaving"].includes(worker.state)) return [banning];
  const drains = worker.state === "drained";
  return [button(drains ? "Undrain …" : "Drain …", () => (drains ? undrain(worker) : drain(worker))), banning];
}

function ban(worker) {
  confirm({
    title: `Ban the operator of ${worker.name || `worker ${worker.worker}`}?`,
    danger: true,
    text: "All workers of its key are sent away and may not join again. What rests on their work is rendered anew.",
    input: { label: "Reason", type: "text", required: true, value: "", hint: "One line. Its workers are told it." },
    action: "Ban the operator",
    done: "The operator is banned.",
    work: (text) => act(`/operators/${worker.operator}/ban`, { reason: text }),
  });
}

function readmit(worker) {
  confirm({
    title: `Readmit the operator of ${worker.name || `worker ${worker.worker}`}?`,
    text: "Its workers may join again. They are on probation until enough of their work was checked.",
    action: "Readmit",
    done: "The operator may join again.",
    work: () => act(`/operators/${worker.operator}/readmit`),
  });
}

function drain(worker) {
  confirm({
    title: `Drain ${worker.name || `worker ${worker.worker}`}?`,
    text: "It finishes what it has begun and is given nothing more until it is undrained.",
    action: "Drain",
    done: "The worker is draining.",
    work: () => act(`/workers/${worker.worker}/drain`),
  });
}

function undrain(worker) {
  confirm({
    title: `Undrain ${worker.name || `worker ${worker.worker}`}?`,
    text: "It is given tiles again.",
    action: "Undrain",
    done: "The worker takes tiles again.",
    work: () => act(`/workers/${worker.worker}/undrain`),
  });
}
