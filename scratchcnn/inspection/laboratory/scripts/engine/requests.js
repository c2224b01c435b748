// What a page can ask of the engine. A request is {id, kind, ...}; the answer {id, kind, result}, or {id, kind, error}.
// Long requests also send {id, kind, progress}, and answer other requests between two steps or a few images.
//
//   load {name, description}        a network made by Python
//       -> {steps}: without their parameters
//   create {name, inputShape, layers, seed}   a new network, see design.js
//       -> {steps}
//   forward {name, image}
//       -> {values, predictions}: values[i] is the input of step i, the last one the output
//   backward {name, image, label}
//       -> {loss, predictions, values, gradients, parameters}: the gradients of values[i] (null behind the logits) and,
//          by name, of the parameters of step i
//   parameters {name}
//       -> [{kernel, bias, ...}] for each step: copies
//   predict {name, images}
//       -> {predictions} of all images, flat
//   evaluate {name, images, labels}
//       -> {accuracy, answers, predictions}
//   step {name, images, labels, optimizer, steps, training, seed}   training steps, 1 or more
//       progress {step, loss} after each of them
//       -> {losses, before, after, changes}: losses before the first step and after each, without dropout; changes[i] has
//          the change of each parameter of step i of the network. Without `training` (false), dropout is off in the steps,
//          too. Steps with the same optimizer settings continue with its state.
//   train {name, images, labels, epochs, batchSize, optimizer, augmentation, seed, heldOut, every}
//       progress {step, steps, epoch, epochs, loss, accuracy} after each step; the accuracy is the last one measured on
//          heldOut {images, labels}, after each `every` (20) steps and the last one; null before
//       -> {stopped, accuracy, seconds}
//   play {name, image, label, optimizer}   one step with every value in it; the network stays as it is
//       -> {before, after, values, gradients, parameters, weights, updated}, see played_step.js
//   reset {name}                    the initial parameters, and no state of an optimizer
//       -> {}
//   occlusion {name, image, label, size, stride, fill, shape}
//       -> {baseline, map}, see attribution.js
//   ascend {name, image, label, steps, rate, smoothing, until, high, shape}
//       progress {image, predictions, loss} for each frame
//       -> {frames}: how many there were
//   stop {request}                  ends the steps, the training or the ascent with that id after the current step
//
// Labels are class numbers. optimizer is {name: "sgd" or "adam", learningRate, momentum, beta1, beta2, epsilon};
// augmentation is {shift, degrees, zoom}, {} for the defaults, or null.

function createRequests() {
  const networks = new Map();
  const known = (name) => {
    const found = networks.get(name);
    if (found === undefined) throw new Error(`Expected the name of a loaded or created network, received ${name}.`);
    return found;
  };
  const keep = (name, network) => {
    networks.set(name, { network, initial: snapshot(network), optimizer: null, settings: "" });
    warmUp(network);
    return { steps: network.steps.map(({ parameters, ...step }) => step) };
  };
  return {
    load: ({ name, description }) => keep(name, createNetwork(description)),
    create: ({ name, ...design }) => keep(name, designNetwork(design)),
    forward: ({ name, image }) => {
      const { network } = known(name), pass = forward(network, image, 1);
      return { values: pass.values, predictions: predictionsOf(network, pass) };
    },
    backward: ({ name, image, label }) => {
      const { network } = known(name), pass = forward(network, image, 1);
      const { value, predictions, gradient } = lossOf(network, pass, [label]);
      const { values, parameters } = backward(network, pass, gradient);
      return { loss: value, predictions, values: pass.values, gradients: values, parameters };
    },
    parameters: ({ name }) => snapshot(known(name).network),
    predict: ({ name, images }) => predictAll(frozenCopy(known(name).network), images),
    evaluate: ({ name, images, labels }) => evaluate(frozenCopy(known(name).network), Float64Array.from(images), labels),
    step: ({ name, ...request }) => takeSteps(known(name), request),
    train: ({ name, ...request }) => trainOn(known(name).network, request),
    play: ({ name, image, label, optimizer }) => playStep(known(name).network, image, label, optimizer),
    reset: ({ name }) => {
      const entry = known(name);
      restore(entry.network, entry.initial);
      entry.optimizer = null;
      return {};
    },
    occlusion: ({ name, image, label, ...settings }) =>
      occlude(frozenCopy(known(name).network), Float64Array.from(image), label, settings),
    ascend: ({ name, image, label, ...settings }) => ascendOn(frozenCopy(known(name).network), image, label, settings),
  };
}

// The browser compiles loops when they have run for a while: here, and not when the user draws the first line.
function warmUp(network) {
  const pass = forward(network, new Float64Array(sizeOfShape(network.inputShape)).fill(0.5), 1);
  const values = new Float64Array(pass.values[network.steps.length].length).fill(1);
  backward(network, pass, { values });
}

function* predictAll(network, images) {
  return { predictions: yield* predict(network, Float64Array.from(images)) };
}

function* takeSteps(entry, { images, labels, optimizer = {}, steps = 1, training = false, seed = 0 }) {
  const { network } = entry, settings = JSON.stringify(optimizer), random = createRandom(seed);
  if (entry.optimizer === null || entry.settings !== settings) {
    Object.assign(entry, { optimizer: createOptimizer(optimizer.name ?? "adam", optimizer), settings });
  }
  const rule = entry.optimizer, before = snapshot(network);
  const lossNow = () => lossOf(network, forward(network, images, labels.length), labels).value;
  const losses = [lossNow()];
  for (let i = 0; i < steps; i++) {
    trainStep(network, rule, images, labels, { training, random });
    losses.push(lossNow());
    if (yield { step: i + 1, loss: losses[i + 1] }) break;
  }
  const changes = network.steps.map(({ parameters }, i) =>
    mapValues(parameters, (array, name) => array.map((value, j) => value - before[i][name][j])));
  return { losses, before: losses[0], after: losses[losses.length - 1], changes };
}

function* trainOn(network, { images, labels, heldOut = null, every = 20, ...settings }) {
  const started = performance.now(), test = heldOut && { ...heldOut, images: Float64Array.from(heldOut.images) };
  let accuracy = null, stopped = false;
  for (const progress of trainingSteps(network, Float64Array.from(images), labels, settings)) {
    const due = progress.step === progress.steps || progress.step % every === 0;
    if (test && due) ({ accuracy } = yield* evaluate(network, test.images, test.labels));
    stopped = yield { ...progress, accuracy };
    if (stopped) break;
  }
  if (test && stopped) ({ accuracy } = yield* evaluate(network, test.images, test.labels));
  return { stopped, accuracy, seconds: (performance.now() - started) / 1000 };
}

function* ascendOn(network, image, label, settings) {
  let frames = 0;
  for (const frame of ascentFrames(network, image, label, settings)) {
    frames++;
    if (yield frame) break;
  }
  return { frames };
}
