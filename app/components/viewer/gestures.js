// What a person does with pointer, wheel and keys.
const MEANT_AS_CLICK = 4; // screen pixels a pointer may stray
const MARKER = 8; // screen pixels around a point that belong to it
const STEP = 1.6;

class Gestures {
  constructor(viewer) {
    this.viewer = viewer;
    this.view = viewer.view;
    this.region = viewer.region;
    this.pointers = new Map(); // those that are down, and where
    this.from = null; // where the only one came down, while it may be a click
    const on = (name, handle) => viewer.canvas.addEventListener(name, handle, { passive: false });
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.cancel(event));
    on("pointerleave", () => this.hover(null));
    on("wheel", (event) => this.wheel(event));
    on("dblclick", (event) => this.twice(event));
    on("keydown", (event) => this.key(event));
    on("keyup", (event) => { if (event.key === " ") this.spaced = false; });
    on("blur", () => { this.spaced = false; });
  }

  at(event) {
    const box = this.viewer.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    this.viewer.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    const alone = this.pointers.size === 1;
    this.from = alone ? this.at(event) : null;
    if (this.region.held) this.region.cancel(); // a second finger: it was to be a pinch
    const draws = this.viewer.mode === "region" && event.button === 0 && !this.spaced;
    if (draws && alone) this.region.take(...this.at(event), this.view);
    if (event.button === 1) event.preventDefault();
  }

  move(event) {
    const here = this.at(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) return this.hover(here);
    if (this.region.held) this.region.drag(...here, this.view);
    else if (this.pointers.size === 2) this.pinch(event.pointerId, before, here);
    else this.view.set(...this.view.moved(here[0] - before[0], here[1] - before[1]));
    this.pointers.set(event.pointerId, here);
    if (this.from && Math.hypot(here[0] - this.from[0], here[1] - this.from[1]) > MEANT_AS_CLICK) {
      this.from = null;
      this.hover(null);
    }
    this.viewer.draw();
  }

  pinch(moved, before, here) {
    const [, other] = [...this.pointers].find(([id]) => id !== moved);
    const apart = (place) => Math.max(1, Math.hypot(place[0] - other[0], place[1] - other[1]));
    const middle = (place) => [(place[0] + other[0]) / 2, (place[1] + other[1]) / 2];
    const [was, is] = [middle(before), middle(here)];
    this.view.set(...this.view.moved(is[0] - was[0], is[1] - was[1]));
    this.view.set(...this.view.zoomed(apart(here) / apart(before), ...is));
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.region.held) {
      if (this.region.drop(this.view)) this.viewer.send("seen", { region: this.region.box });
    } else if (this.from && event.button === 0 && event.detail < 2) this.click(...this.from);
    this.from = null;
    this.viewer.draw();
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    if (this.region.held) this.region.cancel();
    this.viewer.draw();
  }

  click(across, down) {
    const { viewer, view } = this;
    const [x, y] = view.toImage(across, down);
    if (viewer.mode === "point") {
      const { width, height } = view.image;
      const set = viewer.points.find((one) => Math.hypot(one.x - x, one.y - y) * view.scale < MARKER);
      if (set) viewer.set([set.x, set.y]); // a click on a point is meant for it
      else if (x >= 0 && y >= 0 && x < width && y < height) viewer.set([x, y]);
    } else if (viewer.mode === "look") {
      const hit = viewer.outlines.hit(x, y, view.scale);
      if (hit) viewer.send("seen", { picked: hit.id });
      viewer.say(null, ""); // what is clicked is to be seen
    }
  }

  // In the other modes two clicks are two clicks.
  twice(event) {
    if (this.viewer.mode !== "look") return;
    this.viewer.animate(this.view.zoomed(event.shiftKey ? 1 / 2 : 2, ...this.at(event)));
  }

  hover(place) {
    const { viewer, view } = this;
    const hit = place && viewer.mode === "look"
      ? viewer.outlines.hit(...view.toImage(...place), view.scale) : null;
    const grip = place && viewer.mode === "region" ? this.region.at(...place, view)?.kind : null;
    viewer.host.dataset.over = grip || (hit ? "outline" : "");
    viewer.say(place, (place && this.pointAt(place)?.title) || hit?.title || "");
    viewer.hover(hit?.id ?? null);
  }

  pointAt(place) {
    return this.viewer.points.find((one) => {
      const [across, down] = this.view.toScreen(one.x, one.y);
      return Math.hypot(across - place[0], down - place[1]) <= 8;
    });
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 33 : 1;
    const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0018)); // Ctrl: a pinch
    this.viewer.moving = null;
    this.view.set(...this.view.zoomed(clamp(factor, 0.25, 4), ...this.at(event)));
    this.viewer.draw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { width, height } = this.view.screen;
    const arrows = {
      ArrowLeft: [width / 6, 0], ArrowRight: [-width / 6, 0],
      ArrowUp: [0, height / 6], ArrowDown: [0, -height / 6],
    };
    const commands = { "+": "in", "=": "in", "-": "out", "−": "out", 0: "whole", f: "full", F: "full" };
    if (arrows[event.key]) this.viewer.animate(this.view.moved(...arrows[event.key]));
    else if (commands[event.key]) this.command(commands[event.key]);
    else if (event.key === "Enter") this.enter(width, height);
    else if (event.key === " ") this.spaced = true;
    else if (event.key === "Escape" && this.region.held) this.region.cancel();
    else return;
    event.preventDefault();
    this.viewer.draw();
  }

  // Without a pointer: the middle of what is seen.
  enter(width, height) {
    if (this.viewer.mode !== "region") return this.click(width / 2, height / 2);
    this.region.box = null;
    this.region.take(width / 4, height / 4, this.view);
    this.region.drag((width * 3) / 4, (height * 3) / 4, this.view);
    if (this.region.drop(this.view)) this.viewer.send("seen", { region: this.region.box });
  }

  command(name) {
    const { viewer, view } = this;
    const middle = [view.screen.width / 2, view.screen.height / 2];
    if (name === "in") viewer.animate(view.zoomed(STEP, ...middle));
    else if (name === "out") viewer.animate(view.zoomed(1 / STEP, ...middle));
    else if (name === "whole") viewer.animate(view.fitWhole());
    else if (viewer.host.getRootNode().fullscreenElement) document.exitFullscreen();
    else viewer.host.requestFullscreen();
  }
}
