// Dialogs that ask before something happens to the farm, and short notices after it. They do not know what happens.

import { el, button } from "./dom.js";

const NOTICE_MS = 6_000;

// Says a sentence in the corner and to screen readers.
export function notice(text, kind = "done") {
  const note = el("p", { class: `notice ${kind}`, text });
  document.getElementById("notices").append(note);
  setTimeout(() => note.remove(), NOTICE_MS);
}

// Asks whether to go on. `work(value)` runs while the dialog is open: if it fails, the dialog says why and stays.
// `input` is { label, type, value, required, hint, pattern } if something is to be entered.
export function confirm({ title, text, action, danger = false, input = null, done = null, work }) {
  const error = el("p", { class: "error", role: "alert", hidden: true });
  const go = el("button", { type: "submit", class: danger ? "danger" : "primary", text: action });
  const { label, ...attributes } = input ?? {};
  const entry = input ? el("input", { id: "asked", autocomplete: "off", ...attributes, hint: null }) : null;
  const dialog = el("dialog", {
    class: "ask",
    "aria-labelledby": "asked-title",
    "aria-describedby": "asked-text",
  });
  const stop = button("Not now", () => dialog.close());
  const form = el(
    "form",
    {},
    el("h2", { id: "asked-title", text: title }),
    el("p", { id: "asked-text", text }),
    entry ? el("label", { class: "field wide", for: "asked" }, el("span", { text: label }), entry) : null,
    input?.hint ? el("p", { class: "dim", text: input.hint }) : null,
    error,
    el("div", { class: "buttons" }, stop, go),
  );
  dialog.append(form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    error.hidden = true;
    try {
      await work(entry?.value.trim());
      dialog.close();
      if (done) notice(done);
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
      go.disabled = false;
    }
  });
  open(dialog, entry ?? (danger ? stop : go));
}

function open(dialog, first) {
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    // What was pressed may be gone: a paused job has another button.
    const back = before?.isConnected
      ? before
      : (document.querySelector(".actions button") ?? document.getElementById("main"));
    back.focus();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  first.focus();
  if (first.select) first.select();
}

// Shows the keys of the page as [group, [[key, what it does]]].
export function showKeys(groups) {
  if (document.querySelector("dialog[open]")) return;
  const close = el("button", { type: "button", text: "Close" });
  const dialog = el(
    "dialog",
    { class: "keys", "aria-labelledby": "keys-title" },
    el("h2", { id: "keys-title", text: "Keys" }),
    groups.map(([group, keys]) =>
      el(
        "section",
        {},
        el("h3", { text: group }),
        el(
          "dl",
          {},
          keys.map(([key, text]) => [
            el(
              "dt",
              {},
              key.split(" ").map((name) => el("kbd", { text: name })),
            ),
            el("dd", { text }),
          ]),
        ),
      ),
    ),
    el("div", { class: "buttons" }, close),
  );
  close.addEventListener("click", () => dialog.close());
  open(dialog, close);
}
