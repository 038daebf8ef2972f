// The picture with its boxes: draws them, and turns mouse, finger and pen into new, moved and resized boxes.
// Coordinates are pixels of the picture; the svg's viewBox is the part of the picture that is seen.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const SMALLEST = 4;
const CORNERS = { nw: [0, 0], ne: [1, 0], sw: [0, 1], se: [1, 1] };

window.Canvas = class {
  constructor(svg, events) {
    this.svg = svg;
    this.events = events; // changed(before), select(index), accept(index)
    this.picture = null;
    this.boxes = [];
    this.proposals = [];
    this.selected = -1;
    this.label = "";
    this.pointers = new Map();
    this.gesture = null;
    svg.addEventListener("pointerdown", (event) => this.press(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, (event) => this.release(event));
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, this.at(event));
    }, { passive: false });
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  show(picture, boxes) {
    this.picture = picture;
    this.boxes = boxes;
    this.proposals = [];
    this.selected = -1;
    this.gesture = null;
    this.fit();
  }

  fit() {
    const { width, height } = this.picture;
    this.view = { x: 0, y: 0, width, height };
    this.draw();
  }

  zoom(factor, point) {
    const { width, height } = this.picture;
    const to = Math.min(width, Math.max(width / 20, this.view.width / factor));
    const scale = to / this.view.width;
    point = point || { x: this.view.x + this.view.width / 2, y: this.view.y + this.view.height / 2 };
    this.view = {
      x: point.x - (point.x - this.view.x) * scale,
      y: point.y - (point.y - this.view.y) * scale,
      width: to,
      height: this.view.height * scale,
    };
    this.pan(0, 0);
  }

  pan(dx, dy) {
    const { width, height } = this.picture;
    this.view.x = Math.min(Math.max(this.view.x + dx, 0), Math.max(width - this.view.width, 0));
    this.view.y = Math.min(Math.max(this.view.y + dy, 0), Math.max(height - this.view.height, 0));
    this.draw();
  }

  // Pixels of the picture for each pixel of the screen.
  get unit() {
    const area = this.svg.getBoundingClientRect();
    return Math.max(this.view.width / (area.width || 1), this.view.height / (area.height || 1));
  }

  at(event) {
    const area = this.svg.getBoundingClientRect(), unit = this.unit;
    return {
      x: this.view.x + this.view.width / 2 + (event.clientX - area.left - area.width / 2) * unit,
      y: this.view.y + this.view.height / 2 + (event.clientY - area.top - area.height / 2) * unit,
    };
  }

  within(box) {
    const { width, height } = this.picture;
    const left = Math.round(Math.min(Math.max(box.left, 0), width - 1));
    const top = Math.round(Math.min(Math.max(box.top, 0), height - 1));
    return {
      ...box,
      left,
      top,
      width: Math.max(1, Math.min(Math.round(box.width), width - left)),
      height: Math.max(1, Math.min(Math.round(box.height), height - top)),
    };
  }

  press(event) {
    if (!this.picture || event.button > 0) return;
    event.preventDefault();
    this.svg.parentElement.focus({ preventScroll: true });
    this.svg.setPointerCapture(event.pointerId);
    const point = this.at(event);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pointers.size === 2) {
      if (this.gesture && this.gesture.kind !== "pinch") this.restore();
      this.gesture = { kind: "pinch" };
      return;
    }
    const target = event.target.dataset;
    if (target.proposal !== undefined) {
      this.events.accept(Number(target.proposal));
      return;
    }
    const before = this.boxes.map((box) => ({ ...box }));
    if (target.corner) {
      this.gesture = { kind: "size", corner: CORNERS[target.corner], before, start: { ...this.boxes[this.selected] }, point };
    } else if (target.box !== undefined) {
      this.select(Number(target.box));
      this.gesture = { kind: "move", before, start: { ...this.boxes[this.selected] }, point };
    } else {
      this.select(-1);
      this.gesture = { kind: "draw", before, point };
    }
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last || !this.gesture) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const gesture = this.gesture, point = this.at(event);
    if (gesture.kind === "pinch") {
      const [one, other] = [...this.pointers.values()];
      const apart = Math.hypot(one.x - other.x, one.y - other.y);
      const middle = { clientX: (one.x + other.x) / 2, clientY: (one.y + other.y) / 2 };
      if (gesture.apart) {
        this.zoom(apart / gesture.apart, this.at(middle));
        this.pan((gesture.middle.clientX - middle.clientX) * this.unit, (gesture.middle.clientY - middle.clientY) * this.unit);
      }
      gesture.apart = apart;
      gesture.middle = middle;
      return;
    }
    const dx = point.x - gesture.point.x, dy = point.y - gesture.point.y;
    if (gesture.kind === "draw") {
      if (Math.hypot(dx, dy) < SMALLEST * this.unit) return;
      if (!gesture.made) {
        this.boxes.push({ label: this.label });
        this.selected = this.boxes.length - 1;
        gesture.made = true;
      }
      this.boxes[this.selected] = this.within(this.spanned(gesture.point, point));
    } else if (gesture.kind === "move") {
      const { width, height } = this.picture, start = gesture.start;
      const left = Math.min(Math.max(start.left + dx, 0), width - start.width);
      const top = Math.min(Math.max(start.top + dy, 0), height - start.height);
      this.boxes[this.selected] = this.within({ ...start, left, top });
    } else if (gesture.kind === "size") {
      const { left, top, width, height } = gesture.start, [right, bottom] = gesture.corner;
      const fixed = { x: right ? left : left + width, y: bottom ? top : top + height };
      const moved = { x: (right ? left + width : left) + dx, y: (bottom ? top + height : top) + dy };
      this.boxes[this.selected] = this.within({ ...this.spanned(fixed, moved), label: gesture.start.label });
    }
    gesture.changed = true;
    this.draw();
  }

  spanned(one, other) {
    const { width, height } = this.picture;
    const x = [one.x, other.x].map((value) => Math.min(Math.max(value, 0), width));
    const y = [one.y, other.y].map((value) => Math.min(Math.max(value, 0), height));
    const left = Math.min(...x), top = Math.min(...y);
    return { label: this.label, left, top, width: Math.max(...x) - left, height: Math.max(...y) - top };
  }

  release(event) {
    if (!this.pointers.delete(event.pointerId) || !this.gesture) return;
    const gesture = this.gesture;
    if (gesture.kind === "pinch" && this.pointers.size) return;
    this.gesture = null;
    if (event.type === "pointercancel" && gesture.before) {
      this.boxes = gesture.before;
      this.select(-1);
    } else if (gesture.changed) {
      this.events.changed(gesture.before);
    }
  }

  restore() {
    if (this.gesture.before) this.boxes = this.gesture.before;
    this.selected = -1;
    this.draw();
  }

  select(index) {
    this.selected = index;
    this.draw();
    this.events.select(index);
  }

  draw() {
    if (!this.picture) return;
    const { picture, view, unit } = this;
    this.svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
    const parts = [this.element("image", { href: picture.url, width: picture.width, height: picture.height })];
    this.proposals.forEach((box, index) => parts.push(this.group(box, `proposal`, { proposal: index }, box.label || box.kind)));
    this.boxes.forEach((box, index) =>
      parts.push(this.group(box, index === this.selected ? "selected" : "", { box: index }, box.label)));
    const box = this.boxes[this.selected];
    if (box) {
      for (const [corner, [right, bottom]] of Object.entries(CORNERS)) {
        const handle = this.element("circle", {
          class: `handle ${corner}`, cx: box.left + right * box.width, cy: box.top + bottom * box.height, r: 8 * unit,
          "stroke-width": unit,
        });
        handle.dataset.corner = corner;
        parts.push(handle);
      }
    }
    this.svg.replaceChildren(...parts);
  }

  group(box, kind, data, said) {
    const group = this.element("g", { class: kind });
    const place = { x: box.left, y: box.top, width: box.width, height: box.height };
    const rect = this.element("rect", place);
    Object.assign(rect.dataset, data);
    const size = 14 * this.unit;
    const text = this.element("text", { x: box.left + size / 4, y: box.top + size, "font-size": size });
    text.textContent = said;
    group.append(this.element("rect", { ...place, class: "rim" }), rect, text);
    return group;
  }

  element(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }
};
