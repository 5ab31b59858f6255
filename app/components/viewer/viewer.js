// A viewer of images of any size. Text from outside is only ever set as text, never as HTML.
const ICONS = {
  in: ["Zoom in (+)", "M8 3v10M3 8h10"],
  out: ["Zoom out (−)", "M3 8h10"],
  whole: ["The whole image (0)", "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3M6 6h4v4H6z"],
  full: ["Full screen (F)", "M9.5 6.5 13 3M9.5 3H13v3.5M6.5 9.5 3 13M3 9.5V13h3.5"],
};
const HELP = {
  look: "Drag to move, wheel to zoom, click an outline. Keys: arrows, +, −, 0, Enter.",
  region: "Drag to draw a region, its corners to change it; hold Space or the middle button to move.",
  point: "Click to set a point, drag to move, wheel to zoom. Keys: arrows, +, −, 0, Enter.",
};

class Viewer {
  constructor(root) {
    this.view = new View();
    this.region = new Region();
    this.said = []; // points the page knows
    this.steps = new Steps();
    this.lost = ""; // why there are no outlines
    this.chosen = new Set();
    this.build(root);
    this.gestures = new Gestures(this);
    this.watching = new ResizeObserver(() => this.resize());
    this.watching.observe(this.host);
  }

  build(root) {
    this.host = make("div", "viewer");
    this.canvas = make("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-roledescription", "image viewer");
    this.context = this.canvas.getContext("2d");
    const tools = make("div", "tools");
    for (const [name, [title, path]] of Object.entries(ICONS)) tools.append(this.button(name, title, path));
    this.bar = make("div", "bar");
    this.length = make("span", "length");
    this.zoom = make("span", "zoom");
    this.bar.append(this.length, this.zoom);
    this.tip = make("div", "tip");
    this.tip.hidden = true;
    this.trouble = make("div", "trouble");
    this.trouble.setAttribute("role", "alert");
    this.trouble.hidden = true;
    this.why = make("span");
    const again = make("button", "", "Try again");
    again.onclick = () => this.again();
    this.trouble.append(this.why, again);
    this.host.append(this.canvas, tools, this.bar, this.tip, this.trouble);
    root.append(this.host);
  }

  button(name, title, path) {
    const button = make("button");
    button.title = title;
    button.setAttribute("aria-label", title);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 16 16");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path);
    svg.append(line);
    button.append(svg);
    button.onclick = () => this.gestures.command(name);
    return button;
  }

  // --- what the page says -------------------------------------------------------------------------

  update(data, send, keep) {
    this.send = send;
    this.keep = keep;
    this.steps.taken(data.taken);
    this.host.style.height = `${data.height}px`;
    this.chosen = new Set(data.chosen);
    this.said = data.points;
    this.pen = data.pen;
    this.mode = data.mode;
    this.host.dataset.mode = data.mode;
    this.canvas.setAttribute("aria-label", HELP[data.mode]);
    const asked = JSON.stringify(data.region);
    if (this.asked !== asked) this.region.box = data.region;
    this.asked = asked;
    this.setOverlay(data.overlay);
    const known = JSON.stringify(data.image);
    if (this.known !== known) {
      this.known = known;
      this.setImage(data.image);
      this.outlined = null;
    }
    this.setShapes(data.shapes);
    this.lookAt(data.lookAt, data.times);
    this.resize();
  }

  // With those that were clicked since, which the page does not know yet.
  get points() {
    const points = [...this.said];
    for (const { point: [x, y], of } of this.steps.waiting) {
      if (of !== this.image.tiles) continue;
      const place = points.findIndex((one) => one.x === x && one.y === y);
      if (place >= 0) points.splice(place, 1);
      else points.push({ x, y, colour: this.pen, title: "" });
    }
    return points;
  }

  set(point) {
    this.steps.add({ point, of: this.image.tiles }, this.keep);
  }

  setImage(image) {
    const place = image.place || image.tiles;
    const follows = this.place === place && this.image.width === image.width && this.image.height === image.height;
    this.before?.stop();
    this.before = follows ? this.tiles : null; // the slice before is seen until this one is there
    if (!follows) this.tiles?.stop();
    this.image = image;
    this.tiles = new Tiles(image, () => this.draw());
    this.view.image = { width: image.width, height: image.height };
    this.outlines = new Outlines([], image);
    if (this.place !== place) this.looked = undefined;
    this.place = place;
    this.host.dataset.image = image.tiles;
  }

  // Many outlines come by an address of their own: the page then says but that, again and again.
  async setShapes(shapes) {
    const said = JSON.stringify(shapes);
    if (this.outlined === said) return;
    this.outlined = said;
    this.host.dataset.shapes = "";
    let found = shapes;
    try {
      if (!Array.isArray(shapes)) {
        const answer = await fetch(shapes.url);
        found = await answer.json();
        if (!answer.ok) throw new Error(found.error);
      }
      this.lost = "";
    } catch (error) {
      this.lost = `The outlines cannot be shown (${error.message}).`;
      found = [];
    }
    if (this.outlined !== said) return;
    this.outlines = new Outlines(found, this.image);
    this.host.dataset.shapes = this.outlines.shapes.length;
    this.draw();
  }

  again() {
    const shapes = this.outlined;
    if (this.lost) this.outlined = null;
    this.setShapes(JSON.parse(shapes));
    this.tiles.again();
  }

  setOverlay(overlay) {
    this.overlay = overlay;
    if (!overlay || this.picture?.name === overlay.src) return;
    this.picture = new Image();
    this.picture.name = overlay.src;
    this.picture.onload = () => this.draw();
    this.picture.src = overlay.src;
  }

  // The place that is asked for when it is asked for anew, else where one was.
  lookAt(box, times) {
    const said = JSON.stringify([box, times]);
    if (this.looked === said) return;
    const kept = this.looked === undefined ? this.remembered() : null;
    this.looked = said;
    this.start = kept?.said === said ? kept.at : null;
    this.started = false;
  }

  remembered() {
    try {
      return JSON.parse(sessionStorage.getItem(`georetrieve ${this.place}`));
    } catch {
      return null; // a browser that keeps nothing
    }
  }

  remember() {
    const { x, y, scale } = this.view;
    const kept = JSON.stringify({ said: this.looked, at: [x, y, scale] });
    try {
      sessionStorage.setItem(`georetrieve ${this.place}`, kept);
    } catch {
      return; // a browser that keeps nothing
    }
  }

  // --- what is seen -------------------------------------------------------------------------------

  animate([x, y, scale]) {
    const { view } = this;
    const from = [view.x, view.y, Math.log(view.scale)];
    const start = performance.now();
    const seconds = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.18;
    this.moving = (now) => {
      const part = seconds ? clamp((now - start) / 1000 / seconds, 0, 1) : 1;
      const eased = 1 - (1 - part) ** 3;
      const size = Math.exp(from[2] + (Math.log(scale) - from[2]) * eased);
      // Along the way what stays on its place of the screen stays there.
      const span = 1 / scale - Math.exp(-from[2]);
      const share = Math.abs(span) * scale < 1e-6 ? eased : (1 / size - Math.exp(-from[2])) / span;
      view.set(from[0] + (x - from[0]) * share, from[1] + (y - from[1]) * share, size);
      if (part === 1) this.moving = null;
    };
    this.draw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!width || !height || !this.image) return;
    this.ratio = window.devicePixelRatio || 1;
    const { screen } = this.view;
    const same = screen.width === width && screen.height === height;
    const [across, down] = [Math.round(width * this.ratio), Math.round(height * this.ratio)];
    if (this.canvas.width !== across || this.canvas.height !== down)
      [this.canvas.width, this.canvas.height] = [across, down];
    const wasWhole = this.view.scale <= this.view.whole * 1.001;
    this.view.screen = { width, height };
    if (!this.started) {
      this.started = true;
      const [box] = JSON.parse(this.looked);
      const at = this.start ?? (box ? this.view.fit(box) : this.view.fitWhole());
      this.view.set(...at);
    } else if (wasWhole && !same) this.view.set(...this.view.fitWhole());
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    this.host.dataset.ready = "false";
    requestAnimationFrame((now) => {
      this.waiting = false;
      if (this.host.isConnected && this.started) this.paint(now);
    });
  }

  paint(now) {
    this.moving?.(now);
    const { context, view, ratio } = this;
    const accent = getComputedStyle(this.host).getPropertyValue("--st-primary-color").trim() || "#0069a6";
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.before?.paint(context, view, ratio);
    const ready = this.tiles.draw(context, view, ratio);
    if (ready) {
      this.before?.stop();
      this.before = null;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintOverlay();
    // Where nothing of the image can be shown, outlines would lie over nothing.
    if (this.tiles.kept.size) this.outlines.draw(context, view, this.chosen, this.hovered);
    for (const point of this.points) this.paintPoint(point);
    this.region.draw(context, view, accent, this.mode === "region");
    this.describe(ready && !this.moving);
    if (this.moving) this.draw();
    else this.remember();
  }

  paintOverlay() {
    if (!this.overlay || !this.picture?.complete || !this.picture.naturalWidth) return;
    const [x, y, width, height] = this.overlay.box ?? [0, 0, this.view.image.width, this.view.image.height];
    this.context.globalAlpha = this.overlay.opacity;
    this.context.imageSmoothingEnabled = false; // its colours are classes; between them is none
    this.context.drawImage(
      this.picture, ...this.view.toScreen(x, y), width * this.view.scale, height * this.view.scale,
    );
    this.context.globalAlpha = 1;
  }

  paintPoint(point) {
    const path = new Path2D();
    path.arc(...this.view.toScreen(point.x, point.y), 6, 0, 2 * Math.PI);
    this.context.fillStyle = point.colour;
    this.context.fill(path);
    stroke(this.context, path, "rgba(20, 24, 26, .8)", 3.5, []);
    stroke(this.context, path, "#fff", 1.8, []);
  }

  hover(id) {
    if (this.hovered !== id) this.draw();
    this.hovered = id;
  }

  // Beside a place of the screen.
  say(place, title) {
    this.tip.textContent = title;
    this.tip.hidden = !title;
    if (!title) return;
    const right = place[0] > this.view.screen.width / 2;
    const low = place[1] > this.view.screen.height / 2;
    this.tip.style.transform = `translate(${place[0] + (right ? -14 : 14)}px, ${place[1] + (low ? -10 : 14)}px) ` +
      `translate(${right ? "-100%" : 0}, ${low ? "-100%" : 0})`;
  }

  describe(ready) {
    const { view, host } = this;
    const scale = scaleOf(view, this.image.um_per_px);
    this.length.style.width = `${scale.width}px`;
    this.length.textContent = scale.text;
    this.zoom.textContent = scale.zoom;
    this.bar.title = scale.title;
    this.why.textContent = this.tiles.trouble || this.lost;
    this.trouble.hidden = !this.why.textContent;
    host.dataset.view = [view.left, view.top, view.width, view.height].map((side) => side.toFixed(2)).join(" ");
    host.dataset.scale = view.scale;
    host.dataset.ready = String(ready);
  }
}

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  parentElement.__viewer ??= new Viewer(parentElement);
  parentElement.__viewer.update(data, setTriggerValue, setStateValue);
}
