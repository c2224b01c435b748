// Receptive fields: the pixels that a value depends on, computed layer by layer from the output to the image.

// For each pixel of an image (H, W), or each element of a vector, whether output `index` of layer `number` depends on it.
function fieldOf(number, index) {
  let mask = spatialMask(shapeOf(number), index);
  for (let at = number; at >= 0; at--) mask = maskBefore(page.layers[at], mask);
  return mask;
}

// Positions without the channel: a convolution reads all channels of a position.
const placesIn = (shape) => (shape.length === 3 ? shape[0] * shape[1] : sizeOf(shape));

function spatialMask(shape, index) {
  const mask = new Uint8Array(placesIn(shape));
  mask[shape.length === 3 ? Math.floor(index / shape[2]) : index] = 1;
  return mask;
}

function maskBefore(layer, mask) {
  const { inputShape, outputShape } = layer;
  const alongLastAxis = layer.activation === "softmax" && outputShape.length === 3;
  if (!layer.elementwise && !alongLastAxis) mask = mask.fill(1);
  if (layer.rows) return maskOfWindows(layer, mask);
  if (layer.kind === "Flatten" && inputShape.length === 3) {
    const before = new Uint8Array(placesIn(inputShape));
    mask.forEach((on, i) => { if (on) before[Math.floor(i / inputShape[2])] = 1; });
    return before;
  }
  if (layer.forward) return maskOfTerms(layer, mask);
  const mixes = layer.kind === "Dense" || layer.kind === "other";
  return mixes ? new Uint8Array(placesIn(inputShape)).fill(1) : mask;
}

function maskOfWindows(layer, mask) {
  const [height, width] = layer.inputShape;
  const before = new Uint8Array(height * width);
  mask.forEach((on, at) => {
    if (!on) return;
    for (const row of inputsOf(layer.rows, Math.floor(at / layer.columns.output))) {
      for (const column of inputsOf(layer.columns, at % layer.columns.output)) {
        if (row >= 0 && row < height && column >= 0 && column < width) before[row * width + column] = 1;
      }
    }
  });
  return before;
}

function maskOfTerms(layer, mask) {
  const { inputShape, outputShape } = layer;
  const placeOf = (index, shape) => (shape.length === 3 ? Math.floor(index / shape[2]) : index);
  const before = new Uint8Array(placesIn(inputShape));
  for (let index = 0; index < sizeOf(outputShape); index++) {
    if (!mask[placeOf(index, outputShape)]) continue;
    for (const [source] of termsIn(layer.forward, index)) if (source >= 0) before[placeOf(source, inputShape)] = 1;
  }
  return before;
}

// Draws the image, dimmed outside the receptive field.
function drawField(canvas, mask) {
  const [height, width] = page.input.shape;
  const scale = Math.max(1, Math.floor(150 / Math.max(height, width)));
  const context = sized(canvas, width * scale, height * scale);
  context.drawImage(imageCanvas(), 0, 0, width * scale, height * scale);
  if (mask === null) return;
  const inside = (row, column) => row >= 0 && row < height && column >= 0 && column < width && mask[row * width + column] === 1;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (inside(row, column)) continue;
      context.fillStyle = "rgba(60, 80, 110, 0.55)";
      context.fillRect(column * scale, row * scale, scale, scale);
    }
  }
  context.fillStyle = "#ffb347";
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (!inside(row, column)) continue;
      const [x, y, edge] = [column * scale, row * scale, Math.max(1, scale / 4)];
      if (!inside(row - 1, column)) context.fillRect(x, y, scale, edge);
      if (!inside(row + 1, column)) context.fillRect(x, y + scale - edge, scale, edge);
      if (!inside(row, column - 1)) context.fillRect(x, y, edge, scale);
      if (!inside(row, column + 1)) context.fillRect(x + scale - edge, y, edge, scale);
    }
  }
}

// The input image, one canvas pixel per pixel: in grey, or in colour if it has 3 channels.
function imageCanvas() {
  const shape = page.input.shape, values = arrayOf(page.input.array);
  const [height, width, channels] = shape.length === 3 ? shape : [1, sizeOf(shape), 1];
  const [least, high] = rangeOf(values), low = Math.min(0, least);
  return pixelCanvas(height, width, (at) => {
    const one = (c) => greyOf(values[at * channels + c], low, high)[0];
    return channels === 3 ? [one(0), one(1), one(2)] : [one(0), one(0), one(0)];
  });
}
