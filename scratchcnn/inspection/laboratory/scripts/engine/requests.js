// What a page can ask of the engine. A request is {id, kind, ...}; the answer {id, kind, result}, or {id, kind, error}.
//
//   load {name, description}           a network made by Python        -> {steps}: without their parameters
//   create {name, inputShape, layers, seed}   a new network            -> the same
//   forward {name, image}              -> {values, predictions}; values[i] is the input of step i, the last one the output
//   backward {name, image, label}      -> {loss, predictions, values, gradients, parameters}: gradients of values[i] (null
//                                         behind the logits) and, by name, of the parameters of step i
//   parameters {name}                  -> [{kernel, bias, ...}] for each step: copies
//   predict {name, images}             -> {predictions} of all images, flat
//   evaluate {name, images, labels}    -> {accuracy, answers, predictions}
//   step {name, images, labels, optimizer, steps, training, seed}
//                                      -> {losses, before, after, changes}: `steps` (1) training steps; losses has the loss
//                                         before each of them and after the last, without dropout; changes[i] is the change
//                                         of each parameter of step i. Without `training`, dropout is off in the steps, too.
//                                         Steps with the same optimizer settings continue with its state.
//   train {name, images, labels, epochs, batchSize, optimizer, decay, augmentation, seed, heldOut, every}
//                                      progress {step, steps, epoch, epochs, loss, accuracy} after each step; the accuracy
//                                         on heldOut {images, labels} after each `every` (20) steps and the last one
//                                      -> {stopped, accuracy, seconds}
//   stop {request}                     ends the training or ascent with that id after its current step
//   reset {name}                       the initial parameters          -> {}
//   occlusion {name, image, label, size, stride, fill}    -> {baseline, map}
//   ascend {name, image, label, steps, rate, smoothing, until}         progress {image, predictions, loss} for each frame
//                                      -> {frames}: how many there were
//
// Labels are class numbers. optimizer is {name: "sgd" or "adam", learningRate, momentum, beta1, beta2, epsilon};
// augmentation is {shift, degrees, zoom}, {} for the defaults, or null; decay (true) lets the learning rate fall to 0.
// Training and ascent are generators: between two steps the worker answers other requests.

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
    predict: ({ name, images }) => ({ predictions: predict(known(name).network, Float64Array.from(images)) }),
    evaluate: ({ name, images, labels }) => evaluate(known(name).network, Float64Array.from(images), labels),
    step: ({ name, ...request }) => takeSteps(known(name), request),
    train: ({ name, ...request }) => trainOn(known(name).network, request),
    reset: ({ name }) => {
      const entry = known(name);
      restore(entry.network, entry.initial);
      entry.optimizer = null;
      return {};
    },
    occlusion: ({ name, image, label, ...settings }) =>
      occlude(known(name).network, Float64Array.from(image), label, settings),
    ascend: ({ name, image, label, ...settings }) => ascendOn(known(name).network, image, label, settings),
  };
}

// The browser compiles loops when they have run for a while: here, and not when the user draws the first line.
function warmUp(network) {
  const pass = forward(network, new Float64Array(sizeOfShape(network.inputShape)).fill(0.5), 1);
  const values = new Float64Array(pass.values[network.steps.length].length).fill(1);
  backward(network, pass, { values });
}

function takeSteps(entry, { images, labels, optimizer = {}, steps = 1, training = false, seed = 0 }) {
  const { network } = entry, settings = JSON.stringify(optimizer), random = createRandom(seed);
  if (entry.optimizer === null || entry.settings !== settings) {
    Object.assign(entry, { optimizer: createOptimizer(optimizer.name ?? "adam", optimizer), settings });
  }
  const lossNow = () => lossOf(network, forward(network, images, labels.length), labels).value;
  const before = snapshot(network), losses = [lossNow()];
  for (let i = 0; i < steps; i++) {
    trainStep(network, entry.optimizer, images, labels, { training, random });
    losses.push(lossNow());
  }
  const changes = network.steps.map(({ parameters }, i) =>
    mapValues(parameters, (array, name) => array.map((value, j) => value - before[i][name][j])));
  return { losses, before: losses[0], after: losses[steps], changes };
}

function* trainOn(network, { images, labels, heldOut = null, every = 20, ...settings }) {
  const started = performance.now(), test = heldOut && { ...heldOut, images: Float64Array.from(heldOut.images) };
  const measured = () => (test ? evaluate(network, test.images, test.labels).accuracy : null);
  let accuracy = null, stopped = false;
  for (const progress of trainingSteps(network, Float64Array.from(images), labels, settings)) {
    const last = progress.step === progress.steps;
    if (last || progress.step % every === 0) accuracy = measured();
    stopped = yield { ...progress, accuracy };
    if (stopped) break;
  }
  if (stopped) accuracy = measured();
  return { stopped: Boolean(stopped), accuracy, seconds: (performance.now() - started) / 1000 };
}

function* ascendOn(network, image, label, settings) {
  let frames = 0;
  for (const frame of ascentFrames(network, image, label, settings)) {
    frames++;
    if (yield frame) break;
  }
  return { frames };
}
