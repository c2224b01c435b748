// Maps over the image, and lines over the steps of a training.

function buildMap(figure) {
  const { values: name, height, width, overImage, rows, columns, first } = figure.dataset;
  const values = arrayOf(name), readout = figure.querySelector(".readout");
  const limit = largestSize(values);
  const report = (index) => {
    const [row, column] = [Math.floor(index / width), index % width];
    readout.textContent = minus(`${rows} ${row + Number(first)}, ${columns} ${column + Number(first)}: ${brief(values[index])}`);
  };
  const sheet = new Sheet(figure.querySelector("canvas"), {
    shape: [Number(height), Number(width), 1], values, limit, tall: 300, most: 32,
    chosen: overImage === "1" ? placeOfLargest(values) : (values.length - 1) / 2,
    select(index) { sheet.chosen = index; sheet.draw(); report(index); }, hover: (index) => report(index ?? sheet.chosen),
    over: overImage === "1" ? drawOutline : null,
  });
  sheet.draw(Math.min(260, figure.parentElement.clientWidth));
  report(sheet.chosen);
  drawLegend(figure.querySelector(".legend"), limit, values, null);
  redrawn.add(sheet);
}

// The outline of what is bright in the image.
function drawOutline(context, scale, start) {
  const [height, width, channels] = page.input.shape;
  const values = arrayOf(page.input.array);
  const [low, high] = rangeOf(values);
  const bright = (row, column) => row >= 0 && row < height && column >= 0 && column < width && values[(row * width + column) * channels] > (low + high) / 2;
  context.fillStyle = isDark() ? "#ffffff" : "#000000";
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [x, y, edge] = [start + column * scale, start + row * scale, Math.max(1, scale / 6)];
      if (bright(row, column) !== bright(row - 1, column)) context.fillRect(x, y, scale, edge);
      if (bright(row, column) !== bright(row, column - 1)) context.fillRect(x, y, edge, scale);
    }
  }
}

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Lines over steps or epochs, with a scale on the left and a name for each line.
function buildChart(element) {
  const { title, across, steps, logarithmic, ...chart } = JSON.parse(element.dataset.chart);
  const lines = Object.entries(chart.lines).map(([name, values]) => ({ name, values }));
  const isShown = (value) => value !== null && (!logarithmic || value > 0);
  const scale = (value) => (logarithmic ? Math.log10(value) : value);
  const [low, high] = rangeOf(lines.flatMap((line) => line.values.filter(isShown).map(scale)));
  const [first, last] = rangeOf(steps);
  const x = (step) => 52 + (last > first ? ((step - first) / (last - first)) * 420 : 210);
  const y = (value) => 12 + (high > low ? (1 - (scale(value) - low) / (high - low)) * 176 : 88);
  const drawing = svg("svg", { viewBox: "0 0 490 236", role: "img", "aria-label": `${title} over the ${across}s: ${lines.map((line) => `${line.name} from ${brief(line.values[0])} to ${brief(line.values.at(-1))}`).join("; ")}` });
  for (const share of [0, 0.5, 1]) {
    const value = low + share * (high - low);
    const top = 12 + (1 - share) * 176;
    drawing.append(svg("line", { x1: 52, x2: 472, y1: top, y2: top, class: "grid" }), svg("text", { x: 46, y: top + 4, class: "tick end" }, brief(logarithmic ? 10 ** value : value)));
  }
  for (const step of new Set([first, last])) drawing.append(svg("text", { x: x(step), y: 208, class: "tick middle" }, String(step)));
  drawing.append(svg("text", { x: 262, y: 226, class: "tick middle" }, across));
  lines.forEach((line, i) => {
    const points = line.values.map((value, at) => [steps[at], value]).filter(([, value]) => isShown(value));
    drawing.append(svg("polyline", { points: points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" "), class: `line line-${i}` }));
    if (points.length < 40) points.forEach(([step, value]) => drawing.append(svg("circle", { cx: x(step), cy: y(value), r: 2.5, class: `dot line-${i}` })));
  });
  const key = make("p", { class: "key" });
  lines.forEach((line, i) => key.append(make("span", { class: `key-${i}` }, line.name)));
  element.append(drawing, key);
}
