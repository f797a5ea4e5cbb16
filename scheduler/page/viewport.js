// Where a picture lies in the window that shows it: scale and offset, moved by wheel, drag, pinch and keys. It draws nothing.

const SCALE_MAX = 32;
const STEP = 1.25;
const DRAG_PX = 4;

export class Viewport {
  // `element` takes the pointers; `onChange` is called when the picture moved, `onTap(x, y)` when a point was pressed without a move.
  // A press that `claims(x)` moves no picture: where it goes is told to `onClaimed(x)`.
  constructor(element, { onChange, onTap, claims, onClaimed }) {
    Object.assign(this, { element, onChange, onTap, claims, onClaimed });
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.fitted = true;
    this.picture = { width: 1, height: 1 };
    this.window = { width: 1, height: 1 };
    this.pointers = new Map();
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"])
      element.addEventListener(end, (event) => this.up(event));
  }

  sizes(picture, window) {
    this.picture = picture;
    this.window = window;
    if (this.fitted) this.fit();
    else this.bound();
  }

  get fitScale() {
    return Math.min(this.window.width / this.picture.width, this.window.height / this.picture.height);
  }

  fit() {
    this.fitted = true;
    this.scale = this.fitScale;
    this.bound();
    this.changed();
  }

  // Scales by `factor` and keeps the point (x, y) of the window where it is; without a point, the middle.
  zoom(factor, x = this.window.width / 2, y = this.window.height / 2) {
    const least = Math.min(this.fitScale, 1);
    const scale = Math.min(SCALE_MAX, Math.max(least, this.scale * factor));
    const ratio = scale / this.scale;
    this.x = x - (x - this.x) * ratio;
    this.y = y - (y - this.y) * ratio;
    this.scale = scale;
    this.fitted = Math.abs(scale - this.fitScale) < 1e-6;
    this.bound();
    this.changed();
  }

  stepIn() {
    this.zoom(STEP);
  }

  stepOut() {
    this.zoom(1 / STEP);
  }

  // One pixel of the picture on one pixel of the screen.
  oneToOne() {
    this.zoom(1 / (devicePixelRatio * this.scale));
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.bound();
    this.changed();
  }

  // A picture that is smaller than the window stands in its middle, a larger one leaves no gap.
  bound() {
    const place = (offset, picture, window) =>
      picture <= window ? (window - picture) / 2 : Math.min(0, Math.max(window - picture, offset));
    this.x = place(this.x, this.picture.width * this.scale, this.window.width);
    this.y = place(this.y, this.picture.height * this.scale, this.window.height);
  }

  changed() {
    this.element.classList.toggle("zoomed", this.scale > this.fitScale * 1.001);
    this.onChange();
  }

  // Makes a rectangle of the picture visible.
  reveal({ x, y, width, height }) {
    const margin = 12;
    const left = x * this.scale + this.x;
    const top = y * this.scale + this.y;
    const right = left + width * this.scale;
    const bottom = top + height * this.scale;
    const dx =
      left < margin
        ? margin - left
        : right > this.window.width - margin
          ? this.window.width - margin - right
          : 0;
    const dy =
      top < margin
        ? margin - top
        : bottom > this.window.height - margin
          ? this.window.height - margin - bottom
          : 0;
    if (dx || dy) this.pan(dx, dy);
  }

  toPicture(x, y) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  point(event) {
    const box = this.element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  wheel(event) {
    event.preventDefault();
    const { x, y } = this.point(event);
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.zoom(
      Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) * (event.ctrlKey ? 0.01 : 0.002)),
      x,
      y,
    );
  }

  down(event) {
    if (event.button !== 0) return;
    const point = this.point(event);
    this.pointers.set(event.pointerId, point);
    if (this.pointers.size === 1) {
      this.from = { ...point, moved: false, claimed: this.claims(point.x) };
      if (this.from.claimed) this.element.setPointerCapture(event.pointerId);
    } else this.from.moved = true;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.point(event);
    if (this.from.claimed) {
      this.from.moved = true;
      this.onClaimed(now.x);
    } else if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else if (this.from.moved || Math.hypot(now.x - this.from.x, now.y - this.from.y) > DRAG_PX) {
      if (!this.from.moved) this.element.setPointerCapture(event.pointerId);
      this.from.moved = true;
      this.pan(now.x - before.x, now.y - before.y);
    }
    this.pointers.set(event.pointerId, now);
  }

  pinch(id, before, now) {
    const [, other] = [...this.pointers].find(([pointer]) => pointer !== id);
    const apart = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    this.zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (!this.pointers.size && !this.from.moved && event.type === "pointerup")
      this.onTap(this.from.x, this.from.y);
  }
}
