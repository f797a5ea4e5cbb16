// Requests to the farm's HTTP interface: the token, the errors in words, pages and pictures. It keeps nothing of what comes back.

const BASE = "/api/v1";
const KEPT = "tessera-token";

let token = sessionStorage.getItem(KEPT);
let refused = () => {};

// What the farm answered instead of what was asked for. `status` is 0 if it did not answer.
export class Problem extends Error {
  constructor(status, title, detail) {
    super(sentence(detail || title));
    this.status = status;
    this.title = title;
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");

export const hasToken = () => Boolean(token);

export function setToken(text) {
  token = text || null;
  if (token) sessionStorage.setItem(KEPT, token);
  else sessionStorage.removeItem(KEPT);
}

// `listener` is told, with the problem that says why, when the farm no longer takes the token.
export function onRefused(listener) {
  refused = listener;
}

// Takes `#token=…` out of the address bar before anything else can read it; what follows an `&to=` is where to go.
export function tokenFromAddress() {
  const match = /^#token=([^&]*)(?:&to=(.*))?$/.exec(location.hash);
  if (!match) return;
  setToken(decoded(match[1]).trim());
  history.replaceState(null, "", `${location.pathname}#${match[2] ? decoded(match[2]) : "/jobs"}`);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function query(values) {
  const parts = Object.entries(values).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  return parts.length
    ? `?${parts.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&")}`
    : "";
}

// A response that is good, or a Problem. A farm that asks for patience (429, 503 with Retry-After) is asked again, thrice at most.
export async function ask(path, { method = "GET", headers = {}, body, signal } = {}) {
  for (let attempt = 0; ; attempt += 1) {
    const response = await send(path, { method, headers, body, signal });
    if (response.ok || response.status === 304) return response;
    const patience_s = Number(response.headers.get("retry-after"));
    if (
      (response.status === 429 || response.status === 503) &&
      patience_s > 0 &&
      method === "GET" &&
      attempt < 3
    ) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(patience_s, 10) * 1000));
      if (signal?.aborted) throw new DOMException("Given up", "AbortError");
      continue;
    }
    const problem = await problemOf(response);
    if (response.status === 401) refused(problem);
    throw problem;
  }
}

async function send(path, { method, headers, body, signal }) {
  const all = { ...headers };
  if (token) all.Authorization = `Bearer ${token}`;
  if (body !== undefined) all["Content-Type"] = "application/json";
  try {
    return await fetch(BASE + path, {
      method,
      headers: all,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(
      0,
      "No answer",
      "The farm does not answer. It is tried again; nothing is lost meanwhile.",
    );
  }
}

async function problemOf(response) {
  const said = (await response.json().catch(() => null)) ?? {};
  const title =
    typeof said.title === "string" ? said.title : `The farm answered with status ${response.status}`;
  return new Problem(response.status, title, typeof said.detail === "string" ? said.detail : title);
}

export async function load(path, values = {}, signal = undefined) {
  const response = await ask(path + query(values), { signal });
  return response.json();
}

export async function act(path, body = {}) {
  await ask(path, { method: "POST", body });
}

// A picture as { blob, etag, finished }, or null if it is still the one with `etag`.
export async function picture(path, values, { etag = null, signal } = {}) {
  const response = await ask(path + query(values), {
    signal,
    headers: etag ? { "If-None-Match": etag } : {},
  });
  if (response.status === 304) return null;
  return {
    blob: await response.blob(),
    etag: response.headers.get("etag"),
    finished: response.headers.get("tessera-finished") === "true",
  };
}

// The stream of events: a response whose body stays open.
export function openStream(job, lastId, signal) {
  const headers = { Accept: "text/event-stream" };
  if (lastId !== null && lastId !== undefined) headers["Last-Event-ID"] = String(lastId);
  return ask(`/events${query({ job })}`, { headers, signal });
}
