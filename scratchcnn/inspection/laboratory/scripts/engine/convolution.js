// Conv2D and Dense: forward pass, and the gradients with respect to input, kernel and bias.
//
// A convolution is a matrix product, image by image: row (oy, ox) of the patch matrix (OH * OW, KH * KW * C) is the window
// of that output, and the kernel (KH, KW, C, F) is, unchanged, a matrix (KH * KW * C, F). Arrays are flat, in C order.

const convolutionWindows = (shape, config) =>
  windowsOver2d(shape, config.kernel_size, config.strides, config.dilation_rate, config.padding);

// Copies the windows of image n to `patches`, with zeros in the padding.
function gatherPatches(x, start, channels, { rows, columns }, patches) {
  const wide = columns.kernel * channels;
  let to = 0;
  for (let oy = 0; oy < rows.output; oy++) {
    for (let ox = 0; ox < columns.output; ox++) {
      for (let ky = 0; ky < rows.kernel; ky++, to += wide) {
        const row = oy * rows.stride - rows.before + ky * rows.dilation;
        if (row < 0 || row >= rows.size) {
          for (let i = 0; i < wide; i++) patches[to + i] = 0;
          continue;
        }
        for (let kx = 0, at = to; kx < columns.kernel; kx++) {
          const column = ox * columns.stride - columns.before + kx * columns.dilation;
          if (column < 0 || column >= columns.size) {
            for (let c = 0; c < channels; c++) patches[at++] = 0;
          } else {
            const from = start + (row * columns.size + column) * channels;
            for (let c = 0; c < channels; c++) patches[at++] = x[from + c];
          }
        }
      }
    }
  }
}

// The transposed map: adds the gradients of the windows to the pixels that they were copied from.
function scatterPatches(patches, channels, { rows, columns }, dx, start) {
  const wide = columns.kernel * channels;
  let from = 0;
  for (let oy = 0; oy < rows.output; oy++) {
    for (let ox = 0; ox < columns.output; ox++) {
      for (let ky = 0; ky < rows.kernel; ky++, from += wide) {
        const row = oy * rows.stride - rows.before + ky * rows.dilation;
        if (row < 0 || row >= rows.size) continue;
        for (let kx = 0, at = from; kx < columns.kernel; kx++, at += channels) {
          const column = ox * columns.stride - columns.before + kx * columns.dilation;
          if (column < 0 || column >= columns.size) continue;
          const to = start + (row * columns.size + column) * channels;
          for (let c = 0; c < channels; c++) dx[to + c] += patches[at + c];
        }
      }
    }
  }
}

function convolve(step, x, count) {
  const windows = convolutionWindows(step.inputShape, step.config);
  const channels = step.inputShape[2], { filters } = step.config;
  const { kernel, bias } = step.parameters;
  const places = windows.rows.output * windows.columns.output, deep = kernel.length / filters;
  const y = filledWithBias(bias, count * places, filters), patches = new Float64Array(places * deep);
  for (let n = 0; n < count; n++) {
    gatherPatches(x, n * sizeOfShape(step.inputShape), channels, windows, patches);
    const output = matrix(y, filters, n * places * filters);
    addProduct(output, matrix(patches, deep), matrix(kernel, filters), places, deep, filters);
  }
  return y;
}

function convolveBackward(step, dy, x, count, wanted) {
  const windows = convolutionWindows(step.inputShape, step.config);
  const channels = step.inputShape[2], { filters } = step.config;
  const { kernel, bias } = step.parameters, size = sizeOfShape(step.inputShape);
  const places = windows.rows.output * windows.columns.output, deep = kernel.length / filters;
  const patches = new Float64Array(places * deep), dKernel = new Float64Array(kernel.length);
  const dx = wanted.input ? new Float64Array(count * size) : null;
  for (let n = 0; n < count; n++) {
    const dOutput = matrix(dy, filters, n * places * filters);
    if (wanted.parameters) {
      gatherPatches(x, n * size, channels, windows, patches);
      addProduct(matrix(dKernel, filters), transposed(matrix(patches, deep)), dOutput, deep, places, filters);
    }
    if (wanted.input) {
      patches.fill(0);
      addProduct(matrix(patches, deep), dOutput, transposed(matrix(kernel, filters)), places, filters, deep);
      scatterPatches(patches, channels, windows, dx, n * size);
    }
  }
  return { dx, parameters: wanted.parameters ? withBiasGradient(dKernel, bias, dy) : {} };
}

function multiplyDense(step, x, count) {
  const { kernel, bias } = step.parameters, inputs = step.inputShape[0], units = step.config.units;
  const y = filledWithBias(bias, count, units);
  addProduct(matrix(y, units), matrix(x, inputs), matrix(kernel, units), count, inputs, units);
  return y;
}

function multiplyDenseBackward(step, dy, x, count, wanted) {
  const { kernel, bias } = step.parameters, inputs = step.inputShape[0], units = step.config.units;
  let dx = null, parameters = {};
  if (wanted.input) {
    dx = new Float64Array(count * inputs);
    addProduct(matrix(dx, inputs), matrix(dy, units), transposed(matrix(kernel, units)), count, units, inputs);
  }
  if (wanted.parameters) {
    const dKernel = new Float64Array(kernel.length);
    addProduct(matrix(dKernel, units), transposed(matrix(x, inputs)), matrix(dy, units), inputs, count, units);
    parameters = withBiasGradient(dKernel, bias, dy);
  }
  return { dx, parameters };
}

function filledWithBias(bias, rows, columns) {
  const y = new Float64Array(rows * columns);
  if (bias !== undefined) for (let i = 0; i < rows; i++) y.set(bias, i * columns);
  return y;
}

function withBiasGradient(kernel, bias, dy) {
  if (bias === undefined) return { kernel };
  const dBias = new Float64Array(bias.length);
  for (let i = 0; i < dy.length; i += dBias.length) {
    for (let j = 0; j < dBias.length; j++) dBias[j] += dy[i + j];
  }
  return { kernel, bias: dBias };
}
