// The login: takes a token, asks the farm whether it is one. It shows nothing of the farm.

import { setToken } from "./api.js";
import { el } from "./dom.js";
import { farm } from "./farm.js";

// Shows the login in `main`; calls `entered()` once the farm has taken a token. `why` is said above it, if there is a reason.
export function showLogin(main, entered, why = null) {
  const error = el("p", { class: "error", role: "alert", text: why ?? "", hidden: !why });
  const token = el("input", {
    id: "token",
    type: "password",
    name: "token",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "off",
    "aria-describedby": "token-hint",
  });
  const go = el("button", { type: "submit", class: "primary", text: "Open the farm" });
  const form = el(
    "form",
    { class: "login" },
    el("img", { src: "/icon.svg", alt: "", width: 56, height: 56 }),
    el("h1", { text: "Tessera" }),
    el("p", { class: "dim", text: "Watch a render farm bring its frames together." }),
    el("label", { class: "field wide", for: "token" }, el("span", { text: "Token" }), token),
    el("p", {
      class: "dim small",
      id: "token-hint",
      text: "The command tessera web prints a link with a token. A token stays in this tab and is forgotten when the tab is closed.",
    }),
    error,
    go,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    error.hidden = true;
    setToken(token.value.trim());
    try {
      await farm.loadAbout();
      entered();
    } catch (problem) {
      setToken(null);
      error.textContent = problem.message;
      error.hidden = false;
      go.disabled = false;
      token.select();
    }
  });
  main.replaceChildren(form);
  document.title = "Tessera";
  token.focus();
}
