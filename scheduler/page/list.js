// A long list of which only what is visible is in the document, along either axis, and the table around one. It knows keys and
// places, not what a row shows.

import { el, coalesced, setAttribute } from "./dom.js";

const MARGIN = 6;

// `create(key)` makes a row, `update(row, item)` fills it whenever `item(key)` is another object than before.
// Each row holds one element with the class "link", which takes the focus: arrows, Home, End and the page keys go from one to the next.
export class LongList {
  constructor({
    scroller,
    create,
    update,
    item,
    sizeVariable,
    horizontal = false,
    onMove = null,
    rowOffset = 2,
    grid = true,
  }) {
    Object.assign(this, {
      scroller,
      create,
      update,
      item,
      sizeVariable,
      horizontal,
      onMove,
      rowOffset,
      grid,
    });
    this.keys = [];
    this.rows = new Map();
    this.active = null;
    // Whether somebody chose the active row; until then it is the first.
    this.held = false;
    this.size_px = 0;
    this.body = el("div", { class: "long", role: grid ? "rowgroup" : "list" });
    scroller.append(this.body);
    this.refresh = coalesced(() => this.draw());
    scroller.addEventListener("scroll", this.refresh, { passive: true });
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("focusin", (event) => this.focused(event));
    this.watch = new ResizeObserver(() => this.measure());
    this.watch.observe(scroller);
    this.measure();
  }

  close() {
    this.watch.disconnect();
  }

  measure() {
    const size_px =
      Number.parseFloat(getComputedStyle(this.scroller).getPropertyValue(this.sizeVariable)) || 44;
    const seen_px = this.horizontal ? this.scroller.clientWidth : this.scroller.clientHeight;
    if (size_px === this.size_px && seen_px === this.seen_px) return;
    this.size_px = size_px;
    this.seen_px = seen_px;
    this.places = true;
    this.stretch();
    this.refresh();
  }

  // Shows these keys in this order. Rows that stay are kept, with the focus in them.
  show(keys) {
    this.keys = keys;
    this.index = new Map(keys.map((key, index) => [key, index]));
    if (!this.held || !this.index.has(this.active)) this.active = keys[0] ?? null;
    this.places = true;
    this.stretch();
    this.refresh();
  }

  stretch() {
    this.body.style[this.horizontal ? "width" : "height"] = `${this.keys.length * this.size_px}px`;
  }

  range() {
    const from_px = this.horizontal ? this.scroller.scrollLeft : this.scroller.scrollTop;
    const first = Math.max(0, Math.floor(from_px / this.size_px) - MARGIN);
    const last = Math.min(this.keys.length, Math.ceil((from_px + this.seen_px) / this.size_px) + MARGIN);
    return [first, last];
  }

  draw() {
    if (!this.index || !this.seen_px) return;
    const [first, last] = this.range();
    const wanted = this.keys.slice(first, last);
    if (this.active !== null && !wanted.includes(this.active)) {
      if (this.index.get(this.active) < first) wanted.unshift(this.active);
      else wanted.push(this.active);
    }
    const kept = new Set(wanted);
    for (const [key, row] of this.rows) {
      if (kept.has(key)) continue;
      row.remove();
      this.rows.delete(key);
    }
    let after = null;
    for (const key of wanted) {
      const row = this.row(key);
      const due = after ? after.nextSibling : this.body.firstChild;
      if (row !== due) this.body.insertBefore(row, due);
      after = row;
    }
    this.places = false;
  }

  row(key) {
    let row = this.rows.get(key);
    const fresh = !row;
    if (fresh) {
      row = this.create(key);
      row.key = key;
      this.rows.set(key, row);
    }
    if (fresh || this.places) this.place(row, this.index.get(key));
    const item = this.item(key);
    if (row.item !== item) {
      row.item = item;
      this.update(row, item);
    }
    setAttribute(row.querySelector(".link"), "tabindex", key === this.active ? "0" : "-1");
    return row;
  }

  place(row, index) {
    const at_px = index * this.size_px;
    row.style.transform = this.horizontal ? `translateX(${at_px}px)` : `translateY(${at_px}px)`;
    if (this.grid) {
      setAttribute(row, "aria-rowindex", index + this.rowOffset);
      return;
    }
    setAttribute(row, "aria-posinset", index + 1);
    setAttribute(row, "aria-setsize", this.keys.length);
  }

  // Fills every visible row again, whether or not its item is another one.
  renew() {
    for (const row of this.rows.values()) row.item = undefined;
    this.refresh();
  }

  focused(event) {
    const row = event.target.closest(".long > *");
    if (row && row.key !== this.active) this.activate(row.key);
  }

  activate(key) {
    const before = this.rows.get(this.active)?.querySelector(".link");
    if (before) setAttribute(before, "tabindex", "-1");
    this.active = key;
    this.held = true;
    const now = this.rows.get(key)?.querySelector(".link");
    if (now) setAttribute(now, "tabindex", "0");
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.seen_px / this.size_px) - 1);
    const steps = this.horizontal
      ? { ArrowLeft: -1, ArrowRight: 1, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity }
      : { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.go((this.index.get(this.active) ?? 0) + step, true);
  }

  // Makes the row at `index` the active one, visible, and focused if asked.
  go(index, focus) {
    if (!this.keys.length) return;
    const key = this.keys[Math.min(this.keys.length - 1, Math.max(0, index))];
    this.activate(key);
    this.reveal(key);
    this.draw();
    if (focus) this.rows.get(key)?.querySelector(".link").focus({ preventScroll: true });
    this.onMove?.(key);
  }

  reveal(key) {
    const at_px = this.index.get(key) * this.size_px;
    const side = this.horizontal ? "scrollLeft" : "scrollTop";
    const head_px = this.horizontal ? 0 : this.body.offsetTop;
    const end_px = at_px + this.size_px + head_px;
    if (at_px < this.scroller[side]) this.scroller[side] = at_px;
    else if (end_px > this.scroller[side] + this.seen_px) this.scroller[side] = end_px - this.seen_px;
  }
}

// A table with the names of its columns, into which a list puts its rows. `kind` is its class.
export function tableOf(kind, label, columns) {
  const heads = columns.map((text) => el("span", { role: "columnheader", class: text.toLowerCase(), text }));
  const head = el("div", { class: "row head", role: "row", "aria-rowindex": 1 }, heads);
  return el(
    "div",
    { class: `table ${kind}`, role: "grid", "aria-label": label },
    el("div", { role: "rowgroup" }, head),
  );
}
