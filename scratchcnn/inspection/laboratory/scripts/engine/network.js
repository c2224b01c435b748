// A network: its steps with their parameters, the forward and the backward pass, and copies of the parameters.
//
// All values and parameters are Float64Array: JavaScript computes in float64 in any case, so that float32 would only add
// rounding errors. Arrays are flat, in C order: images (N, H, W, C), kernels (KH, KW, C, F), dense kernels (I, J).

// Returns {inputShape, steps, loss} for a description made by `laboratory.network.network_data`.
function createNetwork(description) {
  const steps = description.steps.map((step) => {
    const { outputShape, parameters } = shapesOfStep(step.type, step.inputShape, step.config);
    const computed = JSON.stringify([outputShape, parameters]);
    const shapes = Object.fromEntries(step.parameters.map(({ name, shape }) => [name, shape]));
    const stored = JSON.stringify([step.outputShape, shapes]);
    if (computed !== stored) throw new Error(`Expected shapes ${computed} for ${step.name}, received ${stored}.`);
    return { ...step, parameters: Object.fromEntries(step.parameters.map((each) => [each.name, decodeHalves(each)])) };
  });
  return { inputShape: description.inputShape, steps, loss: description.loss };
}

// The shape of the output of one sample, and those of the parameters by name.
function shapesOfStep(type, inputShape, config) {
  const kind = STEP_KINDS[type];
  if (kind === undefined) throw unknownName("a type", type, STEP_KINDS);
  const outputShape = kind.outputShape ? kind.outputShape(inputShape, config) : inputShape;
  return { outputShape, parameters: kind.parameters ? kind.parameters(inputShape, config) : {} };
}

// Pass `count` samples through the network. Returns {count, values, caches}: values[i] is the input of step i, and
// values[n] the output of the last of n steps. With `training`, dropout is active, with keys from `random`, and batch
// normalization uses the statistics of the batch.
function forward(network, x, count, { training = false, random = null } = {}) {
  const expected = count * sizeOfShape(network.inputShape);
  if (x.length !== expected) throw new Error(`Expected ${expected} values for ${count} images, received ${x.length}.`);
  const values = [Float64Array.from(x)], caches = [];
  for (const step of network.steps) {
    const { y, cache } = kindOfStep(step).forward(step, values[values.length - 1], count, { training, random });
    values.push(y);
    caches.push(cache);
  }
  return { count, values, caches };
}

// Backpropagate `gradient` = {at, values}: the gradient of a number with respect to pass.values[at], by default the output.
// Returns {values, parameters}: the gradients with respect to pass.values[i] (null behind `at`), and by name those with
// respect to the parameters of step i. Without `inputs`, as in training, the pass ends at the first step with parameters
// that are learned. Without `parameters`, their gradients are not computed.
function backward(network, pass, gradient, { inputs = true, parameters: ofParameters = true } = {}) {
  const { steps } = network, { at = steps.length } = gradient;
  const values = new Array(steps.length + 1).fill(null), parameters = steps.map(() => ({}));
  const first = inputs ? 0 : steps.findIndex((step) => learnedNames(step).length > 0);
  values[at] = gradient.values;
  for (let i = at - 1; i >= first && first >= 0; i--) {
    const step = steps[i], seen = { x: pass.values[i], y: pass.values[i + 1], cache: pass.caches[i], count: pass.count };
    const wanted = { input: inputs || i > first, parameters: ofParameters };
    const found = kindOfStep(step).backward(step, values[i + 1], seen, wanted);
    values[i] = found.dx;
    if (ofParameters && found.parameters !== undefined) parameters[i] = found.parameters;
  }
  return { values, parameters };
}

// The statistics of the steps that have some, after a training step with this pass.
function updateStatistics(network, pass) {
  network.steps.forEach((step, i) => kindOfStep(step).update?.(step, pass.caches[i]));
}

// A network with copies of the parameters, for a long calculation during which the network may be trained.
function frozenCopy(network) {
  const copies = snapshot(network);
  return { ...network, steps: network.steps.map((step, i) => ({ ...step, parameters: copies[i] })) };
}

// A copy of all parameters: for each step, arrays by name.
const snapshot = (network) => network.steps.map(({ parameters }) => mapValues(parameters, (array) => array.slice()));

function restore(network, saved) {
  network.steps.forEach(({ parameters }, i) => {
    for (const [name, array] of Object.entries(parameters)) array.set(saved[i][name]);
  });
}

const unknownName = (what, name, known) =>
  new Error(`Expected ${what} among ${Object.keys(known).join(", ")}, received ${name}.`);

const mapValues = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value, name)]));
