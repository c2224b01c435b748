// Rescaling and ZeroPadding2D: forward pass and gradient with respect to the input.

const rescale = ({ config: { scale, offset } }, x) => x.map((value) => value * scale + offset);
const rescaleBackward = ({ config: { scale } }, dy) => dy.map((value) => value * scale);

function padWithZeros(step, x, count) {
  const y = new Float64Array(count * sizeOfShape(step.outputShape));
  forEachRow(step, count, (inner, outer, length) => y.set(x.subarray(inner, inner + length), outer));
  return y;
}

function padWithZerosBackward(step, dy, count) {
  const dx = new Float64Array(count * sizeOfShape(step.inputShape));
  forEachRow(step, count, (inner, outer, length) => dx.set(dy.subarray(outer, outer + length), inner));
  return dx;
}

// Calls visit(start in the image, start in the padded image, length) for each row of each image.
function forEachRow({ inputShape, outputShape, config: { padding } }, count, visit) {
  const [height, width, channels] = inputShape, [[top], [left]] = padding;
  for (let n = 0; n < count; n++) {
    for (let row = 0; row < height; row++) {
      const outer = ((n * outputShape[0] + top + row) * outputShape[1] + left) * channels;
      visit((n * height + row) * width * channels, outer, width * channels);
    }
  }
}
