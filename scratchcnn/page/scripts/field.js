// Receptive fields: the pixels that a value depends on, computed layer by layer from the output to the image.

// For each pixel of an image (H, W), or each element of a vector, whether output `index` of layer `number` depends on it.
function fieldOf(number, index) {
  let mask = new Uint8Array(sizeOf(shapeOf(number)));
  mask[index] = 1;
  for (let at = number; at >= 0; at--) mask = maskBefore(page.layers[at], mask);
  return pixelsOf(mask, page.input.shape);
}

// The positions of which a mask contains a channel.
function pixelsOf(mask, shape) {
  if (shape.length !== 3) return mask;
  const pixels = new Uint8Array(shape[0] * shape[1]);
  mask.forEach((on, i) => { if (on) pixels[Math.floor(i / shape[2])] = 1; });
  return pixels;
}

// The elements of a layer's input on which the elements of its output in a mask depend.
function maskBefore(layer, mask) {
  const { inputShape, outputShape } = layer;
  if (!mask.includes(1)) return new Uint8Array(sizeOf(inputShape));
  if (!layer.elementwise) mask = spread(mask, layer.activation === "softmax" ? outputShape[outputShape.length - 1] : mask.length);
  if (layer.forward) return maskOfTerms(layer, mask);
  if (layer.rows) return maskOfWindows(layer, mask);
  const mixes = layer.kind === "Dense" || layer.kind === "other";
  return mixes ? new Uint8Array(sizeOf(inputShape)).fill(1) : mask;
}

// The mask with all elements of each group of `length` neighbours of which it contains one.
function spread(mask, length) {
  const after = new Uint8Array(mask.length);
  for (let start = 0; start < mask.length; start += length) {
    if (mask.subarray(start, start + length).includes(1)) after.fill(1, start, start + length);
  }
  return after;
}

const BY_CHANNEL = ["MaxPooling2D", "AveragePooling2D", "ZeroPadding2D"]; // of other layers, a window has all channels

function maskOfWindows(layer, mask) {
  const [height, width, channels] = layer.inputShape;
  const depth = mask.length / (layer.rows.output * layer.columns.output);
  const before = new Uint8Array(height * width * channels);
  for (let at = 0; at * depth < mask.length; at++) {
    const here = mask.subarray(at * depth, (at + 1) * depth);
    if (!here.includes(1)) continue;
    for (const row of inputsOf(layer.rows, Math.floor(at / layer.columns.output))) {
      for (const column of inputsOf(layer.columns, at % layer.columns.output)) {
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        const start = (row * width + column) * channels;
        if (BY_CHANNEL.includes(layer.kind)) here.forEach((on, c) => { if (on) before[start + c] = 1; });
        else before.fill(1, start, start + channels);
      }
    }
  }
  return before;
}

function maskOfTerms(layer, mask) {
  const before = new Uint8Array(sizeOf(layer.inputShape));
  mask.forEach((on, index) => {
    if (on) for (const [source] of termsIn(layer.forward, index)) if (source >= 0) before[source] = 1;
  });
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
    const level = (c) => greyOf(values[at * channels + c], low, high)[0];
    const one = (c) => (page.inkOnPaper && channels === 1 ? 255 - level(c) : level(c));
    return channels === 3 ? [one(0), one(1), one(2)] : [one(0), one(0), one(0)];
  });
}
