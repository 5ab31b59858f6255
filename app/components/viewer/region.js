// A rectangle that is drawn, moved, and pulled at its corners; pixels of the image.
const GRIP = 9; // screen pixels around a corner that take hold of it

class Region {
  constructor() {
    this.box = null; // (x, y, width, height)
    this.held = null;
  }

  // What a pointer would do at a place of the screen.
  at(across, down, view) {
    if (!this.box) return null;
    const [x, y, width, height] = this.box;
    for (const [right, bottom] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
      const corner = view.toScreen(x + right * width, y + bottom * height);
      if (Math.abs(corner[0] - across) <= GRIP && Math.abs(corner[1] - down) <= GRIP)
        return { kind: "corner", fixed: [x + (1 - right) * width, y + (1 - bottom) * height] };
    }
    const [left, top] = view.toScreen(x, y);
    const inside = across > left && across < left + width * view.scale && down > top && down < top + height * view.scale;
    return inside ? { kind: "inside", box: [...this.box] } : null;
  }

  take(across, down, view) {
    const start = view.toImage(across, down);
    this.before = this.box;
    this.held = { start, ...(this.at(across, down, view) || { kind: "corner", fixed: start }) };
  }

  drag(across, down, view) {
    const { kind, start, fixed, box } = this.held;
    const { width, height } = view.image;
    const here = view.toImage(across, down);
    if (kind === "inside") {
      const x = clamp(box[0] + here[0] - start[0], 0, width - box[2]);
      const y = clamp(box[1] + here[1] - start[1], 0, height - box[3]);
      this.box = [x, y, box[2], box[3]];
      return;
    }
    const [x1, x2] = [fixed[0], here[0]].map((x) => clamp(x, 0, width)).sort((one, other) => one - other);
    const [y1, y2] = [fixed[1], here[1]].map((y) => clamp(y, 0, height)).sort((one, other) => one - other);
    this.box = [x1, y1, x2 - x1, y2 - y1];
  }

  // Whole pixels, or what was there before when it is hardly larger than a click.
  drop(view) {
    this.held = null;
    if (this.box && Math.min(this.box[2], this.box[3]) * view.scale >= 4) {
      const [left, top] = [Math.floor(this.box[0]), Math.floor(this.box[1])];
      const [right, bottom] = [Math.ceil(this.box[0] + this.box[2]), Math.ceil(this.box[1] + this.box[3])];
      this.box = [left, top, right - left, bottom - top];
      return true;
    }
    this.cancel();
    return false;
  }

  cancel() {
    this.held = null;
    this.box = this.before ?? null;
  }

  draw(context, view, accent, grips) {
    if (!this.box) return;
    const [x, y, width, height] = this.box;
    const [left, top] = view.toScreen(x, y);
    const [right, bottom] = view.toScreen(x + width, y + height);
    const path = new Path2D();
    path.rect(left, top, right - left, bottom - top);
    const around = new Path2D(path);
    around.rect(0, 0, view.screen.width, view.screen.height);
    context.fillStyle = "rgba(10, 14, 16, .35)";
    context.fill(around, "evenodd");
    stroke(context, path, "rgba(255, 255, 255, .95)", 4, []);
    stroke(context, path, accent, 2, []);
    if (!grips) return;
    for (const across of [left, right])
      for (const down of [top, bottom]) {
        context.fillStyle = "#fff";
        context.fillRect(across - 5, down - 5, 10, 10);
        context.fillStyle = accent;
        context.fillRect(across - 3.5, down - 3.5, 7, 7);
      }
  }
}
