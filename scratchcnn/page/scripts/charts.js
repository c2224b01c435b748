// Lines over the steps or epochs of a training.

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Lines over steps or epochs, with a scale on the left and a name for each line. While a training runs, `until` is its last
// step; `range` is that of the scale, by default from the smallest value to the largest.
function buildChart(element) {
  const { title, across, steps, logarithmic, until, range, ...chart } = JSON.parse(element.dataset.chart);
  const lines = Object.entries(chart.lines).map(([name, values]) => ({ name, values }));
  const isShown = (value) => value !== null && (!logarithmic || value > 0);
  const scale = (value) => (logarithmic ? Math.log10(value) : value);
  const [low, high] = range ?? rangeOf(lines.flatMap((line) => line.values.filter(isShown).map(scale)));
  const [first, last] = rangeOf(until ? [...steps, until] : steps);
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
