// The stations of a training step: what each of them shows for the chosen weight, with its formula and its numbers.

const worked = (value) => digits(value, 5);
const inBrackets = (value) => (value < 0 ? `(${worked(value)})` : worked(value));
// A probability near 1 with as many digits as its distance from 1 needs.
const workedProbability = (p) => digits(p, Math.min(16, 5 + Math.max(0, Math.floor(-Math.log10(1 - p)))));
const grows = (change) => change > 0;

// A line of the calculation: what it is, its formula, the formula with numbers, and the result.
function workedLine(what, formula, filledIn, value, name, words = worked) {
  const result = make("strong", { data: { name, value: String(value) } }, words(value));
  return make("div", { class: "worked" }, make("span", { class: "worked-what" }, what), make("span", { class: "worked-formula" }, formula),
    make("span", { class: "worked-numbers" }, filledIn ? `${filledIn} = ` : "= ", result));
}

const STATIONS = [
  { title: "Forward", show: (numbers) => showForward(numbers) },
  { title: "Loss", show: (numbers) => showLoss(numbers) },
  { title: "Backward", show: (numbers) => showBackward(numbers) },
  { title: () => (page.optimizer.name === "sgd" ? "SGD" : "Adam"), show: (numbers, guess, answer) => showUpdate(numbers, guess, answer) },
  { title: "Forward again", show: (numbers) => showAgain(numbers) },
];

const titleOfStation = ({ title }) => (typeof title === "string" ? title : title());

// The filter that contains the weight, of one channel; `values` are the weights, their gradients or changes.
function filterMatrix({ parameter: { step, type, name, shape }, position }, arrays, title) {
  if (type !== "Conv2D" || name !== "kernel") return null;
  const [height, width, channels, filters] = shape, [row, column, channel, filter] = position, values = arrays[step].kernel;
  const cells = Array.from({ length: height * width }, (_, at) => ({
    value: values[(at * channels + channel) * filters + filter], marked: at === row * width + column,
  }));
  return matrix({ title, rows: inRows(cells, width), limit: largestSize(cells.map(({ value }) => value)) });
}

function showForward(numbers) {
  const { played, label, name, weight, position, parameter } = numbers, { predictions } = played.before;
  const filter = filterMatrix(numbers, played.weights, `filter ${position.at(-1)}${parameter.shape[2] > 1 ? `, channel ${position[2]}` : ""}`);
  const parts = [make("p", { class: "say" }, "The image passes through the network. We follow one of its weights: ",
    make("strong", {}, `${name} = `, make("span", { data: { name: "weight", value: String(weight) } }, worked(weight))), ".")];
  if (filter) parts.push(make("div", { class: "equation" }, filter));
  parts.push(probabilityLine(played.values, predictions, label, "probability"));
  return parts;
}

// The probability of the label: from the scores, where it is their softmax.
function probabilityLine(values, predictions, label, name) {
  const { loss } = page.network, probability = predictions[label], isSoftmax = loss.name === "categorical_crossentropy" && loss.fromLogits;
  if (!isSoftmax) return workedLine(`probability of ${label}`, `p(${label})`, "", probability, name, workedProbability);
  const scores = values[loss.at], largest = Math.max(...scores), powers = [...scores].map((score) => Math.exp(score - largest));
  const shift = `${largest < 0 ? "+" : "\u2212"} ${worked(Math.abs(largest))}`; // as the engine, so that no power overflows
  return workedLine(`probability of ${label}`, `p(${label}) = e^(score \u2212 largest score) / sum over all ${predictions.length} scores`,
    `e^(${worked(scores[label])} ${shift}) / ${worked(sumOf(powers))}`, probability, name, workedProbability);
}

function showLoss({ played: { before }, label }) {
  return [
    make("p", { class: "say" }, `The loss measures how wrong the answer is. It is 0 if the right label, ${label}, has the probability 1, and grows as this probability falls. Training makes it smaller.`),
    lossLine(before, label, "loss"),
    lossCurve(before, label),
  ];
}

function lossLine({ loss, predictions }, label, name) {
  const p = predictions[label], kind = page.network.loss.name;
  if (kind === "categorical_crossentropy") return workedLine("loss", `L = \u2212ln p(${label})`, `\u2212ln ${workedProbability(p)}`, loss, name);
  if (kind === "mean_squared_error") return workedLine("loss", "L = mean of (output \u2212 target)\u00b2", `mean of (${worked(p)} \u2212 1)\u00b2 and ${predictions.length - 1} squares of the others`, loss, name);
  return workedLine("loss", "L = mean of \u2212ln p for the label, \u2212ln(1 \u2212 p) for the others", `mean of \u2212ln ${worked(p)} and ${predictions.length - 1} others`, loss, name);
}

// The curve of -ln p, with the loss of this image on it.
function lossCurve({ predictions }, label) {
  if (page.network.loss.name !== "categorical_crossentropy") return null;
  const width = 300, height = 130, most = 5, x = (p) => 34 + p * (width - 44), y = (loss) => 8 + (1 - Math.min(loss, most) / most) * (height - 36);
  const p = predictions[label], points = Array.from({ length: 100 }, (_, i) => (i + 1) / 100).filter((each) => -Math.log(each) <= most);
  const words = `the loss over the probability; now ${digits(p, 3)}`;
  return make("div", { class: "step-curve" }, svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words },
    svg("line", { x1: x(0), x2: x(1), y1: y(0), y2: y(0), class: "grid" }), svg("line", { x1: x(0), x2: x(0), y1: y(most), y2: y(0), class: "grid" }),
    svg("polyline", { points: points.map((each) => `${x(each).toFixed(1)},${y(-Math.log(each)).toFixed(1)}`).join(" "), class: "line line-1" }),
    svg("circle", { cx: x(p), cy: y(-Math.log(Math.max(p, 1e-9))), r: 6, class: "dot line-0" }),
    svg("text", { x: x(0) - 6, y: y(0) + 4, class: "tick end" }, "0"), svg("text", { x: x(0) - 6, y: y(most) + 6, class: "tick end" }, "5"),
    svg("text", { x: x(0), y: height - 8, class: "tick middle" }, "0"), svg("text", { x: x(1), y: height - 8, class: "tick middle" }, "1"),
    svg("text", { x: x(0.5), y: height - 8, class: "tick middle" }, `probability of ${label}`)));
}

function showBackward(numbers) {
  const { played, gradient, sum, parameter } = numbers, tiny = 0.001 * gradient;
  const parts = [make("p", { class: "say" }, "The backward pass computes, for every weight, how the loss would change if only this weight grew: its gradient.")];
  const filter = filterMatrix(numbers, played.parameters, "gradients of the filter");
  if (filter) parts.push(make("div", { class: "equation" }, filter));
  if (sum) {
    const shown = sum.terms.slice(0, 3).map(({ slope, input }) => (sum.hasInput ? `${inBrackets(slope)} \u00d7 ${inBrackets(input)}` : inBrackets(slope)));
    const rest = sum.terms.length > 3 ? ` + ${counted(sum.terms.length - 3, "smaller term")}` : "";
    const product = sum.hasInput ? "dL/dz \u00d7 input" : "dL/dz", formula = sum.count > 1 ? `dL/dw = sum of ${product} over ${counted(sum.count, "position")}` : `dL/dw = ${product}`;
    parts.push(workedLine("gradient", formula, shown.length ? shown.join(" + ") + rest : "all terms are 0", gradient, "gradient"));
    const many = "; the weight is part of each of its values, so that each contributes a term";
    parts.push(make("p", { class: "hint" }, `z is the output of ${parameter.layer} before its activation function${sum.count > 1 ? many : ""}.`));
  } else parts.push(workedLine("gradient", "dL/dw, through the normalization", "", gradient, "gradient"));
  parts.push(make("p", { class: "say" }, gradient === 0
    ? "The gradient is 0: for this image, the loss does not depend on this weight."
    : `If this weight were larger by 0.001, the loss would change by about 0.001 \u00d7 ${inBrackets(gradient)} = ${worked(tiny)}.`));
  return parts;
}

// Without a guess, the question; then whether it was right, and the optimizer's calculation.
function showUpdate(numbers, guess, answer) {
  const { gradient, change } = numbers, rule = titleOfStation(STATIONS[3]);
  if (change === 0) return [make("p", { class: "say" }, `The gradient is 0, so ${rule} does not move this weight. Choose another weight, or another right label.`)];
  if (guess === null) {
    return [
      make("p", { class: "say" }, `${rule} will now move the weight so that the loss falls. Its gradient is ${worked(gradient)}. What do you expect?`),
      filterMatrix(numbers, numbers.played.weights, "weights of the filter, before the step"),
      make("div", { class: "guesses" }, ...[["grows", "It grows \u2191"], ["shrinks", "It shrinks \u2193"]].map(([name, words]) =>
        make("button", { type: "button", data: { guess: name }, onclick: () => answer(name) }, words))),
    ];
  }
  const isRight = (guess === "grows") === grows(change), sign = gradient < 0 ? "negative" : "positive";
  const why = `The gradient is ${sign}: the loss falls if the weight ${grows(change) ? "grows" : "shrinks"}, and the optimizer steps against the gradient.`;
  return [
    make("p", { class: `say verdict-of-guess ${isRight ? "is-right" : "is-wrong"}` }, make("strong", {}, isRight ? "\u2713 Right. " : "\u2717 Wrong. "), why),
    weightLine(numbers),
    ...(page.optimizer.name === "sgd" ? sgdLines(numbers) : adamLines(numbers)),
  ];
}

const newWeightLine = ({ weight, updated, change }) =>
  workedLine("new weight", "w + change", `${worked(weight)} ${change < 0 ? "\u2212" : "+"} ${worked(Math.abs(change))}`, updated, "updated");

function sgdLines(numbers) {
  const { learningRate } = page.optimizer, { gradient, update } = numbers;
  return [workedLine("change", "\u2212rate \u00d7 gradient", `\u2212${worked(learningRate)} \u00d7 ${inBrackets(gradient)}`, update, "update"), newWeightLine(numbers)];
}

function adamLines(numbers) {
  const { gradient, m, v, first, root, small, update } = numbers, { learningRate, beta1, beta2 } = page.optimizer, [rest1, rest2] = [worked(1 - beta1), worked(1 - beta2)];
  return [
    workedLine("mean of the gradients", `m = ${worked(beta1)} \u00d7 0 + ${rest1} \u00d7 gradient`, `${rest1} \u00d7 ${inBrackets(gradient)}`, m, "m"),
    workedLine("mean of their squares", `v = ${worked(beta2)} \u00d7 0 + ${rest2} \u00d7 gradient\u00b2`, `${rest2} \u00d7 ${inBrackets(gradient)}\u00b2`, v, "v"),
    workedLine("m, corrected: it began at 0", `m\u0302 = m / (1 \u2212 ${worked(beta1)}\u00b9)`, `${worked(m)} / ${rest1}`, first, "m_hat"),
    workedLine("root of v, corrected", `\u221av\u0302 = \u221a(v / (1 \u2212 ${worked(beta2)}\u00b9))`, `\u221a(${worked(v)} / ${rest2})`, root, "root"),
    workedLine("change", "\u2212rate \u00d7 m\u0302 / (\u221av\u0302 + \u03b5)", `\u2212${worked(learningRate)} \u00d7 ${inBrackets(first)} / (${worked(root)} + ${worked(small)})`, update, "update"),
    newWeightLine(numbers),
    make("p", { class: "hint" }, `In the first step, m\u0302 is the gradient and \u221av\u0302 its size: Adam moves a weight by about the learning rate, ${worked(learningRate)}, however large its gradient is.`),
  ];
}

// The weight on a line, before and after; it moves when it is shown.
function weightLine({ weight, updated, change }) {
  const width = 420, middle = width / 2, shift = grows(change) ? 90 : -90, from = middle - shift / 2, to = middle + shift / 2;
  const dot = svg("circle", { cx: from, cy: 34, r: 7, class: "dot line-0 moving" });
  dot.style.setProperty("--shift", `${shift}px`);
  const label = (x, words, side) => svg("text", { x, y: 62, class: `tick ${side}` }, words);
  const [left, right] = shift > 0 ? [worked(weight), worked(updated)] : [worked(updated), worked(weight)];
  return make("div", { class: "step-line" }, svg("svg", { viewBox: `0 0 ${width} 72`, role: "img", "aria-label": `the weight moves from ${worked(weight)} to ${worked(updated)}` },
    svg("line", { x1: 20, x2: width - 20, y1: 34, y2: 34, class: "grid" }),
    svg("circle", { cx: from, cy: 34, r: 7, class: "step-before" }),
    dot,
    label(middle - 45, left, "end-of-line end"), label(middle + 45, right, "start-of-line"),
    svg("text", { x: middle, y: 16, class: "tick middle" }, `${grows(change) ? "grows by" : "shrinks by"} ${worked(Math.abs(change))}`)));
}

function showAgain({ played, label, gradient, change }) {
  const { before, after } = played, { total, moved } = predictedChange(played), fell = after.loss < before.loss;
  const most = Math.max(before.loss, after.loss), share = (loss) => `${most > 0 ? (100 * loss) / most : 0}%`;
  const bar = (words, { loss }, from) => {
    const filled = make("span", { class: from === null ? "filled" : "filled falling" });
    filled.style.width = share(loss);
    filled.style.setProperty("--from", share(from ?? loss));
    return make("tr", {}, make("th", { scope: "row" }, words), make("td", { class: "bar" }, make("span", { class: "track" }, filled)), make("td", { class: "value" }, worked(loss)));
  };
  const of = ({ predictions }) => percent(predictions[label]).replace(" ", "\u00a0");
  const words = [
    `The same image again, with the new weights. The loss ${fell ? "fell" : "rose"} from ${worked(before.loss)} to ${worked(after.loss)}${fell ? "" : ": the step was too large"}.`,
    `The probability of ${label} was ${of(before)} and is now ${of(after)}.`,
  ];
  return [
    make("p", { class: "say" }, words.join(" ")),
    make("table", { class: "step-losses" }, make("caption", { class: "unseen" }, "the loss before and after the step"), make("tbody", {}, bar("loss before", before, null), bar("loss after", after, before.loss))),
    workedLine(`probability of ${label}`, "from the scores of the new weights", "", after.predictions[label], "probability-after", workedProbability),
    lossLine(after, label, "loss-after"),
    workedLine("this weight alone", "gradient \u00d7 change", `${inBrackets(gradient)} \u00d7 ${inBrackets(change)}`, gradient * change, "share"),
    make("p", { class: "hint" }, `One weight changes little, but ${counted(moved, "weight")} moved in the same way. Their products add up to ${worked(total)}; the loss changed by ${worked(after.loss - before.loss)}. Gradients describe the loss exactly only for tiny steps.`),
  ];
}
