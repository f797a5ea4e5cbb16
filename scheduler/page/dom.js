// Makes elements from a name, properties and children. Text goes in as text, never as markup; it knows nothing of the farm.

// Properties: `class`, `text`, `on` (event to listener), `vars` (custom properties of CSS), any attribute.
// An attribute of null or false is left out, of true is set empty.
export function el(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "text") node.textContent = value;
    else if (key === "class") node.className = value;
    else if (key === "on")
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (key === "vars")
      for (const [variable, worth] of Object.entries(value)) node.style.setProperty(variable, worth);
    else setAttribute(node, key, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

// A sentence of the farm's, with what it puts between backticks as code.
export function prose(text) {
  return text
    .split("`")
    .map((piece, index) => (index % 2 === 1 ? el("code", { text: piece }) : piece))
    .filter((piece) => piece !== "");
}

export function setAttribute(node, key, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(key)) node.removeAttribute(key);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(key) !== text) node.setAttribute(key, text);
}

// Changes a text only if it differs, so that nothing is laid out again for nothing.
export function setText(node, text) {
  if (node.shown === text) return;
  node.shown = text;
  node.textContent = text;
}

export function setVar(node, variable, value) {
  if (node[variable] === value) return;
  node[variable] = value;
  node.style.setProperty(variable, value);
}

export function button(text, listener, properties = {}) {
  return el("button", { type: "button", text, on: { click: listener }, ...properties });
}

// A select with the given [value, text] pairs and a label of its own.
export function choice(label, options, value, listener, properties = {}) {
  const select = el("select", { ...properties, on: { change: () => listener(select.value) } });
  for (const [option, text] of options) select.append(el("option", { value: option, text }));
  select.value = value;
  return el("label", { class: "field" }, el("span", { text: label }), select);
}

// A field for words to search for, with what it held before.
export function searchField(label, hint, words, listener) {
  const field = el("input", { type: "search", placeholder: hint, "aria-label": label });
  field.value = words;
  field.addEventListener("input", () => listener(field.value));
  return field;
}

// Runs `work` at most once in a frame of the screen, and not at all in a page that nobody sees until it is seen again.
export function coalesced(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

// Runs `work` at most once in `interval_ms`, the last time for certain. `stop` ends it.
export function throttled(work, interval_ms) {
  let timer = null;
  let ran_ms = -Infinity;
  const run = () => {
    timer = null;
    ran_ms = performance.now();
    work();
  };
  const ask = () => {
    if (timer !== null) return;
    timer = setTimeout(run, Math.max(0, interval_ms - (performance.now() - ran_ms)));
  };
  ask.stop = () => {
    clearTimeout(timer);
    timer = null;
  };
  return ask;
}

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
