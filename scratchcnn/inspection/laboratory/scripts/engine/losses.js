// Losses: the loss of each sample, its gradient, and the predictions, as `scratchcnn.losses`.
//
// network.loss is {name, at, fromLogits, labelSmoothing}: the loss is a function of pass.values[at]. A final softmax or
// sigmoid belongs to the loss where the package trains on logits: `at` is then the input of that step, and fromLogits true.

const CLIP = 1e-7; // probabilities are clipped to [CLIP, 1 - CLIP], as in Keras

// Each loss takes rows of `width` outputs and of targets, and returns for all rows
// {losses, predictions, gradient of the mean loss}.
const LOSSES = {
  categorical_crossentropy: (outputs, targets, width, { fromLogits }) =>
    fromLogits ? softmaxCrossEntropy(outputs, targets, width) : crossEntropy(outputs, targets, width),
  binary_crossentropy: (outputs, targets, width, { fromLogits, labelSmoothing }) => {
    const smoothed = targets.map((target) => target * (1 - labelSmoothing) + labelSmoothing / 2);
    return fromLogits ? sigmoidCrossEntropy(outputs, smoothed, width) : binaryCrossEntropy(outputs, smoothed, width);
  },
  mean_squared_error: (outputs, targets, width) => {
    const losses = new Float64Array(outputs.length / width), scale = 2 / outputs.length;
    outputs.forEach((output, i) => { losses[Math.floor(i / width)] += (output - targets[i]) ** 2 / width; });
    return { losses, predictions: outputs, gradient: outputs.map((output, i) => (output - targets[i]) * scale) };
  },
};

// {value, losses, gradient, predictions} of a pass; `gradient` is {at, values}, as `backward` takes it.
function lossOf(network, pass, labels) {
  const { loss } = network;
  if (!loss) throw new Error("Expected a network with a loss; this one has none, so there is nothing to minimize.");
  const outputs = pass.values[loss.at], width = outputs.length / pass.count;
  const found = LOSSES[loss.name](outputs, targetsOf(loss, labels, pass.count, width), width, loss);
  const value = found.losses.reduce((sum, each) => sum + each, 0) / pass.count;
  return { ...found, value, gradient: { at: loss.at, values: found.gradient } };
}

// The outputs of a pass as the loss understands them: of a network without final softmax, the softmax of its logits.
function predictionsOf(network, pass) {
  const { loss } = network, outputs = pass.values[network.steps.length];
  if (!loss?.fromLogits || loss.at < network.steps.length) return outputs;
  return loss.name === "binary_crossentropy" ? outputs.map(logistic) : softmaxRows(outputs, outputs.length / pass.count);
}

// Class numbers as one-hot rows; for a loss that is not sparse, also rows of targets, as they are.
function targetsOf({ sparse }, labels, count, width) {
  if (!sparse && labels.length === count * width) return Float64Array.from(labels);
  if (labels.length !== count) throw new Error(`Expected ${count} labels or targets, received ${labels.length}.`);
  const targets = new Float64Array(count * width);
  for (let n = 0; n < count; n++) {
    const label = labels[n];
    if (!(label >= 0 && label < width)) throw new Error(`Expected labels from 0 to ${width - 1}, received ${label}.`);
    targets[n * width + label] = 1;
  }
  return targets;
}

function softmaxCrossEntropy(logits, targets, width) {
  const count = logits.length / width, losses = new Float64Array(count), gradient = new Float64Array(logits.length);
  const predictions = softmaxRows(logits, width);
  for (let n = 0; n < count; n++) {
    const row = [n * width, (n + 1) * width], largest = Math.max(...logits.subarray(...row));
    let total = 0, ofTargets = 0;
    for (let i = row[0]; i < row[1]; i++) {
      total += Math.exp(logits[i] - largest);
      ofTargets += targets[i];
    }
    for (let i = row[0]; i < row[1]; i++) {
      if (targets[i] !== 0) losses[n] += targets[i] * (Math.log(total) - (logits[i] - largest));
      gradient[i] = (predictions[i] * ofTargets - targets[i]) / count;
    }
  }
  return { losses, predictions, gradient };
}

function crossEntropy(probabilities, targets, width) {
  const count = probabilities.length / width, losses = new Float64Array(count);
  const gradient = new Float64Array(probabilities.length);
  for (let start = 0; start < probabilities.length; start += width) {
    let total = 0, mean = 0;
    for (let i = start; i < start + width; i++) total += probabilities[i];
    for (let i = start; i < start + width; i++) {
      const q = probabilities[i] / total;
      if (targets[i] !== 0) losses[start / width] -= targets[i] * Math.log(Math.min(Math.max(q, CLIP), 1 - CLIP));
      gradient[i] = q >= CLIP && q <= 1 - CLIP ? -targets[i] / q / count : 0; // where q is clipped, the loss is constant
      mean += gradient[i] * q;
    }
    for (let i = start; i < start + width; i++) gradient[i] = (gradient[i] - mean) / total;
  }
  return { losses, predictions: probabilities, gradient };
}

function sigmoidCrossEntropy(logits, targets, width) {
  const losses = new Float64Array(logits.length / width), predictions = logits.map(logistic);
  logits.forEach((z, i) => {
    losses[Math.floor(i / width)] += (Math.max(z, 0) - targets[i] * z + Math.log1p(Math.exp(-Math.abs(z)))) / width;
  });
  return { losses, predictions, gradient: predictions.map((p, i) => (p - targets[i]) / logits.length) };
}

function binaryCrossEntropy(probabilities, targets, width) {
  const losses = new Float64Array(probabilities.length / width), gradient = new Float64Array(probabilities.length);
  probabilities.forEach((probability, i) => {
    const p = Math.min(Math.max(probability, CLIP), 1 - CLIP), target = targets[i];
    losses[Math.floor(i / width)] -= (target * Math.log(p) + (1 - target) * Math.log(1 - p)) / width;
    if (p === probability) gradient[i] = (p - target) / (p * (1 - p)) / probabilities.length;
  });
  return { losses, predictions: probabilities, gradient };
}
