// What an output was computed from: the same formulas as in scratchcnn/reference, for one number.
//
// An explanation holds the products before they are added up, in one of three forms:
//   patches   of a convolution: for each channel a small matrix of inputs, one of weights
//   terms     a list: input times weight, and which unit the input came from
//   window    of a pooling: the numbers of which the largest went on
// and the ledger's numbers: sum, bias, before (the activation), value; stored is what the model computed.

function explainForward(number, index) {
  const layer = page.layers[number];
  const parts = (FORWARD[layer.kind] || unknownForward)(layer, number, index);
  return finished({ number, index, dtype: layer.dtype, activation: layer.activation, ...parts }, layer, index);
}

function finished(found, layer, index) {
  found.stored = numbers(layer.output)[index];
  found.storedBefore = numbers(layer.preactivation)[index];
  if (found.sum === undefined) return found;
  found.before = found.sum + (found.bias ?? 0);
  found.allowedBefore = found.count ? allowance(found.count, found.magnitude + Math.abs(found.bias ?? 0), layer.dtype) : 0;
  found.value = found.before;
  found.allowed = found.allowedBefore;
  if (layer.activation === "relu") found.value = found.before > 0 || Number.isNaN(found.before) ? found.before : 0;
  if (layer.activation === "softmax") throughSoftmax(found, layer, index);
  if (layer.activation === "?") found.value = undefined;
  return found;
}

function throughSoftmax(found, layer, index) {
  const length = layer.outputShape[layer.outputShape.length - 1];
  const start = index - (index % length);
  const logits = Array.from(numbers(layer.preactivation).slice(start, start + length));
  found.softmax = { logits, chosen: index - start, ...softmaxOf(logits, layer.dtype) };
  found.value = found.softmax.shares[index - start];
  found.allowed = found.softmax.allowed[index - start];
}

function withProducts(found, products) {
  found.sum = sumOf(products);
  found.magnitude = sumOf(products.map(Math.abs));
  found.count = products.length;
  return found;
}

const FORWARD = {
  Conv2D(layer, number, index) {
    const [oy, ox, f] = unravel(index, layer.outputShape);
    const [, width, channels] = layer.inputShape;
    const height = layer.inputShape[0];
    const rows = seenBy(layer.rows, oy), columns = seenBy(layer.columns, ox);
    const x = numbers(layer.input), kernel = numbers(layer.kernel);
    const patches = [];
    for (let c = 0; c < channels; c++) {
      const cells = [];
      rows.forEach((row, ky) => columns.forEach((column, kx) => {
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        const place = (row * width + column) * channels + c;
        cells.push(cell(inside ? x[place] : 0, kernel[ravel([ky, kx, c, f], layer.kernelShape)], inside, inside ? place : -1));
      }));
      patches.push(patchOf(c, cells));
    }
    const found = {
      form: "patches", patches, size: [rows.length, columns.length], of: "channel", source: number - 1,
      left: `patch of ${nameOf(number - 1)}`, right: (c) => `kernel[:, :, ${c}, ${f}]`,
      bias: layer.bias === null ? null : numbers(layer.bias)[f],
    };
    return withProducts(found, patches.flatMap((patch) => patch.cells.map((each) => each.product)));
  },

  Dense(layer, number, index) {
    const x = numbers(layer.input), weight = denseKernel(layer);
    const terms = Array.from(x, (value, i) => term(value, value === 0 ? 0 : weight(i, index), i));
    const found = {
      form: "terms", terms, source: number - 1, left: "input", right: "weight",
      bias: layer.bias === null ? null : numbers(layer.bias)[index],
    };
    return withProducts(found, terms.map((each) => each.product));
  },

  MaxPooling2D(layer, number, index) {
    const [oy, ox, c] = unravel(index, layer.outputShape);
    const [height, width, channels] = layer.inputShape;
    const rows = seenBy(layer.rows, oy), columns = seenBy(layer.columns, ox);
    const x = numbers(layer.input), winner = numbers(layer.winners)[index];
    const cells = [];
    rows.forEach((row) => columns.forEach((column) => {
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      const place = (row * width + column) * channels + c;
      cells.push({ left: inside ? x[place] : -Infinity, inside, place: inside ? place : -1, won: cells.length === winner });
    }));
    const largest = Math.max(...cells.map((each) => each.left));
    const value = cells.some((each) => Number.isNaN(each.left)) ? NaN : largest;
    return {
      form: "window", cells, size: [rows.length, columns.length], source: number - 1, sum: value, count: 0,
      ties: cells.filter((each) => each.left === largest).length,
    };
  },

  Dropout: (layer, number, index) => passedOn(layer, number, index, 1, "Dropout acts in training only; here the number passes as it is."),
  Flatten: (layer, number, index) => passedOn(layer, number, index, 1, "Nothing is computed: the number has only got another place."),
  Activation: (layer, number, index) => passedOn(layer, number, index, 1, "The activation takes the number as it came."),
  Rescaling(layer, number, index) {
    return { ...passedOn(layer, number, index, layer.scale, "The number is scaled, and the offset added."), bias: layer.offset };
  },
};

function passedOn(layer, number, index, weight, note) {
  const terms = [term(numbers(layer.input)[index], weight, index)];
  return withProducts({ form: "terms", terms, source: number - 1, left: "input", right: "factor", note }, [terms[0].product]);
}

const unknownForward = (layer, number) => ({ form: "unknown", source: number - 1 });
const term = (left, right, place) => ({ left, right, product: left * right, place });
const cell = (left, right, inside, place) => ({ left, right, product: inside ? left * right : 0, inside, place });
const patchOf = (name, cells) => ({ name, cells, sum: sumOf(cells.map((each) => each.product)) });

// The input that gave most: where to go on, towards the pixels.
function largestInput(found) {
  const cells = found.form === "patches" ? found.patches.flatMap((patch) => patch.cells) : found.terms || found.cells || [];
  let best = null;
  for (const each of cells) {
    const weight = found.form === "window" ? (each.won ? 1 : -1) : Math.abs(each.product);
    if (each.place >= 0 && (best === null || weight > best.weight)) best = { weight, place: each.place };
  }
  return best === null ? null : best.place;
}
