// The layers of the network with their current values, in the form in which the shared scripts explain values.

const ELEMENTWISE_KINDS = { GlobalMaxPooling2D: "MaxPooling2D", GlobalAveragePooling2D: "AveragePooling2D", Reshape: "Flatten" };

// A description has a step for each layer and one for its activation; together they are one layer here.
function layersOf(description) {
  const layers = [];
  description.steps.forEach((step, i) => {
    const last = layers.at(-1);
    if (last && last.name === step.layer) {
      Object.assign(last, { activation: activationOf(step), activationName: step.config.activation, elementwise: step.config.activation !== "softmax", lastStep: i });
      return;
    }
    const parameters = Object.fromEntries(step.parameters.map((each) => [each.name, decodeHalves(each)]));
    const kernel = step.parameters.find(({ name }) => name === "kernel");
    const alone = step.type === "Activation";
    layers.push({
      name: step.layer, type: step.type, kind: ELEMENTWISE_KINDS[step.type] ?? step.type, config: step.config, dtype: "float64",
      activation: alone ? activationOf(step) : null, activationName: step.config.activation, elementwise: !alone || step.config.activation !== "softmax",
      inputShape: step.inputShape, outputShape: step.outputShape, firstStep: i, lastStep: i,
      kernelShape: kernel?.shape, ...windowsOf(step),
    });
    const layer = layers.at(-1);
    setParameters(layer, parameters);
    if (step.type === "Dense") layer.weight = (input, unit) => layer.kernel[input * step.outputShape[0] + unit];
  });
  return layers;
}

function setParameters(layer, parameters) {
  Object.assign(layer, { parameters, kernel: parameters.kernel, bias: parameters.bias ?? null });
}

const denseKernel = (layer) => layer.weight; // weight(i, j), for the shared scripts

// The activation as the shared scripts name it: "?" if they cannot compute it.
function activationOf({ config: { activation } }) {
  if (activation === "linear") return null;
  return activation === "relu" || activation === "softmax" ? activation : "?";
}

// The windows along rows and columns, of layers that have them.
function windowsOf({ type, inputShape, config }) {
  const [height, width] = inputShape;
  if (type === "Conv2D") return windowsOver2d(inputShape, config.kernel_size, config.strides, config.dilation_rate, config.padding);
  if (type === "MaxPooling2D" || type === "AveragePooling2D") return windowsOver2d(inputShape, config.pool_size, config.strides, [1, 1], config.padding);
  if (type.startsWith("Global")) return windowsOver2d(inputShape, [height, width], [1, 1], [1, 1], "valid");
  if (type !== "ZeroPadding2D") return {};
  const [rows, columns] = config.padding.map(([before, after], axis) => {
    const size = inputShape[axis];
    return { size, kernel: 1, stride: 1, dilation: 1, before, output: size + before + after };
  });
  return { rows, columns };
}

// Sets the values of a forward pass: values[i] is the input of step i.
function showPass(values) {
  page.input.array = values[0];
  for (const layer of page.layers) {
    const separate = layer.lastStep > layer.firstStep || layer.type === "Activation";
    layer.input = values[layer.firstStep];
    layer.output = values[layer.lastStep + 1];
    layer.preactivation = separate ? values[layer.lastStep] : layer.output;
    delete layer.winners;
    if (layer.kind === "MaxPooling2D") Object.defineProperty(layer, "winners", { configurable: true, get: () => winnersOf(layer) });
  }
}

// The number of the maximum within each window; the first of several.
function winnersOf(layer) {
  const winners = Int32Array.from({ length: sizeOf(layer.outputShape) }, (_, index) => {
    let best = -1, largest = -Infinity;
    windowOf(layer, index).forEach(({ inside, left }, i) => { if (inside && left > largest) [best, largest] = [i, left]; });
    return best;
  });
  Object.defineProperty(layer, "winners", { configurable: true, value: winners });
  return winners;
}

// Layers whose arithmetic is one product and one sum for each value.
function scaledValue(layer, number, index, factor, bias, note) {
  const found = withProducts({ form: "terms", terms: [term(layer.input[index], factor, index)], source: number - 1, left: "input", right: "factor", note }, [layer.input[index] * factor]);
  return { ...found, bias };
}

Object.assign(FORWARD, {
  Rescaling: (layer, number, index) => scaledValue(layer, number, index, layer.config.scale, layer.config.offset, "Rescaling multiplies each value by a constant, and adds one."),
  BatchNormalization(layer, number, index) {
    const { gamma, beta, moving_mean: mean, moving_variance: variance } = layer.parameters, c = index % mean.length;
    const factor = (gamma?.[c] ?? 1) / Math.sqrt(variance[c] + layer.config.epsilon);
    const note = "Batch normalization subtracts the channel's mean and divides by its standard deviation: one factor and one constant per channel.";
    return scaledValue(layer, number, index, factor, (beta?.[c] ?? 0) - mean[c] * factor, note);
  },
});
