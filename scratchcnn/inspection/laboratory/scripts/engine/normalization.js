// BatchNormalization: statistics, forward pass, gradients, and the moving averages after a training step.

// Mean and variance of each channel over all other axes of x (..., C).
function batchStatistics(x, channels) {
  const mean = new Float64Array(channels), variance = new Float64Array(channels), count = x.length / channels;
  for (let i = 0; i < x.length; i += channels) for (let c = 0; c < channels; c++) mean[c] += x[i + c];
  for (let c = 0; c < channels; c++) mean[c] /= count;
  for (let i = 0; i < x.length; i += channels) for (let c = 0; c < channels; c++) variance[c] += (x[i + c] - mean[c]) ** 2;
  for (let c = 0; c < channels; c++) variance[c] /= count;
  return { mean, variance };
}

function normalize(step, x, { training }) {
  const channels = lastAxis(step.inputShape), { gamma, beta, moving_mean, moving_variance } = step.parameters;
  const ofBatch = training && step.trainable;
  const { mean, variance } = ofBatch ? batchStatistics(x, channels) : { mean: moving_mean, variance: moving_variance };
  const factor = variance.map((value) => 1 / Math.sqrt(value + step.config.epsilon));
  const y = new Float64Array(x.length);
  for (let i = 0; i < x.length; i += channels) {
    for (let c = 0; c < channels; c++) {
      const normalized = (x[i + c] - mean[c]) * factor[c];
      y[i + c] = (gamma ? gamma[c] : 1) * normalized + (beta ? beta[c] : 0);
    }
  }
  return { y, cache: { mean, variance, factor, ofBatch } };
}

function normalizeBackward(step, dy, x, { mean, factor, ofBatch }, wanted) {
  const channels = lastAxis(step.inputShape), { gamma, beta } = step.parameters, count = x.length / channels;
  const dGamma = new Float64Array(channels), dBeta = new Float64Array(channels);
  for (let i = 0; i < x.length; i += channels) {
    for (let c = 0; c < channels; c++) {
      dGamma[c] += dy[i + c] * (x[i + c] - mean[c]) * factor[c];
      dBeta[c] += dy[i + c];
    }
  }
  let dx = null;
  if (wanted.input) {
    dx = new Float64Array(x.length);
    for (let i = 0; i < x.length; i += channels) {
      for (let c = 0; c < channels; c++) {
        // A value of the batch also changes the mean and the variance of its channel.
        const throughStatistics = ofBatch ? (dBeta[c] + (x[i + c] - mean[c]) * factor[c] * dGamma[c]) / count : 0;
        dx[i + c] = (gamma ? gamma[c] : 1) * factor[c] * (dy[i + c] - throughStatistics);
      }
    }
  }
  return { dx, parameters: { ...(gamma && { gamma: dGamma }), ...(beta && { beta: dBeta }) } };
}

function updateMovingAverages(step, { mean, variance, ofBatch }) {
  if (!ofBatch) return;
  const { moving_mean, moving_variance } = step.parameters, { momentum } = step.config;
  for (let c = 0; c < mean.length; c++) {
    moving_mean[c] = momentum * moving_mean[c] + (1 - momentum) * mean[c];
    moving_variance[c] = momentum * moving_variance[c] + (1 - momentum) * variance[c];
  }
}
