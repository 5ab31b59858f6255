// The pixels of an image: Deep Zoom tiles, asked for as they come into view, kept while there is room.
const KEPT_TILES = 384; // of 256 × 256 × 4 bytes: 100 MB
const AT_ONCE = 4; // a browser has six connections to a server; thumbnails want some
const SOFT = 1.25; // a tile is enlarged so much before finer ones are asked for

class Tiles {
  constructor(image, changed) {
    this.image = image;
    this.changed = changed;
    this.kept = new Map(); // key -> ImageBitmap, used longest ago first
    this.coming = new Map(); // key -> AbortController
    this.failed = new Map(); // key -> why
    this.wanted = [];
  }

  get trouble() {
    return this.failed.size ? [...this.failed.values()].at(-1) : "";
  }

  stop() {
    this.stopped = true;
    for (const control of this.coming.values()) control.abort();
    for (const bitmap of this.kept.values()) bitmap.close();
    this.kept.clear();
  }

  again() {
    this.failed.clear();
    this.changed();
  }

  // Draw what is in view, and ask for what is missing. True when all of it is there.
  draw(context, view, ratio) {
    const places = this.places(view, ratio);
    const missing = this.paint(context, view, ratio);
    const middle = [view.x, view.y];
    places.sort((one, other) => this.distance(one, middle) - this.distance(other, middle));
    this.ask([...this.inView(this.smallest, view), ...places]);
    return missing === 0;
  }

  // At the level whose tiles are shown at about their size.
  places(view, ratio) {
    const finest = this.image.levels - 1;
    const level = clamp(Math.ceil(finest + Math.log2(view.scale * ratio / SOFT)), 0, finest);
    return this.inView(level, view);
  }

  // Draw what is there; how many tiles are to come.
  paint(context, view, ratio) {
    let missing = 0;
    context.imageSmoothingEnabled = view.scale * ratio < 4; // above, one wants to see the pixels
    context.imageSmoothingQuality = "high";
    for (const place of this.places(view, ratio)) {
      const bitmap = this.use(key(place));
      const box = this.onScreen(place, view, ratio);
      if (bitmap) context.drawImage(bitmap, ...box);
      else {
        if (!this.failed.has(key(place))) missing += 1;
        this.drawCoarser(context, place, box, view, ratio);
      }
    }
    return missing;
  }

  // The level that is one tile; it stands in for all others until they come.
  get smallest() {
    const { width, height, levels, tile_px: side } = this.image;
    return Math.max(0, levels - 1 - Math.ceil(Math.log2(Math.max(1, Math.max(width, height) / side))));
  }

  side(level) {
    return this.image.tile_px * 2 ** (this.image.levels - 1 - level); // pixels of the image
  }

  inView(level, view) {
    const side = this.side(level);
    const { width, height } = this.image;
    const last = [Math.ceil(width / side) - 1, Math.ceil(height / side) - 1];
    const first = [view.left, view.top].map((edge) => Math.max(0, Math.floor(edge / side)));
    const end = [view.left + view.width, view.top + view.height];
    const places = [];
    for (let row = first[1]; row <= Math.min(last[1], Math.floor(end[1] / side)); row++)
      for (let column = first[0]; column <= Math.min(last[0], Math.floor(end[0] / side)); column++)
        places.push([level, column, row]);
    return places;
  }

  // Edges are rounded to pixels of the device, alike for tiles that meet: no seam is between them.
  onScreen([level, column, row], view, ratio) {
    const side = this.side(level);
    const edge = (place, most, from) =>
      Math.round((Math.min(place * side, most) - from) * view.scale * ratio);
    const [left, right] = [0, 1].map((step) => edge(column + step, this.image.width, view.left));
    const [top, bottom] = [0, 1].map((step) => edge(row + step, this.image.height, view.top));
    return [left, top, right - left, bottom - top];
  }

  drawCoarser(context, [level, column, row], box, view, ratio) {
    for (let up = 1; up <= level; up++) {
      const place = [level - up, column >> up, row >> up];
      const bitmap = this.use(key(place));
      if (!bitmap) continue;
      const outer = this.onScreen(place, view, ratio);
      const [across, down] = [bitmap.width / outer[2], bitmap.height / outer[3]];
      const from = [(box[0] - outer[0]) * across, (box[1] - outer[1]) * down];
      context.drawImage(bitmap, ...from, box[2] * across, box[3] * down, ...box);
      return;
    }
  }

  distance([level, column, row], [x, y]) {
    const side = this.side(level);
    return Math.hypot((column + 0.5) * side - x, (row + 0.5) * side - y);
  }

  use(name) {
    const bitmap = this.kept.get(name);
    if (bitmap) {
      this.kept.delete(name);
      this.kept.set(name, bitmap);
    }
    return bitmap;
  }

  ask(places) {
    const names = new Set(places.map(key));
    for (const [name, control] of this.coming) if (!names.has(name)) control.abort();
    this.wanted = places.filter((place) => !this.kept.has(key(place)) && !this.failed.has(key(place)));
    this.next();
  }

  next() {
    for (const place of this.wanted) {
      if (this.coming.size >= AT_ONCE || this.stopped) return;
      if (!this.coming.has(key(place)) && !this.kept.has(key(place))) this.fetch(place);
    }
  }

  async fetch(place) {
    const name = key(place);
    const control = new AbortController();
    this.coming.set(name, control);
    try {
      const [level, column, row] = place;
      const address = `${this.image.tiles}&level=${level}&column=${column}&row=${row}`;
      const answer = await fetch(address, { signal: control.signal });
      if (answer.ok) this.keep(name, await createImageBitmap(await answer.blob()));
      else this.failed.set(name, (await answer.json()).error);
    } catch (error) {
      if (!control.signal.aborted) this.failed.set(name, `This part cannot be shown (${error.message}).`);
    } finally {
      this.coming.delete(name);
    }
    if (!this.stopped) {
      this.changed();
      this.next();
    }
  }

  keep(name, bitmap) {
    if (this.stopped) return bitmap.close();
    this.kept.set(name, bitmap);
    for (const [old, unused] of this.kept) {
      if (this.kept.size <= KEPT_TILES) break;
      unused.close();
      this.kept.delete(old);
    }
  }
}

function key(place) {
  return place.join(",");
}
