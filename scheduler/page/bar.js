// The bar at the top: where one can go, how the farm is, whether the page hears from it, and who one is.

import { el, button, setText, setAttribute } from "./dom.js";
import { farm } from "./farm.js";
import { capital, count, large } from "./format.js";

const SECTIONS = [
  ["jobs", "Queue"],
  ["workers", "Workers"],
  ["events", "Events"],
];
const LOST_AFTER_MS = 1_500;

export class Bar {
  constructor(holder, { logOut, onKeys }) {
    this.holder = holder;
    this.links = SECTIONS.map(([section, text]) => el("a", { href: `#/${section}`, text }));
    this.farm = el("p", { class: "pulse", "aria-label": "The farm now" });
    this.workers = el("span");
    this.rate = el("span");
    this.farm.append(this.workers, this.rate);
    this.state = el("span", { class: "connection", "data-state": "closed" });
    this.role = el("span", { class: "role", title: "What this token may do" });
    this.parts = [
      el(
        "a",
        { class: "brand", href: "#/jobs", "aria-label": "Tessera, to the queue" },
        el("img", { src: "/icon.svg", alt: "", width: 24, height: 24 }),
        el("span", { text: "Tessera" }),
      ),
      el("nav", { "aria-label": "Views" }, this.links),
      this.farm,
      el(
        "div",
        { class: "who" },
        this.state,
        this.role,
        button("?", onKeys, { class: "quiet ask-keys", "aria-label": "Keys", title: "Keys (?)" }),
        button("Log out", logOut, { class: "quiet" }),
      ),
    ];
    this.lost = el("p", { class: "lost", role: "alert", hidden: true });
    farm.on("about", () => this.about());
  }

  show() {
    this.holder.replaceChildren(...this.parts, this.lost);
    this.about();
  }

  hide() {
    this.holder.replaceChildren();
  }

  section(name) {
    SECTIONS.forEach(([section], index) =>
      setAttribute(this.links[index], "aria-current", section === name ? "page" : null),
    );
  }

  about() {
    const about = farm.about;
    if (!about) return;
    setText(this.workers, `${count(about.workers.busy)} of ${count(about.workers.connected)} workers busy`);
    setText(this.rate, `${large(about.rays_per_second)} rays/s`);
    setText(this.role, capital(about.role.replace("-", " ")));
    this.role.title = `Tessera ${about.version}, kernel ${about.kernel_version}`;
  }

  // A stream that is opened again at once is not worth a word.
  connection(status, wait_ms) {
    clearTimeout(this.timer);
    if (status === "open") {
      this.say("open", "Live", null);
      return;
    }
    const text = `The farm is out of reach. What is shown may be old; it is tried again in ${Math.max(1, Math.round(wait_ms / 1000))} s.`;
    const wait = this.state.dataset.state === "open" ? LOST_AFTER_MS : 0;
    this.timer = setTimeout(() => this.say("lost", "Lost", text), wait);
  }

  say(state, word, text) {
    this.state.dataset.state = state;
    setText(this.state, word);
    if (text !== null && this.lost.hidden)
      setText(this.lost, text.replace(/; it is tried.*$/, "; it is tried again."));
    this.lost.hidden = text === null;
  }
}
