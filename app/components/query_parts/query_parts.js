// The parts of a query, and what is dropped or pasted. Text from outside is only ever set as text.
const PICTURE = /^image\/|^$/; // slides have no type that browsers know

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement;
  let state = root.__parts;
  if (!state) {
    state = root.__parts = {};
    state.row = make("div", "row");
    root.appendChild(state.row);
  }
  state.send = setTriggerValue;
  state.maxMb = data.maxMb;
  if (!state.paste) {
    state.paste = (event) => {
      const files = [...(event.clipboardData?.files || [])];
      if (!files.length) return; // text goes where the cursor is
      event.preventDefault();
      take(files);
    };
    document.addEventListener("paste", state.paste);
  }
  state.tile = tile(data.cards.length === 0);
  state.row.replaceChildren(...data.cards.map(card), state.tile);

  return () => {
    document.removeEventListener("paste", state.paste);
    state.paste = null;
  };

  function card(part, place) {
    const box = make("div", part.trouble ? "part trouble" : part.less ? "part less" : "part");
    box.title = part.trouble || part.title;
    const frame = make("div", "frame");
    if (part.src) {
      const image = make("img");
      image.src = part.src;
      image.alt = part.title;
      image.draggable = false;
      image.onclick = () => part.trouble || state.send("done", { action: "region", place });
      frame.appendChild(image);
    } else frame.appendChild(make("span", "blank", "?"));
    frame.appendChild(button("remove", "×", `Take ${part.title} out of the query`, place));
    if (!part.trouble) {
      const said = part.less ? "Less like this; click for more" : "More like this; click for less";
      frame.appendChild(button("flip", part.less ? "−" : "+", said, place));
      const draw = button("region", "", "Look closer, or draw a region to look for", place);
      draw.appendChild(corners());
      frame.appendChild(draw);
      if (part.weight) {
        const counted = `Counts ${part.weight} beside the others; click to change`;
        const weigh = button("weigh", part.weight, counted, place);
        weigh.classList.toggle("once", part.weight === "1×");
        frame.appendChild(weigh);
      }
    }
    box.append(frame, make("div", "name", part.title.slice(part.title.lastIndexOf("/") + 1)));
    return box;
  }

  function button(action, sign, title, place) {
    const node = make("button", action, sign);
    node.title = title;
    node.setAttribute("aria-label", title);
    node.dataset.action = action;
    node.onclick = () => state.send("done", { action, place });
    return node;
  }

  function corners() {
    // Drawn, for no font of every machine has the sign.
    const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    picture.setAttribute("viewBox", "0 0 12 12");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", "M1 4V1h3M8 1h3v3M11 8v3H8M4 11H1V8");
    picture.appendChild(line);
    return picture;
  }

  function tile(alone) {
    const node = make("div", alone ? "tile alone" : "tile");
    node.appendChild(make("span", "sign", "+"));
    node.appendChild(make("span", "words", "Drop or paste an image"));
    node.ondragover = (event) => { event.preventDefault(); node.classList.add("over"); };
    node.ondragleave = () => node.classList.remove("over");
    node.ondrop = (event) => {
      event.preventDefault();
      node.classList.remove("over");
      take([...event.dataTransfer.files]);
    };
    return node;
  }

  async function take(files) {
    const wanted = files.filter((file) => PICTURE.test(file.type));
    if (!wanted.length) return say("That is no image.");
    const large = wanted.find((file) => file.size > state.maxMb * 1048576);
    if (large) return say(`More than ${state.maxMb} MiB: use Upload.`);
    say("Sending …");
    try {
      const sent = [];
      for (const file of wanted) sent.push({ name: file.name || "pasted image", data: await bytes(file) });
      state.send("files", sent);
    } catch (error) {
      say("It could not be read.");
    }
  }

  function bytes(file) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(file);
    });
  }

  function say(line) {
    state.tile.querySelector(".words").textContent = line;
  }

  function make(tag, name, text) {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    return node;
  }
}
