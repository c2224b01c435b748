// One training step in numbers: the parameters that are learned, and all that the step computes for one weight.

const STEP = "step"; // the name of the network in the engine of the panels
const STATISTICS = ["moving_mean", "moving_variance"]; // no optimizer updates them

// The engine's answer for an image and its label; labels are class numbers for every loss.
async function playedStep(image, label) {
  const engineOfPanels = await spareEngine(STEP, { ...page.network, loss: { ...page.network.loss, sparse: true } });
  return engineOfPanels.ask("play", { name: STEP, image, label, optimizer: page.optimizer });
}

// The learned parameters, as {step, layer, name, shape}: `step` is the number of the step of the network.
const learnedParameters = () => page.network.steps.flatMap((step, i) => {
  const learned = step.trainable ? step.parameters.filter(({ name }) => !STATISTICS.includes(name)) : [];
  return learned.map(({ name, shape }) => ({ step: i, layer: step.layer, type: step.type, name, shape }));
});

// The parameter whose gradients are explained first: the kernel of the first convolution, if there is one.
function firstParameter(parameters) {
  const found = parameters.findIndex(({ type, name }) => type === "Conv2D" && name === "kernel");
  return Math.max(0, found);
}

function axesOf({ type, name, shape }) {
  if (type === "Conv2D") return name === "kernel" ? ["row", "column", "channel", "filter"] : ["filter"];
  if (type === "Dense") return name === "kernel" ? ["input", "unit"] : ["unit"];
  return shape.map((_, axis) => (shape.length === 1 ? "channel" : `axis ${axis}`));
}

// Everything about one weight, at a flat index of a parameter.
function numbersOfWeight(played, parameter, index) {
  const { step, layer, name, shape } = parameter, position = unravel(index, shape);
  const of = (arrays) => arrays[step][name][index];
  const [weight, gradient, updated] = [played.weights, played.parameters, played.updated].map(of);
  const found = { played, parameter, index, position, name: `${layer}/${name}[${position.join(", ")}]`, weight, gradient, updated, change: updated - weight };
  return { ...found, sum: termsOfGradient(found), ...updateOf(gradient) };
}

// The products that add up to the gradient, as {count, terms: those that are not zero, the largest first, source}; null
// for a layer whose gradient is another sum.
function termsOfGradient({ played, parameter: { step, type, name }, position }) {
  const at = page.network.steps[step], inputs = played.values[step], slopes = played.gradients[step + 1], terms = [];
  const add = (slope, input, place) => { if (slope !== 0 && input !== 0) terms.push({ slope, input, place }); };
  let count = 0;
  if (type === "Dense") {
    const [input, unit] = name === "kernel" ? position : [null, ...position];
    count = 1;
    add(slopes[unit], input === null ? 1 : inputs[input], []);
  } else if (type === "Conv2D") {
    const { rows, columns } = windowsOf(at), [height, width, channels] = at.inputShape, filter = position.at(-1), filters = at.config.filters;
    const value = padded(inputs, [height, width, channels]);
    count = rows.output * columns.output;
    for (let y = 0; y < rows.output; y++) {
      for (let x = 0; x < columns.output; x++) {
        const [i, j, c] = name === "kernel" ? position : [0, 0, 0];
        const input = name === "kernel" ? value(y * rows.stride + i * rows.dilation - rows.before, x * columns.stride + j * columns.dilation - columns.before, c) : 1;
        add(slopes[(y * columns.output + x) * filters + filter], input, [y, x]);
      }
    }
  } else return null;
  terms.sort((a, b) => Math.abs(b.slope * b.input) - Math.abs(a.slope * a.input));
  return { count, terms, hasInput: name === "kernel" };
}

// The optimizer's state after its first step, by the formulas of Python's `watch_weight`.
function updateOf(gradient) {
  const { name, beta1, beta2, epsilon, learningRate } = page.optimizer;
  if (name === "sgd") return { update: -learningRate * gradient };
  const m = (1 - beta1) * gradient, v = (1 - beta2) * gradient ** 2, small = epsilon / Math.sqrt(1 - beta2);
  const first = m / (1 - beta1), root = Math.sqrt(v / (1 - beta2));
  return { m, v, first, root, small, update: (-learningRate * first) / (root + small) };
}

// What the gradient predicts for the loss if all weights move: the sum of gradient times change.
function predictedChange({ parameters, weights, updated }) {
  let total = 0, moved = 0;
  parameters.forEach((gradients, i) => {
    for (const [name, array] of Object.entries(gradients)) {
      for (let j = 0; j < array.length; j++) {
        const change = updated[i][name][j] - weights[i][name][j];
        total += array[j] * change;
        if (change !== 0) moved++;
      }
    }
  });
  return { total, moved };
}
