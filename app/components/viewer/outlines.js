// Outlines over the image: tens of thousands, of which those in view are drawn and can be hit.
const CELLS = 64; // a side of the grid they are found by
const DOT = 4; // screen pixels; what is smaller is drawn as a dot
const BOX = 14; // what is smaller is drawn as its box
const NEAR = 4; // a pointer so near to a small one means it

class Outlines {
  constructor(shapes, image) {
    this.image = image;
    this.shapes = shapes.map((shape) => ({ ...shape, box: boxOf(shape.rings) }));
    this.cells = new Map();
    this.shapes.forEach((shape, number) => this.place(shape, number));
  }

  place(shape, number) {
    for (const cell of this.cellsOf(shape.box)) {
      if (!this.cells.has(cell)) this.cells.set(cell, []);
      this.cells.get(cell).push(number);
    }
  }

  *cellsOf([left, top, right, bottom]) {
    const cell = (edge, length) => clamp(Math.floor((edge / length) * CELLS), 0, CELLS - 1);
    const { width, height } = this.image;
    for (let row = cell(top, height); row <= cell(bottom, height); row++)
      for (let column = cell(left, width); column <= cell(right, width); column++)
        yield row * CELLS + column;
  }

  within(box) {
    const found = new Set();
    for (const cell of this.cellsOf(box))
      for (const number of this.cells.get(cell) || []) found.add(number);
    return [...found].map((number) => this.shapes[number]).filter((shape) => meet(shape.box, box));
  }

  // The smallest that a place of the image lies in; where the image is shown small, near to.
  hit(x, y, scale) {
    const near = NEAR / scale;
    let best = null;
    for (const shape of this.within([x - near, y - near, x + near, y + near])) {
      const small = Math.max(shape.box[2] - shape.box[0], shape.box[3] - shape.box[1]) * scale < BOX;
      if (!small && !inside(shape.rings, x, y)) continue;
      if (!best || area(shape.box) < area(best.box)) best = shape;
    }
    return best;
  }

  draw(context, view, chosen, hovered) {
    const box = [view.left, view.top, view.left + view.width, view.top + view.height];
    const groups = new Map();
    const dots = new Map();
    const special = [];
    for (const shape of this.within(box)) {
      if (chosen.has(shape.id) || shape.id === hovered) special.push(shape);
      const size = Math.max(shape.box[2] - shape.box[0], shape.box[3] - shape.box[1]) * view.scale;
      const [into, name] = size < DOT ? [dots, shape.colour] : [groups, `${shape.colour} ${+shape.faint}`];
      if (!into.has(name)) into.set(name, []);
      into.get(name).push(shape);
    }
    for (const [colour, shapes] of dots) drawDots(context, view, shapes, colour);
    for (const [name, shapes] of groups) {
      const [colour, faint] = name.split(" ");
      const path = pathOf(shapes, view);
      stroke(context, path, "rgba(255, 255, 255, .75)", faint === "1" ? 3 : 3.5, []);
      stroke(context, path, colour, faint === "1" ? 1.5 : 2, faint === "1" ? [5, 3] : []);
    }
    for (const shape of special) {
      stroke(context, pathOf([shape], view), shape.colour, 3.5, []);
      if (chosen.has(shape.id)) drawFrame(context, view, shape.box);
    }
  }
}

// Around what is chosen, of whatever shape and colour it is.
function drawFrame(context, view, [left, top, right, bottom]) {
  const apart = 6;
  const [across, down] = view.toScreen(left, top);
  const path = new Path2D();
  const size = [right - left, bottom - top].map((side) => side * view.scale + 2 * apart);
  path.roundRect(across - apart, down - apart, ...size, 4);
  stroke(context, path, "#fff", 5, []);
  stroke(context, path, "#14181a", 2.5, []);
}

function pathOf(shapes, view) {
  const path = new Path2D();
  for (const shape of shapes) {
    const [left, top, right, bottom] = shape.box;
    if (Math.max(right - left, bottom - top) * view.scale < BOX) {
      path.rect(...view.toScreen(left, top), (right - left) * view.scale, (bottom - top) * view.scale);
      continue;
    }
    for (const ring of shape.rings) {
      ring.forEach(([x, y], place) => {
        const [across, down] = view.toScreen(x, y);
        if (place) path.lineTo(across, down);
        else path.moveTo(across, down);
      });
      path.closePath();
    }
  }
  return path;
}

function drawDots(context, view, shapes, colour) {
  context.fillStyle = colour;
  for (const { box } of shapes) {
    const [across, down] = view.toScreen((box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
    context.fillRect(across - 1.5, down - 1.5, 3, 3);
  }
}

function stroke(context, path, colour, width, dashes) {
  context.setLineDash(dashes);
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.lineJoin = "round";
  context.stroke(path);
  context.setLineDash([]);
}

function boxOf(rings) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings)
    for (const [x, y] of ring) {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    }
  return box;
}

function meet(one, other) {
  return one[0] <= other[2] && other[0] <= one[2] && one[1] <= other[3] && other[1] <= one[3];
}

function area([left, top, right, bottom]) {
  return (right - left) * (bottom - top);
}

// Even-odd rule: a place inside a hole is outside.
function inside(rings, x, y) {
  let within = false;
  for (const ring of rings)
    for (let here = 0, last = ring.length - 1; here < ring.length; last = here++) {
      const [x1, y1] = ring[here];
      const [x2, y2] = ring[last];
      if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) within = !within;
    }
  return within;
}
