// Numbers, times and names as people read them. Pure: it knows neither the document nor the farm.

const whole = new Intl.NumberFormat("en-GB");

export const count = (number) => (number === null || number === undefined ? "–" : whole.format(number));

// A large number with three figures and the prefix of its thousands: 950, 1.23 k, 45.6 M.
export function large(number) {
  if (number === null || number === undefined || !Number.isFinite(number)) return "–";
  const prefixes = ["", " k", " M", " G", " T", " P", " E"];
  let index = 0;
  let rest = number;
  while (rest >= 999.5 && index < prefixes.length - 1) {
    rest /= 1000;
    index += 1;
  }
  if (index === 0) return String(Math.round(rest));
  const decimals = rest < 9.995 ? 2 : rest < 99.95 ? 1 : 0;
  return rest.toFixed(decimals) + prefixes[index];
}

// A length of time in its two largest units: 8 s, 3 min 20 s, 2 h 5 min, 3 d 4 h.
export function duration(time_ms) {
  if (time_ms === null || time_ms === undefined || !Number.isFinite(time_ms)) return "–";
  const seconds = Math.round(time_ms / 1000);
  if (seconds < 1) return time_ms > 0 ? "< 1 s" : "0 s";
  const units = [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = units.findIndex(([length]) => seconds >= length);
  const [length, name] = units[first];
  const text = `${Math.floor(seconds / length)} ${name}`;
  if (first === units.length - 1) return text;
  const [lesser, lesserName] = units[first + 1];
  const rest = Math.floor((seconds % length) / lesser);
  return rest === 0 ? text : `${text} ${rest} ${lesserName}`;
}

// Part of a whole from 0 to 1.
export function part(done, total) {
  return total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
}

// Whole percent, rounded down: 100 % is said only of what is complete.
export const percent = (done, total) => `${Math.floor(part(done, total) * 100 + 1e-9)} %`;

// A farm that has no wall clock counts from its start; `started_ms` is when that was.
export const wall = (at_ms, started_ms) => (at_ms < 1e11 ? started_ms + at_ms : at_ms);

const two = (number) => String(number).padStart(2, "0");

// Time of the day, with the date before it unless it is of `now`.
export function clock(at_ms, now = new Date()) {
  const at = new Date(at_ms);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return at.toDateString() === now.toDateString()
    ? time
    : `${two(at.getDate())}/${two(at.getMonth() + 1)} ${time}`;
}

export const shortKey = (hex) => (hex ? hex.slice(0, 8) : "–");

// One or many of a thing: plural(1, "frame") is "1 frame".
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

export const raysOf = (job) => (job.rays ? job.rays.camera + job.rays.bounce + job.rays.shadow : 0);

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
