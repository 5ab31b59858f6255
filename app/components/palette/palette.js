// Classes of a map. Text from outside is only ever set as text, never as HTML.
export default function ({ parentElement, data, setStateValue }) {
  let state = parentElement.__palette;
  if (!state) state = parentElement.__palette = build(parentElement);
  state.send = (act, name, value = "") => {
    state.steps.add({ act, name, value }, setStateValue);
    if (act === "choose") choose(state, name); // what is clicked next is of it
  };
  state.steps.taken(data.taken);
  const waiting = state.steps.waiting.findLast((one) => one.act === "choose");
  state.data = data = waiting ? { ...data, active: waiting.name } : data;

  const words = JSON.stringify(data.suggestions);
  if (state.words !== words) {
    state.words = words;
    state.list.replaceChildren(...data.suggestions.map((word) => {
      const option = document.createElement("option");
      option.value = word;
      return option;
    }));
  }
  state.host.classList.toggle("stale", data.stale);
  const seen = JSON.stringify([data.rows, data.active]);
  if (state.seen !== seen) {
    state.seen = seen;
    const rows = data.rows.map((row, place) => draw(state, row, place));
    if (!rows.length) rows.push(make("div", "none", "Name a class, then click where you see it."));
    state.rows.replaceChildren(...rows);
    if (state.active !== data.active) state.rows.querySelector(".active")?.scrollIntoView({ block: "nearest" });
    state.active = data.active;
  }
  return () => document.removeEventListener("keydown", state.keys);
}

function build(root) {
  const state = { host: make("div", "palette"), rows: make("div", "rows"), list: make("datalist"), steps: new Steps() };
  state.rows.setAttribute("role", "listbox");
  state.rows.setAttribute("aria-label", "Classes");
  const form = make("form", "add");
  const input = make("input");
  input.placeholder = "Add a class …";
  input.setAttribute("aria-label", "Add a class");
  input.maxLength = 80;
  state.list.id = "names";
  input.setAttribute("list", "names");
  const button = make("button", "", "Add");
  form.append(input, button);
  form.onsubmit = (event) => {
    event.preventDefault();
    if (input.value.trim()) state.send("add", input.value);
    input.value = "";
  };
  state.host.append(state.rows, form, state.list);
  root.append(state.host);
  state.keys = (event) => {
    const at = event.composedPath()[0];
    const typing = at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName);
    const row = state.data.rows[Number(event.key) - 1];
    if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && row && state.host.isConnected)
      state.send("choose", row.name);
  };
  document.addEventListener("keydown", state.keys);
  return state;
}

function choose(state, name) {
  state.data = { ...state.data, active: name };
  state.active = name;
  state.seen = JSON.stringify([state.data.rows, name]); // a row that is being renamed stays
  for (const box of state.rows.children) {
    box.classList.toggle("active", box.dataset.name === name);
    box.setAttribute("aria-selected", String(box.dataset.name === name));
  }
}

function draw(state, row, place) {
  const box = make("div", "row" + (row.name === state.data.active ? " active" : ""));
  box.tabIndex = 0;
  box.dataset.name = row.name;
  box.setAttribute("role", "option");
  box.setAttribute("aria-selected", String(row.name === state.data.active));
  box.title = row.title || (place < 9 ? `Key ${place + 1}. Double click: rename` : "Double click: rename");
  const swatch = make("label", "swatch");
  swatch.style.background = row.colour;
  const colour = make("input");
  colour.type = "color";
  colour.value = row.colour;
  colour.setAttribute("aria-label", `Colour of ${row.name}`);
  colour.onchange = () => state.send("colour", row.name, colour.value);
  swatch.append(colour);
  swatch.onclick = (event) => event.stopPropagation();
  const name = make("span", "name", row.name);
  const counted = make("span", "clicks", row.clicks === 1 ? "1 click" : `${row.clicks} clicks`);
  const amount = row.percent === null ? counted : make("span", "amount", `${row.percent.toFixed(1)} %`);
  const remove = make("button", "remove", "×");
  remove.title = "Take this class and its clicks away";
  remove.setAttribute("aria-label", `Remove ${row.name}`);
  remove.onclick = (event) => { event.stopPropagation(); state.send("remove", row.name); };
  box.append(swatch, name, amount, remove);
  if (row.percent !== null) {
    const share = make("div", "share");
    const part = make("i");
    part.style.width = `${Math.min(100, row.percent)}%`;
    part.style.background = row.colour;
    share.append(part);
    const details = make("span", "details");
    if (row.detail) details.append(make("span", "detail", row.detail));
    details.append(counted);
    box.append(share, details);
  }
  box.onclick = () => { if (row.name !== state.data.active) state.send("choose", row.name); };
  box.ondblclick = () => rename(state, row, name);
  box.onkeydown = (event) => {
    if (event.target !== box) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); state.send("choose", row.name); }
    if (event.key === "F2") rename(state, row, name);
    if (event.key === "Delete") state.send("remove", row.name);
  };
  return box;
}

function rename(state, row, name) {
  const input = make("input", "edit");
  input.value = row.name;
  input.maxLength = 80;
  input.setAttribute("aria-label", `New name of ${row.name}`);
  let over = false;
  const end = (keep) => {
    if (over) return;
    over = true;
    if (keep && input.value.trim() && input.value.trim() !== row.name) state.send("rename", row.name, input.value);
    input.replaceWith(name);
  };
  input.onclick = (event) => event.stopPropagation();
  input.ondblclick = (event) => event.stopPropagation();
  input.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") end(false);
  };
  input.onblur = () => end(true);
  name.replaceWith(input);
  input.focus();
  input.select();
}

function make(kind, className = "", text = "") {
  const made = document.createElement(kind);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
