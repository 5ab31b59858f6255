// Signs of buttons, drawn, for no font is sure to have them; in front of every component's script.
const SIGNS = {
  enlarge: "M9.5 2.5h4v4M13.5 2.5l-4.5 4.5M6.5 13.5h-4v-4M2.5 13.5l4.5-4.5",
  slide: "M8 1.5v3M8 11.5v3M1.5 8h3M11.5 8h3M8 4.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7",
  move: "M8 2v12M2 8h12M6 4l2-2 2 2M6 12l2 2 2-2M4 6l-2 2 2 2M12 6l2 2-2 2",
  box: "M2.5 4h11v8h-11z",
};

// The sign of a name, or the name itself where there is none: letters, "+".
function signOf(name) {
  if (!Object.hasOwn(SIGNS, name)) return name;
  const space = "http://www.w3.org/2000/svg";
  const sign = document.createElementNS(space, "svg");
  sign.setAttribute("viewBox", "0 0 16 16");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", SIGNS[name]);
  sign.append(line);
  return sign;
}
