// Windows, and names of positions.

// The input positions of window number `output` along an axis; below 0, or from the axis's size on, lies the padding.
function inputsOf(axis, output) {
  return Array.from({ length: axis.kernel }, (_, k) => output * axis.stride - axis.before + k * axis.dilation);
}

// For each k, the number of the window whose element k lies at `position`; -1 if there is none.
function windowsOver(axis, position) {
  return Array.from({ length: axis.kernel }, (_, k) => {
    const offset = position + axis.before - k * axis.dilation;
    const window = offset / axis.stride;
    return Number.isInteger(window) && window >= 0 && window < axis.output ? window : -1;
  });
}

// The shape (OH, OW, C) of the outputs of windows over each channel.
const pooledShape = (layer) => [layer.rows.output, layer.columns.output, layer.inputShape[2]];

const axisNames = (shape, last = "channel") =>
  shape.length === 3 ? ["row", "column", last] : shape.length === 1 ? ["unit"] : shape.map((_, axis) => `axis ${axis}`);

function nameOfPlace(index, shape, last = "channel") {
  const place = unravel(index, shape);
  return axisNames(shape, last).map((name, axis) => `${name} ${place[axis]}`).join(", ");
}

const lastAxisOf = (layer) => (layer.kind === "Conv2D" ? "filter" : "channel");
const shapeOf = (number) => (number < 0 ? page.input.shape : page.layers[number].outputShape);
const nameOf = (number) => (number < 0 ? "the image" : page.layers[number].name);

// 'max_pooling2d, row 1, column 2, channel 3': an element of a layer's output, or of the image.
function nameOfUnit(number, index) {
  return `${nameOf(number)}, ${nameOfPlace(index, shapeOf(number), number < 0 ? "channel" : lastAxisOf(page.layers[number]))}`;
}
