// Training and evaluation: one step, a run of many, predictions of many images, and their accuracy.

const CHUNK = 8; // images that are passed through the network at once: 50 ms with a network of 10 million products

// One training step on a batch; returns the loss before it. `training` false: without dropout, and with the moving
// averages of batch normalization, so that the step can be computed again from the same values.
function trainStep(network, optimizer, images, labels, { training = true, random = null } = {}) {
  const pass = forward(network, images, images.length / sizeOfShape(network.inputShape), { training, random });
  const { value, gradient } = lossOf(network, pass, labels);
  optimizer.update(network, backward(network, pass, gradient, { inputs: false }).parameters);
  if (training) updateStatistics(network, pass);
  return value;
}

// The predictions (N, ...) of N images, flat, without dropout. A generator that yields nothing, between parts of the
// images, so that its caller may do something else in between.
function* predict(network, images) {
  const size = sizeOfShape(network.inputShape), parts = [];
  for (let start = 0; start < images.length; start += CHUNK * size) {
    if (start > 0) yield;
    const part = images.subarray(start, start + CHUNK * size);
    parts.push(predictionsOf(network, forward(network, part, part.length / size)));
  }
  return concatenated(parts);
}

function concatenated(arrays) {
  const whole = new Float64Array(arrays.reduce((sum, array) => sum + array.length, 0));
  arrays.reduce((start, array) => {
    whole.set(array, start);
    return start + array.length;
  }, 0);
  return whole;
}

// {accuracy, answers, predictions}: `answers` has the predicted class of each image. Labels are class numbers. A generator
// as `predict`.
function* evaluate(network, images, labels) {
  const predictions = yield* predict(network, images), width = predictions.length / labels.length;
  const answers = Int32Array.from(labels, (_, n) => indexOfLargest(predictions.subarray(n * width, (n + 1) * width)));
  const correct = answers.reduce((sum, answer, n) => sum + (answer === labels[n] ? 1 : 0), 0);
  return { accuracy: correct / labels.length, answers, predictions };
}

const indexOfLargest = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

// Trains on `images` and class numbers `labels` in shuffled batches. A generator: yields {step, steps, epoch, epochs, loss}
// after each step, so that its caller decides when to continue; `loss` is that of the batch.
function* trainingSteps(network, images, labels, settings = {}) {
  const { epochs = 1, batchSize = 32, optimizer = {}, augmentation = null, seed = 0 } = settings;
  const random = createRandom(seed), size = sizeOfShape(network.inputShape), count = labels.length;
  const rule = createOptimizer(optimizer.name ?? "adam", optimizer), steps = epochs * Math.ceil(count / batchSize);
  let step = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = random.permutation(count);
    for (let start = 0; start < count; start += batchSize) {
      const chosen = order.subarray(start, start + batchSize);
      let batch = concatenated(Array.from(chosen, (n) => images.subarray(n * size, (n + 1) * size)));
      if (augmentation) batch = augmentImages(batch, chosen.length, network.inputShape, random, augmentation);
      const loss = trainStep(network, rule, batch, Array.from(chosen, (n) => labels[n]), { random });
      step++;
      yield { step, steps, epoch, epochs, loss };
    }
  }
}
