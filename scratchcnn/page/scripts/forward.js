// How an output value was computed: the formulas of scratchcnn/reference, for one value.
//
// An explanation contains the products before they are added, in one of these forms:
//   patches   of a convolution: for each channel a small matrix of inputs and one of weights
//   terms     a list: input times weight, and the index of the input
//   window    of a max pooling, unless it is large
//   places    of a kernel gradient: inputs and gradients at all output positions
//   unknown   of a layer without description
// and the values of the calculation: sum, bias, before (the activation), value; `stored` is the model's own result, and
// `bound` limits how far rounding can move `stored` from `value`.

function explainForward(number, index) {
  const layer = page.layers[number];
  const parts = (FORWARD[layer.kind] || describedForward)(layer, number, index);
  return finished({ number, index, dtype: layer.dtype, activation: layer.activation, ...parts }, layer, index);
}

function finished(found, layer, index) {
  found.stored = arrayOf(layer.output)[index];
  found.storedBefore = arrayOf(layer.preactivation)[index];
  if (found.sum === undefined) return found;
  found.before = found.sum + (found.bias ?? 0);
  found.boundBefore = boundOf(found);
  found.value = found.before;
  found.bound = found.boundBefore;
  if (layer.activation === "relu") found.value = found.before > 0 || Number.isNaN(found.before) ? found.before : 0;
  if (layer.activation === "softmax") throughSoftmax(found, layer, index);
  if (layer.activation === "?") found.value = undefined;
  return found;
}

function throughSoftmax(found, layer, index) {
  const length = layer.outputShape[layer.outputShape.length - 1];
  const start = index - (index % length);
  const logits = Array.from(arrayOf(layer.preactivation).slice(start, start + length));
  found.softmax = { logits, chosen: index - start, ...softmaxOf(logits, layer.dtype) };
  found.value = found.softmax.probabilities[index - start];
  found.bound = found.softmax.bounds[index - start];
}

function withProducts(found, products) {
  found.sum = sumOf(products);
  found.magnitude = sumOf(products.map(Math.abs));
  found.count = products.length;
  return found;
}

// The bound for a plain sum, or for the algorithm that computed the value if that is larger.
function boundOf(found) {
  if (!found.count) return 0; // a maximum is exact
  if (found.describedBound !== undefined) return found.describedBound;
  const plain = sumBound(found.magnitude + Math.abs(found.bias ?? 0), found.count, found.dtype);
  return Math.max(plain, found.algorithmBound ?? 0);
}

// The elements of a sample (H, W, C) by row, column and channel; 0 outside.
const padded = (values, [height, width, channels]) => (row, column, c) =>
  row >= 0 && row < height && column >= 0 && column < width ? values[(row * width + column) * channels + c] : 0;

const MOST_CELLS = 64; // of a window that is shown as a matrix

const FORWARD = {
  Conv2D(layer, number, index) {
    const [oy, ox, f] = unravel(index, layer.outputShape);
    const [height, width, channels] = layer.inputShape;
    const rows = inputsOf(layer.rows, oy), columns = inputsOf(layer.columns, ox);
    const x = arrayOf(layer.input), kernel = arrayOf(layer.kernel);
    const weight = (ky, kx, c) => kernel[ravel([ky, kx, c, f], layer.kernelShape)];
    const bias = layer.bias === null ? null : arrayOf(layer.bias)[f];
    const patches = [];
    for (let c = 0; c < channels; c++) {
      const cells = [];
      rows.forEach((row, ky) => columns.forEach((column, kx) => {
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        const place = (row * width + column) * channels + c;
        cells.push(cell(inside ? x[place] : 0, weight(ky, kx, c), inside, inside ? place : -1));
      }));
      patches.push(patchOf(c, cells));
    }
    const found = {
      form: "patches", patches, size: [rows.length, columns.length], of: "channel", source: number - 1, bias,
      left: `patch of ${nameOf(number - 1)}`, right: (c) => `kernel[:, :, ${c}, ${f}]`, dtype: layer.dtype,
    };
    const matrices = winogradOf(layer.algorithms?.forward);
    if (matrices) {
      found.algorithmBound = winogradBound(matrices, {
        input: padded(x, layer.inputShape), weight, channels, place: [oy, ox], bias: bias ?? 0, dtype: layer.dtype,
        before: [layer.rows.before, layer.columns.before],
      });
    }
    return withProducts(found, patches.flatMap((patch) => patch.cells.map((each) => each.product)));
  },

  Dense(layer, number, index) {
    const x = arrayOf(layer.input), weight = denseKernel(layer);
    const terms = Array.from(x, (value, i) => term(value, value === 0 ? 0 : weight(i, index), i));
    const found = {
      form: "terms", terms, source: number - 1, left: "input", right: "weight",
      bias: layer.bias === null ? null : arrayOf(layer.bias)[index],
    };
    return withProducts(found, terms.map((each) => each.product));
  },

  MaxPooling2D(layer, number, index) {
    const winner = arrayOf(layer.winners)[index];
    const cells = windowOf(layer, index).map((each, i) => ({ ...each, left: each.inside ? each.left : -Infinity, won: i === winner }));
    const largest = cells.reduce((most, each) => Math.max(most, each.left), -Infinity);
    const value = cells.some((each) => Number.isNaN(each.left)) ? NaN : largest;
    const ties = cells.filter((each) => each.left === largest).length;
    const found = { source: number - 1, sum: value, count: 0 };
    if (cells.length <= MOST_CELLS) {
      return { ...found, form: "window", cells, size: [layer.rows.kernel, layer.columns.kernel], ties };
    }
    const note = `The maximum of ${counted(cells.length, "value")}; the others do not contribute.` +
      (ties > 1 ? ` ${ties} values are equally large: the first in reading order is used, and only it receives a gradient.` : "");
    return { ...found, form: "terms", terms: [term(cells[winner].left, 1, cells[winner].place)], left: "input", right: "maximum", note };
  },

  AveragePooling2D(layer, number, index) {
    const cells = windowOf(layer, index);
    const count = cells.filter((each) => each.inside).length;
    const scaled = cells.map((each) => cell(each.left, 1 / count, each.inside, each.place));
    const found = { source: number - 1, bias: null };
    if (cells.length <= MOST_CELLS) {
      const [name] = unravel(index, layer.outputShape).slice(-1);
      Object.assign(found, {
        form: "patches", patches: [patchOf(name, scaled)], size: [layer.rows.kernel, layer.columns.kernel], of: "channel",
        left: `window of ${nameOf(number - 1)}`, right: () => `1 / ${count}`, outside: "",
        note: count < cells.length ? "Positions outside the image are not counted." : undefined,
      });
    } else {
      Object.assign(found, {
        form: "terms", terms: scaled.filter((each) => each.inside), left: "input", right: `1 / ${count}`,
        note: `The mean of ${counted(count, "value")}.`,
      });
    }
    return withProducts(found, scaled.map((each) => each.product));
  },

  ZeroPadding2D(layer, number, index) {
    const [{ inside, place }] = windowOf(layer, index);
    if (inside) return passedOn(layer, number, place, 1, `${layer.name} copies the input and adds zeros around it.`);
    const note = `${layer.name} adds zeros around the input; this is one of them.`;
    return withProducts({ form: "terms", terms: [{ ...term(0, 1, -1), label: "padding" }], left: "input", right: "factor", note }, [0]);
  },

  Dropout: (layer, number, index) => passedOn(layer, number, index, 1, "Dropout is inactive during inference: the output is the input."),
  Flatten: (layer, number, index) => passedOn(layer, number, index, 1, `${layer.name} only reorders values: the output is one element of the input.`),
  Activation: (layer, number, index) => passedOn(layer, number, index, 1, "The input of this layer is z, to which the activation function is applied."),
};

// The elements of the window of output `index`, row by row; one window for each channel. An output without rows and
// columns is that of a single window.
function windowOf(layer, index) {
  const [height, width, channels] = layer.inputShape;
  const [oy, ox, c] = unravel(index, pooledShape(layer));
  const x = arrayOf(layer.input);
  return inputsOf(layer.rows, oy).flatMap((row) => inputsOf(layer.columns, ox).map((column) => {
    const inside = row >= 0 && row < height && column >= 0 && column < width;
    const place = inside ? (row * width + column) * channels + c : -1;
    return { left: inside ? x[place] : 0, inside, place };
  }));
}

function passedOn(layer, number, index, weight, note) {
  const terms = [term(arrayOf(layer.input)[index], weight, index)];
  return withProducts({ form: "terms", terms, source: number - 1, left: "input", right: "factor", note }, [terms[0].product]);
}

const term = (left, right, place) => ({ left, right, product: left * right, place });
const cell = (left, right, inside, place) => ({ left, right, product: inside ? left * right : 0, inside, place });
const patchOf = (name, cells) => ({ name, cells, sum: sumOf(cells.map((each) => each.product)) });

// The input with the largest contribution: the next step on the way to the pixels.
function largestInput(found) {
  const cells = found.form === "patches" ? found.patches.flatMap((patch) => patch.cells) : found.terms || found.cells || [];
  let best = null;
  for (const each of cells) {
    const weight = found.form === "window" ? (each.won ? 1 : -1) : Math.abs(each.product);
    if (each.place >= 0 && (best === null || weight > best.weight)) best = { weight, place: each.place };
  }
  return best === null ? null : best.place;
}
