// What an answer depends on: occlusion, and gradient ascent on the image toward a class.

// The decrease of a class probability when a patch is covered, as `scratchcnn.inspection.occlusion`. Returns
// {baseline, map}: the probability of the image, and for each pixel the mean decrease over the patches that cover it. A
// generator as `predict`.
function* occlude(network, image, label, { size = null, stride = 1, fill = 0, shape = network.inputShape } = {}) {
  const [height, width, channels] = imageShapeOf(shape);
  const [high, wide] = size ?? [height, width].map((length) => Math.max(1, Math.round(length / 6)));
  const map = new Float64Array(height * width), covers = new Float64Array(height * width);
  const corners = startsOf(height, high, stride).flatMap((top) => startsOf(width, wide, stride).map((left) => [top, left]));
  const baseline = (yield* predict(network, image))[label];
  for (let first = 0; first < corners.length; first += CHUNK) {
    yield;
    const some = corners.slice(first, first + CHUNK);
    const covered = some.map(([top, left]) => {
      const copy = image.slice();
      for (let row = top; row < top + high; row++) {
        copy.fill(fill, (row * width + left) * channels, (row * width + left + wide) * channels);
      }
      return copy;
    });
    const predictions = yield* predict(network, concatenated(covered)), classes = predictions.length / some.length;
    some.forEach(([top, left], i) => {
      const decrease = baseline - predictions[i * classes + label];
      for (let row = top; row < top + high; row++) {
        for (let column = left; column < left + wide; column++) {
          map[row * width + column] += decrease;
          covers[row * width + column]++;
        }
      }
    });
  }
  return { baseline, map: map.map((sum, i) => sum / covers[i]) };
}

// 0, stride, 2 stride, ...; the last patch ends with the image.
function startsOf(length, side, stride) {
  const starts = [];
  for (let start = 0; start < length - side; start += stride) starts.push(start);
  return [...starts, length - side];
}

// Changes an image step by step so that the loss for `label` falls. A generator: yields {image, predictions, loss} for
// the image itself and after each step, at most `steps`, and ends when the class has the probability `until`.
//
// Each step moves the pixels against the smoothed gradient, by at most `rate * high`, and keeps them in [0, high].
// Smoothing favours strokes, which have a width, over the single pixels that deceive a network. `shape` arranges the
// values of a vector as an image.
function* ascentFrames(network, image, label, settings = {}) {
  const { steps = 40, rate = 0.15, smoothing = 2, until = 0.95, high = 1 } = settings;
  const shape = imageShapeOf(settings.shape ?? network.inputShape);
  let x = Float64Array.from(image);
  for (let step = 0; ; step++) {
    const pass = forward(network, x, 1), predictions = predictionsOf(network, pass);
    const { value, gradient } = lossOf(network, pass, [label]);
    yield { image: x.slice(), predictions: predictions.slice(), loss: value }; // copies: the worker gives them away
    if (step >= steps || predictions[label] >= until) return;
    let slope = backward(network, pass, gradient, { parameters: false }).values[0];
    for (let i = 0; i < smoothing; i++) slope = smoothed(slope, shape);
    const largest = slope.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    if (largest === 0) return; // no pixel has an effect
    x = x.map((value, i) => Math.min(high, Math.max(0, value - (rate * high * slope[i]) / largest)));
  }
}

// The mean over 3 x 3 pixels with the weights 1 2 1 in both directions; 0 outside the image.
function smoothed(values, [height, width, channels]) {
  const along = (from, step, position, length) => from.map((value, i) => {
    const place = position(i);
    return value / 2 + (place > 0 ? from[i - step] / 4 : 0) + (place < length - 1 ? from[i + step] / 4 : 0);
  });
  const columns = along(values, channels, (i) => Math.floor(i / channels) % width, width);
  return along(columns, width * channels, (i) => Math.floor(i / (width * channels)), height);
}
