// How large what is seen is: a bar of a round length, and the size of a pixel of the screen.
const LONGEST = 150; // screen pixels
const OBJECTIVE = 10; // µm: an objective of power 10 has pixels of about 1 µm, one of 40 of 0.25

// The longest of 1, 2, 5 × 10ⁿ that is not above.
function roundBelow(length) {
  const ten = 10 ** Math.floor(Math.log10(length));
  return [5, 2, 1].find((step) => step * ten <= length * (1 + 1e-9)) * ten;
}

function lengthText(um) {
  if (um >= 10000 - 1e-6) return `${digits(um / 10000)} cm`;
  if (um >= 1000 - 1e-6) return `${digits(um / 1000)} mm`;
  return um >= 1 - 1e-9 ? `${digits(um)} µm` : `${digits(um * 1000)} nm`;
}

function digits(number, count = 3) {
  return String(Number(number.toPrecision(count)));
}

// {width, text, zoom, title} of the bar and of the read-out beside it.
function scaleOf(view, umPerPx) {
  const unit = (umPerPx ?? 1) / view.scale; // µm, or pixels of the image, a pixel of the screen
  const length = roundBelow(LONGEST * unit);
  const percent = `${digits(view.scale * 100)} %`;
  if (umPerPx === null || umPerPx === undefined) {
    return {
      width: length / unit, text: `${digits(length)} px`, zoom: percent,
      title: "The size of a pixel of this image is not known; it can be given when it is indexed.",
    };
  }
  return {
    width: length / unit, text: lengthText(length),
    zoom: `${digits(unit)} µm/px · ≈ ${digits(OBJECTIVE / unit, 2)}×`,
    title: `A pixel of the screen is ${digits(unit)} µm, about as with an objective of power ` +
      `${digits(OBJECTIVE / unit, 2)}; the image is shown at ${percent} of its size`,
  };
}
