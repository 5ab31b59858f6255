// A legend. Text from outside is only ever set as text, never as HTML.
export default function ({ parentElement, data, setTriggerValue }) {
  const list = parentElement.__legend ??= parentElement.appendChild(document.createElement("ul"));
  list.className = "legend";
  list.style.maxHeight = `${data.height}px`;
  const drawn = JSON.stringify(data);
  if (list.drawn === drawn) return;
  const kept = list.drawn ? parentElement.activeElement?.dataset.name : undefined;
  list.drawn = drawn;
  const hidden = new Set(data.hidden);
  const names = data.entries.map((entry) => entry.name);
  list.replaceChildren(...data.entries.map(line));
  if (kept !== undefined) [...list.querySelectorAll(".entry")].find((one) => one.dataset.name === kept)?.focus();

  function line(entry) {
    const shown = !hidden.has(entry.name);
    const button = make("button", "entry");
    button.dataset.name = entry.name;
    button.setAttribute("aria-pressed", String(shown));
    button.title = shown ? "Hide" : "Show";
    const swatch = make("span", "swatch");
    swatch.style.setProperty("--colour", entry.colour);
    button.append(swatch, make("span", "name", entry.title || entry.name), make("span", "count", entry.count.toLocaleString("en")));
    button.onclick = () => say(names.filter((name) => hidden.has(name) !== (name === entry.name)));
    const alone = shown && hidden.size === names.length - 1;
    const only = make("button", "only", alone ? "all" : "only");
    only.onclick = () => say(alone ? [] : names.filter((name) => name !== entry.name));
    const item = make("li", "");
    item.append(button, only);
    return item;
  }

  function say(all) {
    setTriggerValue("hidden", all);
  }

  function make(tag, name, text) {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    return node;
  }
}
