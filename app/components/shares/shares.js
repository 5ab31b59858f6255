// Counts as parts of one bar. Text from outside is only ever set as text.
const NAMED = 6;

export default function ({ parentElement, data }) {
  const root = parentElement;
  const box = root.__shares || (root.__shares = make("div", "shares"));
  if (!box.parentNode) root.appendChild(box);
  const total = data.parts.reduce((sum, part) => sum + part.count, 0) || 1;
  const said = (part) => `${part.name}: ${part.count} of ${total} (${Math.round((100 * part.count) / total)} %)`;

  const bar = make("div", "bar");
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", `${data.title}: ${data.parts.map(said).join(", ")}`);
  const legend = make("div", "legend");
  for (const [place, part] of data.parts.entries()) {
    const piece = make("span", "piece");
    piece.style.flexGrow = part.count;
    piece.style.background = part.colour;
    piece.title = said(part);
    bar.appendChild(piece);
    if (place >= NAMED) continue;
    const entry = make("span", "entry");
    entry.title = said(part);
    const dot = make("span", "dot");
    dot.style.background = part.colour;
    entry.append(dot, make("span", "name", part.name), make("span", "count", String(part.count)));
    legend.appendChild(entry);
  }
  const rest = data.parts.slice(NAMED);
  if (rest.length) {
    const entry = make("span", "entry", `and ${rest.length} more`);
    entry.title = rest.map(said).join("\n");
    legend.appendChild(entry);
  }
  box.replaceChildren(bar, legend);

  function make(tag, name, text) {
    const node = document.createElement(tag);
    node.className = name;
    if (text !== undefined) node.textContent = text;
    return node;
  }
}
