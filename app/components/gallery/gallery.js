// A gallery of thumbnails. Text from outside is only ever set as text, never as HTML.

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  const root = parentElement;
  let state = root.__gallery;
  if (!state) {
    state = root.__gallery = { chosen: new Set(), last: null, cards: [], sent: 0, steps: new Steps() };
    state.grid = document.createElement("div");
    state.grid.className = "grid";
    state.grid.setAttribute("role", "list");
    root.appendChild(state.grid);
    window.addEventListener("keydown", (event) => state.grid.isConnected && state.press(event), true);
  }
  state.steps.taken(data.taken);
  const choosable = data.chosen !== null;
  // Of a run that does not know the last tick yet, what it says of ticks is out of date.
  if (data.answered >= state.sent) {
    state.chosen = new Set(data.chosen || []);
    state.sent = data.answered;
  }
  state.keep = setStateValue;
  state.send = setTriggerValue;
  state.press = press;
  state.grid.style.setProperty("--side", data.side + "px");

  const drawn = JSON.stringify([data.cards, data.actions, choosable, data.openTitle, data.clickTicks]);
  if (state.drawn !== drawn) {
    state.drawn = drawn;
    state.last = null;
    state.cards = data.cards.map((card, place) => draw(card, place));
    state.grid.replaceChildren(...state.cards);
  }
  mark();

  function draw(card, place) {
    const box = make("div", "card");
    box.tabIndex = 0;
    box.dataset.id = card.id;
    box.setAttribute("role", "listitem");
    box.setAttribute("aria-label", card.label || "no label");
    box.title = card.title;
    const frame = make("div", "frame");
    const image = make("img");
    image.loading = place < 60 ? "eager" : "lazy";
    image.decoding = "async";
    image.draggable = false;
    image.alt = card.label || card.id;
    image.src = card.src;
    frame.appendChild(image);
    frame.onclick = (event) => {
      if (choosable && (data.clickTicks || event.shiftKey || event.ctrlKey || event.metaKey)) choose(place, event.shiftKey);
      else done("open", card.id);
    };
    if (card.mark) frame.appendChild(make("span", "mark", card.mark));
    if (choosable) {
      const tick = make("button", "tick", "✓");
      tick.title = "Choose (Shift: a range)";
      tick.tabIndex = -1;
      tick.onclick = (event) => { event.stopPropagation(); choose(place, event.shiftKey); };
      frame.appendChild(tick);
    }
    const actions = make("span", "actions");
    for (const action of data.actions) {
      const button = make("button");
      button.append(signOf(action.sign));
      button.setAttribute("aria-label", action.title);
      button.title = action.title;
      button.dataset.action = action.name;
      button.onclick = (event) => { event.stopPropagation(); done(action.name, card.id); };
      actions.appendChild(button);
    }
    if (data.actions.length) frame.appendChild(actions);
    box.appendChild(frame);
    const caption = make("div", "caption");
    if (card.colour) {
      const dot = make("span", "dot");
      dot.style.background = card.colour;
      caption.appendChild(dot);
    }
    const look = !card.label ? "label none" : card.faint ? "label faint" : "label";
    caption.appendChild(make("span", look, card.label || "no label"));
    if (card.note) caption.appendChild(make("span", "note", card.note));
    box.appendChild(caption);
    if (card.hint) box.appendChild(make("div", "hint", card.hint));
    box.onkeydown = (event) => key(event, place, card.id);
    return box;
  }

  function key(event, place, id) {
    if (event.target.tagName === "BUTTON") return;
    const columns = getComputedStyle(state.grid).gridTemplateColumns.split(" ").length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step !== undefined) state.cards[place + step]?.focus();
    else if (event.key === " " && choosable) choose(place, event.shiftKey);
    else if (event.key === "Enter") done("open", id);
    else return;
    event.preventDefault();
  }

  // A key means what is ticked now: that goes with it, and what is ticked from here on does not.
  function press(event) {
    const at = event.composedPath()[0];
    const typing = at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName);
    const does = data.keys[event.key.toLowerCase()];
    if (!does || typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("[role=dialog]")) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // the button of the same key is for the pointer
    const shown = state.cards.map((card) => card.dataset.id);
    const ids = shown.filter((one) => state.chosen.has(one));
    state.sent += 1;
    state.steps.add({ does, ids, shown, ticks: state.sent }, state.keep);
    state.chosen.clear();
    mark();
  }

  function choose(place, range) {
    const id = state.cards[place].dataset.id;
    const on = !state.chosen.has(id);
    let places = [place];
    if (range && state.last !== null) {
      const [low, high] = [Math.min(place, state.last), Math.max(place, state.last)];
      places = Array.from({ length: high - low + 1 }, (_, step) => low + step);
    }
    for (const one of places) {
      const other = state.cards[one].dataset.id;
      if (on || range) state.chosen.add(other);
      else state.chosen.delete(other);
    }
    state.last = place;
    mark();
    state.sent += 1;
    const ids = state.cards.map((card) => card.dataset.id).filter((one) => state.chosen.has(one));
    state.keep("chosen", { number: state.sent, ids });
  }

  function mark() {
    state.grid.classList.toggle("choosing", state.chosen.size > 0);
    for (const card of state.cards) card.classList.toggle("chosen", state.chosen.has(card.dataset.id));
  }

  function done(action, id) {
    state.send("done", { action, id });
  }

  function make(tag, name, text) {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    return node;
  }
}
