// A scatter of items: zoomed, dragged, pointed at, and drawn round. Text from outside is only ever
// set as text, never as HTML. Numbers come as bytes from addresses that are fetched once.
const FEW = 12000; // points in view up to which each is a disc, and drawing keeps up with the hand
const CELLS = 256;
const PICTURED = 70; // points in view up to which, zoomed in, each shows its picture
const RINGED = 1500; // ticked points up to which each has a ring; of more, all others are faint
const REACH = 9; // pixels of the screen within which the pointer means a point
const HIDDEN = 1, FAINT = 2, TICKED = 4;

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement;
  const map = root.__points || (root.__points = makeMap(root));
  map.send = setTriggerValue;
  map.take(data);
  return () => map.leave();
}

function makeMap(root) {
  const map = {};
  let data = null, places = null, codes = null, marks = null, grid = null;
  let view = { x: 0, y: 0, scale: 1 };
  let tool = "look", line = null, held = null, hovered = -1, keyed = false;
  let off = new Set();
  let drawnView = null, waiting = 0, settling = 0, losses = 0;
  const kept = new Map(); // bytes by address
  const blocks = new Map(); // ids, a block each
  const pictures = new Map(); // thumbnails by point

  const box = make("div", "map");
  const stage = make("div", "stage");
  const base = make("canvas", "base");
  const above = make("canvas", "look");
  const tools = make("div", "tools");
  const note = make("div", "note");
  const peek = make("div", "peek");
  const legend = make("div", "legend");
  above.tabIndex = 0;
  above.setAttribute("role", "application");
  above.setAttribute("aria-label", "Map of the items. Arrow keys move it, plus and minus zoom, 0 shows all; " +
    "Enter asks for what is like the item in the middle; Escape ends a line.");
  legend.setAttribute("aria-label", "Legend");
  peek.hidden = true;
  stage.append(base, above, tools, note, peek);
  box.append(stage, legend);
  root.appendChild(box);

  const buttons = {};
  for (const [name, sign, title] of [
    ["look", "move", "Move the map (drag); click an item to find what is like it"],
    ["lasso", "Lasso", "Draw round items to choose them; with Shift in addition"],
    ["box", "box", "Draw a rectangle round items; with Shift in addition"],
  ]) buttons[name] = addButton(name, sign, title, () => setTool(name));
  tools.appendChild(make("span", "gap"));
  addButton("seen", "All in view", "Choose every item that is in view", () => choose(corners(), false));
  tools.appendChild(make("span", "gap"));
  addButton("in", "+", "Nearer (+)", () => zoom(1.5));
  addButton("out", "−", "Farther (−)", () => zoom(1 / 1.5));
  addButton("fit", "enlarge", "Show all (0)", fit);
  setTool("look");

  // --- what is shown -------------------------------------------------------------------------

  map.take = async (next) => {
    const before = data;
    data = next;
    box.style.setProperty("--height", data.height + "px");
    box.dataset.state = "loading";
    if (!before || before.colouring !== data.colouring) off = new Set();
    if (!before || before.places !== data.places) blocks.clear();
    try {
      const [one, two, three] = await Promise.all([data.places, data.codes, data.marks].map(bytes));
      if (data !== next) return; // something newer came meanwhile
      const anew = !before || before.places !== data.places || !places;
      places = new Float32Array(one);
      codes = new Int16Array(two);
      marks = new Uint8Array(three);
      if (anew) { grid = makeGrid(); pictures.clear(); hovered = -1; }
      drawLegend();
      if (anew) fit(); else draw();
      box.dataset.state = "ready";
    } catch (error) {
      if (data === next) { box.dataset.state = "lost"; lose(); }
    }
  };

  async function bytes(url) {
    if (!kept.has(url)) {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error("no longer kept");
      kept.set(url, await answer.arrayBuffer());
      while (kept.size > 12) kept.delete(kept.keys().next().value);
    }
    return kept.get(url);
  }

  function lose() {
    // Of what was lent the server keeps the newest; more than a few times in a row is another trouble.
    if (losses++ < 3) map.send("seen", { lost: true });
  }

  function count() { return places ? places.length / 2 : 0; }

  function state(point) {
    const code = codes[point];
    return off.has(code) ? HIDDEN : marks[point];
  }

  function makeGrid() {
    // Points by the cell they lie in, so that those in view or near the pointer are found at once.
    let [left, low, right, high] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let one = 0; one < places.length; one += 2) {
      left = Math.min(left, places[one]); right = Math.max(right, places[one]);
      low = Math.min(low, places[one + 1]); high = Math.max(high, places[one + 1]);
    }
    if (!(right > left)) { left -= 1; right += 1; }
    if (!(high > low)) { low -= 1; high += 1; }
    if (!Number.isFinite(left)) [left, low, right, high] = [-1, -1, 1, 1];
    const start = new Uint32Array(CELLS * CELLS + 1), order = new Uint32Array(count());
    const cell = (point) => CELLS * step(places[2 * point + 1], low, high) + step(places[2 * point], left, right);
    for (let point = 0; point < count(); point++) start[cell(point) + 1]++;
    for (let one = 0; one < CELLS * CELLS; one++) start[one + 1] += start[one];
    const next = start.slice();
    for (let point = 0; point < count(); point++) order[next[cell(point)]++] = point;
    return { left, low, right, high, start, order };
  }

  function step(value, from, to) {
    return Math.max(0, Math.min(CELLS - 1, Math.floor(((value - from) / (to - from)) * CELLS)));
  }

  function* within(left, low, right, high) {
    const [x0, x1] = [step(left, grid.left, grid.right), step(right, grid.left, grid.right)];
    const [y0, y1] = [step(low, grid.low, grid.high), step(high, grid.low, grid.high)];
    for (let row = y0; row <= y1; row++)
      for (let at = grid.start[row * CELLS + x0]; at < grid.start[row * CELLS + x1 + 1]; at++) yield grid.order[at];
  }

  // --- the view ------------------------------------------------------------------------------

  function size() { return [stage.clientWidth, stage.clientHeight]; }
  function toScreen(x, y) {
    const [width, height] = size();
    return [(x - view.x) * view.scale + width / 2, height / 2 - (y - view.y) * view.scale];
  }
  function toMap(x, y) {
    const [width, height] = size();
    return [(x - width / 2) / view.scale + view.x, (height / 2 - y) / view.scale + view.y];
  }
  function bounds() {
    const [width, height] = size();
    const [left, high] = toMap(0, 0), [right, low] = toMap(width, height);
    return [left, low, right, high];
  }
  function corners() {
    const [left, low, right, high] = bounds();
    return [[left, low], [right, low], [right, high], [left, high]];
  }

  function fit() {
    if (!grid) return;
    const [width, height] = size();
    if (!width) return;
    view = {
      x: (grid.left + grid.right) / 2, y: (grid.low + grid.high) / 2,
      scale: Math.min((width - 50) / (grid.right - grid.left), (height - 80) / (grid.high - grid.low)),
    };
    view.y += 14 / view.scale; // below the buttons
    view.whole = view.scale;
    view.least = view.scale / 3;
    view.most = view.scale * 2000;
    draw();
  }

  function zoom(by, x, y) {
    if (!grid) return;
    const [width, height] = size();
    const [sx, sy] = [x ?? width / 2, y ?? height / 2];
    const [mx, my] = toMap(sx, sy);
    view.scale = Math.max(view.least, Math.min(view.most, view.scale * by));
    const [nx, ny] = toMap(sx, sy);
    view.x += mx - nx;
    view.y += my - ny;
    moved();
  }

  function moved() {
    if (inView() <= FEW) { draw(); return; }
    // Many: the picture there is is moved along, and drawn anew when the hand rests.
    const [x, y] = toScreen(drawnView.x, drawnView.y), [width, height] = size();
    const by = view.scale / drawnView.scale;
    base.style.transform = `translate(${x - (by * width) / 2}px, ${y - (by * height) / 2}px) scale(${by})`;
    clearTimeout(settling);
    settling = setTimeout(draw, 120);
    drawAbove();
  }

  function inView() {
    const [left, low, right, high] = bounds();
    const [x0, x1] = [step(left, grid.left, grid.right), step(right, grid.left, grid.right)];
    let found = 0;
    for (let row = step(low, grid.low, grid.high); row <= step(high, grid.low, grid.high); row++)
      found += grid.start[row * CELLS + x1 + 1] - grid.start[row * CELLS + x0];
    return found;
  }

  // --- drawing -------------------------------------------------------------------------------

  function draw() {
    if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; drawNow(); });
  }

  function drawNow() {
    const [width, height] = size();
    if (!grid || !width) return;
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [base, above]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    base.style.transform = "";
    drawnView = { ...view };
    const pen = base.getContext("2d");
    pen.scale(ratio, ratio);
    const seen = [...within(...bounds())];
    const shown = seen.filter((point) => state(point) !== HIDDEN);
    const radius = shown.length > 60000 ? 1 : shown.length > FEW ? 1.4 : shown.length > 3000 ? 2.4 : shown.length > 600 ? 3.2 : 4;
    const ticked = shown.filter((point) => state(point) & TICKED), many = ticked.length > RINGED;
    const layers = [[], [], []]; // faint, nothing known, known: what is known is never hidden by what is not
    for (const point of shown) {
      const back = state(point) & FAINT || (many && !(state(point) & TICKED));
      layers[back ? 0 : codes[point] < 0 ? 1 : 2].push(point);
    }
    for (const [place, layer] of layers.entries()) {
      pen.globalAlpha = place === 0 ? 0.13 : place === 1 ? 0.6 : 0.9;
      drawLayer(pen, layer, radius);
    }
    pen.globalAlpha = 1;
    if (!many) drawTicked(pen, ticked, radius);
    const near = shown.length <= PICTURED && view.scale > 3.2 * view.whole;
    const spots = []; // of pictures, which may hide half of another but not all
    if (near) for (const point of shown) drawPicture(pen, point, spots);
    box.dataset.pictures = near ? shown.length : 0;
    box.dataset.shown = shown.length;
    box.dataset.ticked = ticked.length;
    box.dataset.view = [view.x, view.y, view.scale].join(" ");
    note.textContent = shown.length === count() ? `${count().toLocaleString("en")} items` :
      `${shown.length.toLocaleString("en")} of ${count().toLocaleString("en")} items in view`;
    drawAbove();
  }

  function drawLayer(pen, layer, radius) {
    const byCode = new Map();
    for (const point of layer) {
      const code = codes[point];
      if (!byCode.has(code)) byCode.set(code, []);
      byCode.get(code).push(point);
    }
    // Classes go frequent first, so that rare ones lie on top.
    for (const code of [...byCode.keys()].sort((one, other) => one - other)) {
      pen.fillStyle = colour(code);
      if (layer.length > FEW) {
        for (const point of byCode.get(code)) {
          const [x, y] = toScreen(places[2 * point], places[2 * point + 1]);
          pen.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
        }
        continue;
      }
      pen.beginPath();
      for (const point of byCode.get(code)) {
        const [x, y] = toScreen(places[2 * point], places[2 * point + 1]);
        pen.moveTo(x + radius, y);
        pen.arc(x, y, radius, 0, 2 * Math.PI);
      }
      pen.fill();
    }
  }

  function drawTicked(pen, ticked, radius) {
    pen.strokeStyle = style("--st-text-color");
    pen.lineWidth = 1.6;
    pen.beginPath();
    for (const point of ticked) {
      const [x, y] = toScreen(places[2 * point], places[2 * point + 1]);
      pen.moveTo(x + radius + 1.2, y);
      pen.arc(x, y, radius + 1.2, 0, 2 * Math.PI);
    }
    pen.stroke();
  }

  function drawPicture(pen, point, spots) {
    const [x, y] = toScreen(places[2 * point], places[2 * point + 1]);
    if (spots.some(([px, py]) => Math.abs(px - x) < 26 && Math.abs(py - y) < 26)) return;
    spots.push([x, y]);
    if (!pictures.has(point)) {
      if (pictures.size > 600) pictures.clear();
      const image = make("img");
      pictures.set(point, image);
      image.onload = draw;
      item(point).then((found) => { if (found) image.src = thumbnail(found); });
    }
    const image = pictures.get(point), kind = state(point);
    if (!image.complete || !image.naturalWidth) return;
    const by = 52 / Math.max(image.naturalWidth, image.naturalHeight);
    const [width, height] = [image.naturalWidth * by, image.naturalHeight * by];
    pen.globalAlpha = kind & FAINT ? 0.25 : 1;
    pen.drawImage(image, x - width / 2, y - height / 2, width, height);
    pen.lineWidth = kind & TICKED ? 4 : 2;
    pen.strokeStyle = kind & TICKED ? style("--st-primary-color") : colour(codes[point]);
    pen.strokeRect(x - width / 2, y - height / 2, width, height);
    pen.globalAlpha = 1;
  }

  function thumbnail([id, version]) {
    return `/pictures/${data.key}/thumbnail?` + new URLSearchParams({ id, v: version });
  }

  function drawAbove() {
    const ratio = window.devicePixelRatio || 1, pen = above.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, ...size());
    if (hovered >= 0) {
      const [x, y] = toScreen(places[2 * hovered], places[2 * hovered + 1]);
      pen.beginPath();
      pen.arc(x, y, 8, 0, 2 * Math.PI);
      pen.lineWidth = 2.5;
      pen.strokeStyle = style("--st-primary-color");
      pen.stroke();
    }
    if (keyed) {
      const [width, height] = size();
      pen.strokeStyle = style("--st-text-color");
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(width / 2 - 7, height / 2); pen.lineTo(width / 2 + 7, height / 2);
      pen.moveTo(width / 2, height / 2 - 7); pen.lineTo(width / 2, height / 2 + 7);
      pen.stroke();
    }
    if (!line || line.length < 2) return;
    pen.beginPath();
    for (const [x, y] of outline()) pen.lineTo(...toScreen(x, y));
    pen.closePath();
    pen.fillStyle = style("--st-primary-color") + "22";
    pen.fill();
    pen.lineWidth = 1.8;
    pen.strokeStyle = style("--st-primary-color");
    pen.stroke();
  }

  function outline() {
    if (tool !== "box") return line;
    const [[left, low], [right, high]] = [line[0], line[line.length - 1]];
    return [[left, low], [right, low], [right, high], [left, high]];
  }

  function colour(code) { return code < 0 ? data.unknown.colour : data.palette[code] || data.unknown.colour; }
  function style(name) { return getComputedStyle(box).getPropertyValue(name).trim() || "#888"; }

  function drawLegend() {
    const rows = [];
    const entries = data.legend.map((entry, code) => ({ ...entry, code }));
    if (data.unknown.count) entries.push({ ...data.unknown, code: -1 });
    if (data.span) {
      const ramp = make("div", "ramp"), ends = make("div", "ends");
      ramp.style.background = `linear-gradient(90deg, ${data.palette.join(",")})`;
      for (const end of data.span) ends.appendChild(make("span", "", end));
      rows.push(ramp, ends);
    }
    if (data.legend.length > 1) {
      const all = make("button", "all", off.size ? "Show all" : "Hide all");
      all.onclick = () => { off = off.size ? new Set() : new Set(entries.map((entry) => entry.code)); changed(); };
      rows.push(all);
    }
    for (const entry of entries) {
      const row = make("button", "entry");
      const dot = make("span", "dot");
      dot.style.background = colour(entry.code);
      row.append(dot, make("span", "name", entry.name), make("span", "count", entry.count.toLocaleString("en")));
      row.dataset.code = entry.code;
      row.title = `${entry.name}: ${entry.count.toLocaleString("en")}. Click to hide or show it; with Shift only it.`;
      row.setAttribute("aria-pressed", String(!off.has(entry.code)));
      row.onclick = (event) => {
        if (event.shiftKey) off = new Set(entries.map((one) => one.code).filter((code) => code !== entry.code));
        else if (off.has(entry.code)) off.delete(entry.code);
        else off.add(entry.code);
        changed();
      };
      rows.push(row);
    }
    legend.replaceChildren(...rows);
  }

  function changed() {
    const focused = root.activeElement?.dataset?.code;
    drawLegend();
    if (focused !== undefined) legend.querySelector(`[data-code="${focused}"]`)?.focus();
    hovered = -1;
    peek.hidden = true;
    draw();
  }

  // --- pointing ------------------------------------------------------------------------------

  function nearest(x, y) {
    if (!grid) return -1;
    const [left, high] = toMap(x - REACH, y - REACH), [right, low] = toMap(x + REACH, y + REACH);
    let best = -1, least = REACH * REACH, known = false;
    for (const point of within(left, low, right, high)) {
      const kind = state(point);
      if (kind === HIDDEN) continue;
      const [px, py] = toScreen(places[2 * point], places[2 * point + 1]);
      const far = (px - x) ** 2 + (py - y) ** 2, clear = !(kind & FAINT);
      if (far < least && (clear || !known) || (clear && !known && far < REACH * REACH)) [best, least, known] = [point, far, clear];
    }
    return best;
  }

  async function item(point) {
    const block = Math.floor(point / data.blockSize);
    if (!blocks.has(block)) blocks.set(block, bytes(data.ids[block]).then((text) => JSON.parse(new TextDecoder().decode(text))));
    try { return (await blocks.get(block))[point % data.blockSize]; }
    catch (error) { blocks.delete(block); lose(); return null; }
  }

  async function hover(point, x, y) {
    if (point === hovered && !peek.hidden) { placePeek(x, y); return; }
    hovered = point;
    above.classList.toggle("hit", point >= 0 && tool === "look");
    drawAbove();
    if (point < 0) { peek.hidden = true; delete box.dataset.hovered; return; }
    const found = await item(point);
    if (!found || hovered !== point) return;
    const [id] = found, image = make("img");
    image.alt = "";
    image.src = thumbnail(found);
    const name = make("div", "name"), dot = make("span", "dot");
    dot.style.background = colour(codes[point]);
    name.append(dot, make("span", "", valueOf(point)));
    peek.replaceChildren(image, name, make("div", "place", id));
    peek.hidden = false;
    box.dataset.hovered = id;
    placePeek(x, y);
  }

  function valueOf(point) {
    const code = codes[point];
    if (code < 0) return data.unknown.name;
    if (!data.span) return data.legend[code].name;
    return `about ${Number((data.low + ((code + 0.5) / data.palette.length) * (data.high - data.low)).toPrecision(3))}`;
  }

  function placePeek(x, y) {
    const [width, height] = size();
    peek.style.left = (x + 20 + 162 > width ? Math.max(4, x - 20 - 162) : x + 20) + "px";
    peek.style.top = Math.max(4, Math.min(height - 200, y - 90)) + "px";
  }

  async function open(point) {
    const found = await item(point);
    if (found) map.send("seen", { open: found[0] });
  }

  function choose(ring, add) {
    map.send("seen", { ring, add, off: [...off] });
  }

  function spot(event) {
    const edge = above.getBoundingClientRect();
    return [event.clientX - edge.left, event.clientY - edge.top];
  }

  above.onpointerdown = (event) => {
    if (event.button !== 0 || !grid) return;
    above.setPointerCapture(event.pointerId);
    keyed = false;
    const [x, y] = spot(event);
    held = { x, y, far: 0, draws: tool !== "look" };
    if (held.draws) line = [toMap(x, y)];
    else above.classList.add("held");
    hover(-1);
  };
  above.onpointermove = (event) => {
    if (!grid) return;
    const [x, y] = spot(event);
    if (!held) { keyed = false; hover(nearest(x, y), x, y); return; }
    const [dx, dy] = [x - held.x, y - held.y];
    held.far += Math.abs(dx) + Math.abs(dy);
    if (held.draws) {
      if (Math.abs(dx) + Math.abs(dy) < 3) return;
      line.push(toMap(x, y));
      drawAbove();
    } else {
      view.x -= dx / view.scale;
      view.y += dy / view.scale;
      moved();
    }
    held.x = x;
    held.y = y;
  };
  above.onpointerup = (event) => {
    if (!held) return;
    const { far, draws } = held, [x, y] = spot(event);
    held = null;
    above.classList.remove("held");
    const ring = draws && line.length > 1 ? outline() : null;
    line = null;
    drawAbove();
    if (ring && far > 8) choose(thinned(ring), event.shiftKey);
    else if (far < 5) { const point = nearest(x, y); if (point >= 0) open(point); }
  };
  above.onpointercancel = () => { held = null; line = null; above.classList.remove("held"); drawAbove(); };
  above.onpointerleave = () => { if (!held) hover(-1); };
  above.onwheel = (event) => {
    event.preventDefault();
    const [x, y] = spot(event);
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)), x, y);
  };
  above.ondblclick = (event) => event.preventDefault();
  above.onkeydown = (event) => {
    const [width, height] = size();
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    keyed = true;
    if (move) { view.x += (move[0] * 40) / view.scale; view.y += (move[1] * 40) / view.scale; moved(); }
    else if (event.key === "+" || event.key === "=") zoom(1.4);
    else if (event.key === "-") zoom(1 / 1.4);
    else if (event.key === "0") fit();
    else if (event.key === "Escape") { line = null; held = null; setTool("look"); }
    else if (event.key === "Enter") { const point = nearest(width / 2, height / 2); if (point >= 0) open(point); }
    else { keyed = false; return; }
    event.preventDefault();
    hover(nearest(width / 2, height / 2), width / 2, height / 2);
    drawAbove();
  };
  above.onblur = () => { keyed = false; if (places) drawAbove(); };

  function thinned(ring) {
    const step = Math.ceil(ring.length / 800);
    return ring.filter((_, place) => place % step === 0);
  }

  function setTool(name) {
    tool = name;
    for (const one of Object.keys(buttons)) buttons[one].setAttribute("aria-pressed", String(one === name));
    above.className = name;
  }

  function addButton(name, sign, title, act) {
    const button = make("button");
    button.append(signOf(sign));
    button.dataset.tool = name;
    button.title = title;
    button.setAttribute("aria-label", title);
    button.onclick = act;
    tools.appendChild(button);
    return button;
  }

  function make(tag, name, text) {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  const resized = new ResizeObserver(() => {
    if (!grid) return;
    if (view.least === undefined) fit(); else draw();
  });
  resized.observe(stage);
  map.leave = () => {};
  return map;
}
