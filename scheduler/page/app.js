// Starts the page: login, the bar, the stream, and which view an address shows. Views know the rest.

import { hasToken, onRefused, setToken, tokenFromAddress } from "./api.js";
import { Bar } from "./bar.js";
import { notice, showKeys } from "./dialog.js";
import { el } from "./dom.js";
import { eventsView } from "./events.js";
import { farm } from "./farm.js";
import { frameView } from "./frame.js";
import { jobView } from "./job.js";
import { KEYS } from "./keys.js";
import { showLogin } from "./login.js";
import { queueView } from "./queue.js";
import { Stream } from "./stream.js";
import { workersView } from "./workers.js";

const ABOUT_EVERY_MS = 5_000;

const ROUTES = [
  [/^\/jobs$/, queueView, "jobs"],
  [/^\/jobs\/(\d+)$/, jobView, "jobs"],
  [/^\/jobs\/(\d+)\/frames\/(-?\d+)$/, frameView, "jobs"],
  [/^\/workers(?:\/(\d+))?$/, workersView, "workers"],
  [/^\/events$/, eventsView, "events"],
];

const main = document.getElementById("main");
const bar = new Bar(document.getElementById("bar"), { logOut: () => leave(), onKeys: () => showKeys(KEYS) });
const stream = new Stream({
  onEvent: (kind, data) => (kind === "resync" ? resync() : farm.apply(kind, data)),
  onStatus: (status, wait_ms) => {
    bar.connection(status, wait_ms);
    farm.tell(status);
  },
});

let view = null;
let followed;
let asking = null;

function splitAddress() {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  return { path: path || "/jobs", query: new URLSearchParams(query ?? "") };
}

// What the address asks for; an address that asks for nothing known becomes the queue's.
function destination() {
  const { path, query } = splitAddress();
  for (const [pattern, make, section] of ROUTES) {
    const match = pattern.exec(path);
    if (match)
      return {
        make,
        section,
        query,
        ids: match.slice(1).map((text) => (text === undefined ? null : Number(text))),
      };
  }
  history.replaceState(null, "", "#/jobs");
  return destination();
}

// Shows what the address says. A view that is there and takes the new address keeps its place.
function route() {
  if (!hasToken() || !farm.about) return;
  const { make, section, query, ids } = destination();
  bar.section(section);
  follow(section === "jobs" && ids.length ? ids[0] : null);
  if (view?.make === make && view.move?.(ids, query)) return;
  show(make, ids, query);
}

function show(make, ids, query) {
  view?.close();
  const holder = el("div", { class: "view" });
  main.replaceChildren(holder);
  view = { make, ...make(holder, ids, query) };
  document.title = `${view.title} · Tessera`;
  main.focus({ preventScroll: true });
}

function follow(job) {
  if (job === followed) return;
  followed = job;
  stream.open(job);
}

// Too much was missed: what is known is loaded again, and what views hold of their own as well. Places and zooms are kept.
function resync() {
  farm.renew();
  farm.tell("open");
  farm.loadAbout().catch((problem) => notice(problem.message, "failed"));
}

function enter() {
  stream.lastId = farm.about.cursor ?? null;
  bar.show();
  followed = undefined;
  clearInterval(asking);
  asking = setInterval(() => document.hidden || farm.loadAbout().catch(() => {}), ABOUT_EVERY_MS);
  route();
}

function leave(why = null) {
  setToken(null);
  stream.close();
  clearInterval(asking);
  view?.close();
  view = null;
  farm.clear();
  bar.hide();
  showLogin(main, enter, why);
}

async function begin() {
  tokenFromAddress();
  if (!hasToken()) return leave();
  try {
    await farm.loadAbout();
    enter();
  } catch (problem) {
    if (problem.status === 401) leave(problem.message);
    else unreachable(problem);
  }
}

function unreachable(problem) {
  main.replaceChildren(
    el(
      "div",
      { class: "empty", role: "alert" },
      el("h1", { text: "No farm here" }),
      el("p", { text: problem.message }),
    ),
  );
  setTimeout(begin, 3_000);
}

document.addEventListener("keydown", (event) => {
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) ||
    !view
  )
    return;
  if (event.key === "?") showKeys(KEYS);
  else if (event.key === "/") {
    const search = main.querySelector("input[type=search]");
    if (!search) return;
    search.focus();
  } else return;
  event.preventDefault();
});

addEventListener("hashchange", () => {
  if (/^#token=/.test(location.hash)) begin();
  else route();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
onRefused((problem) => farm.about && leave(problem.message));
begin();
