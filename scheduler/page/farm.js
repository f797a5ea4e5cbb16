// What the page knows of the farm: jobs, workers, entries of the log, as pages and events bring them. It knows no element.

import { load } from "./api.js";

const PAGE_JOBS = 200;
const PAGE_WORKERS = 500;
const JOBS_AT_ONCE = 2_000;
const ENTRIES_MAX = 2_000;

export class Farm {
  constructor() {
    this.listeners = new Map();
    this.clear();
  }

  clear() {
    this.about = null;
    this.jobs = new Map();
    this.workers = new Map();
    this.operators = new Map();
    this.entries = [];
    this.entriesNext = undefined;
    this.jobsNext = undefined;
    this.workersNext = undefined;
    this.loading = new Map();
    this.asked = new Map();
  }

  // Calls `listener(data)` at every change of `kind`. Returns what ends it.
  on(kind, listener) {
    if (!this.listeners.has(kind)) this.listeners.set(kind, new Set());
    this.listeners.get(kind).add(listener);
    return () => this.listeners.get(kind).delete(listener);
  }

  tell(kind, data) {
    for (const listener of this.listeners.get(kind) ?? []) listener(data);
  }

  get wrangler() {
    return this.about?.role === "wrangler";
  }

  mayAct(job) {
    return this.wrangler || (this.about?.role === "artist" && job.mine);
  }

  get started_ms() {
    return this.about ? this.about.seen_ms - this.about.uptime_ms : Date.now();
  }

  async loadAbout() {
    const about = await load("/farm");
    this.about = { ...about, seen_ms: Date.now() };
    this.tell("about", this.about);
    return this.about;
  }

  // One event of the stream.
  apply(kind, data) {
    if (kind === "jobs") this.keepJobs(data.jobs);
    else if (kind === "workers") this.keepWorkers(data.workers);
    else if (kind === "log") this.keepEntries(data.entries);
    else this.tell(kind, data);
  }

  keepJobs(jobs) {
    for (const job of jobs) {
      // Events are the same for everybody, so they cannot say whose a job is for whom.
      job.mine ??= Boolean(this.about?.key) && job.owner === this.about.key;
      this.jobs.set(job.job, job);
    }
    this.tell("jobs", jobs);
  }

  keepWorkers(workers) {
    for (const worker of workers) {
      this.workers.set(worker.worker, worker);
      if (worker.name) this.operators.set(worker.operator, worker.name);
    }
    this.tell("workers", workers);
  }

  keepEntries(entries) {
    const known = new Set(this.entries.map((entry) => entry.id));
    const fresh = entries.filter((entry) => !known.has(entry.id));
    if (!fresh.length) return;
    this.entries = [...this.entries, ...fresh].sort((one, other) => other.id - one.id);
    if (this.entries.length > ENTRIES_MAX) {
      this.entries.length = ENTRIES_MAX;
      this.entriesNext = this.entries[ENTRIES_MAX - 1].id;
    }
    this.tell("log", fresh);
  }

  // One load of a kind at a time; whoever comes second waits for the first.
  once(kind, work) {
    if (!this.loading.has(kind)) {
      const loads = this.loading;
      loads.set(
        kind,
        work().finally(() => loads.delete(kind)),
      );
    }
    return this.loading.get(kind);
  }

  // The next page of jobs: the newest first, then older ones. `state` asks for those alone and moves no mark.
  async loadJobs({ state = null, before = state ? null : this.jobsNext, limit = PAGE_JOBS } = {}) {
    const page = await load("/jobs", { before, limit, state });
    if (!state) this.jobsNext = page.next;
    this.keepJobs(page.jobs);
    return page;
  }

  get jobsComplete() {
    return this.jobsNext === null;
  }

  // Pages until `most` jobs are known; the first page is small, so that something is seen at once.
  fillJobs(most = JOBS_AT_ONCE) {
    return this.once("jobs", async () => {
      const jobs = this.jobs;
      if (this.jobsNext === undefined) await this.loadJobs({ limit: 50 });
      while (this.jobs === jobs && this.jobsNext && this.jobs.size < most) await this.loadJobs();
    });
  }

  fillWorkers(wanted = () => true) {
    return this.once("workers", async () => {
      const workers = this.workers;
      while (this.workers === workers && this.workersNext !== null && wanted()) {
        const limit = this.workersNext === undefined ? 100 : PAGE_WORKERS;
        const page = await load("/workers", { after: this.workersNext, limit });
        this.workersNext = page.next;
        this.keepWorkers(page.workers);
      }
    });
  }

  fillEntries() {
    return this.once("log", async () => {
      const page = await load("/events/log", { before: this.entriesNext, limit: 100 });
      this.entriesNext = page.next;
      this.keepEntries(page.entries);
      this.tell("log", []);
    });
  }

  async job(id) {
    const job = await load(`/jobs/${id}`);
    this.keepJobs([job]);
    return job;
  }

  // A worker by its id, or null if the farm has none. Each is asked for once.
  worker(id) {
    if (this.workers.has(id)) return Promise.resolve(this.workers.get(id));
    if (!this.asked.has(id)) {
      this.asked.set(
        id,
        load("/workers", { after: id > 0 ? id - 1 : null, limit: 1 }).then(
          (page) => {
            const found = page.workers.find((worker) => worker.worker === id) ?? null;
            if (found) this.keepWorkers([found]);
            return found;
          },
          (error) => {
            this.asked.delete(id);
            throw error;
          },
        ),
      );
    }
    return this.asked.get(id);
  }

  workerName(id) {
    const worker = this.workers.get(id);
    return worker?.name ? `${worker.name} (worker ${id})` : `worker ${id}`;
  }

  // All frames of a job, page by page; `take` gets each page and may end it by returning false.
  async frames(job, take) {
    let after = null;
    do {
      const page = await load(`/jobs/${job}/frames`, { after, limit: 1000 });
      if (take(page.frames) === false) return;
      after = page.next;
    } while (after !== null && after !== undefined);
  }
}

export const farm = new Farm();
