// Where one looks: which part of the image is on the screen, and how large. Lengths on the screen are
// CSS pixels; positions in the image are its pixels.
const LARGEST = 16; // screen pixels a pixel of the image takes, at most

class View {
  constructor() {
    this.screen = { width: 1, height: 1 };
    this.image = { width: 1, height: 1 };
    this.x = this.y = 0.5; // what is in the middle
    this.scale = 1; // screen pixels a pixel of the image
  }

  get whole() {
    const { screen, image } = this;
    return Math.min(screen.width / image.width, screen.height / image.height);
  }

  get left() { return this.x - this.screen.width / 2 / this.scale; }
  get top() { return this.y - this.screen.height / 2 / this.scale; }
  get width() { return this.screen.width / this.scale; }
  get height() { return this.screen.height / this.scale; }

  toImage(across, down) {
    return [this.left + across / this.scale, this.top + down / this.scale];
  }

  toScreen(x, y) {
    return [(x - this.left) * this.scale, (y - this.top) * this.scale];
  }

  // The same view, kept where there is something to see.
  set(x, y, scale) {
    const least = this.whole * 0.8;
    this.scale = clamp(scale, least, Math.max(LARGEST, this.whole * 2));
    this.x = clamp(x, 0, this.image.width);
    this.y = clamp(y, 0, this.image.height);
  }

  fit([x, y, width, height]) {
    const { screen } = this;
    const scale = Math.min(screen.width / width, screen.height / height);
    return [x + width / 2, y + height / 2, scale];
  }

  fitWhole() {
    return this.fit([0, 0, this.image.width, this.image.height]);
  }

  // What is at a place of the screen stays there.
  zoomed(factor, across, down) {
    const [x, y] = this.toImage(across, down);
    const scale = clamp(this.scale * factor, this.whole * 0.8, Math.max(LARGEST, this.whole * 2));
    return [
      x - (across - this.screen.width / 2) / scale,
      y - (down - this.screen.height / 2) / scale,
      scale,
    ];
  }

  moved(across, down) {
    return [this.x - across / this.scale, this.y - down / this.scale, this.scale];
  }
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}
