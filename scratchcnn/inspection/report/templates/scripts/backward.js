// What a gradient was computed from: the gradients that the next layer sent back, or the loss.

// The gradient by the output of layer `number` (-1: by the image).
function explainBackward(number, index) {
  const next = number + 1;
  const found = { number, index, stored: gradientOf(number)[index], dtype: page.layers[Math.max(number, 0)].dtype, back: true };
  if (number >= 0 && page.layers[number].dOutput === null) Object.assign(found, fromLoss(index));
  else if (next === page.layers.length) Object.assign(found, page.fromLogits ? fromLoss(index) : { form: "unknown" });
  else {
    const layer = page.layers[next];
    Object.assign(found, { source: next }, (BACKWARD[layer.kind] || unknownForward)(layer, next, index));
  }
  if (found.sum !== undefined) {
    found.before = found.value = found.sum;
    found.allowed = found.count ? allowance(found.count, found.magnitude, found.dtype) : 0;
  }
  if (number >= 0) addGate(found, page.layers[number], index);
  return found;
}

// The gradient that is shown for a layer: by its output; by what went into the softmax, where that is part of the loss.
function gradientOf(number) {
  if (number < 0) return numbers(page.layers[0].dInput);
  const layer = page.layers[number];
  return numbers(layer.dOutput === null ? layer.dPreactivation : layer.dOutput);
}

function fromLoss(index) {
  const shares = numbers(page.probabilities), targets = numbers(page.targets);
  const terms = [term(shares[index], 1, -1), term(targets[index], -1, -1)];
  terms[0].label = "probability";
  terms[1].label = "what is right";
  const note = "Softmax and cross-entropy together have this gradient: what the network says, less what is right.";
  return withProducts({ form: "terms", terms, left: "number", right: "factor", note }, terms.map((each) => each.product));
}

function addGate(found, layer, index) {
  if (layer.activation !== "relu" || layer.dOutput === null) return;
  const open = numbers(layer.output)[index] > 0;
  found.gate = { open, value: open ? found.stored : 0, stored: numbers(layer.dPreactivation)[index] };
}

const BACKWARD = {
  Conv2D(layer, next, index) {
    const [y, x, c] = unravel(index, layer.inputShape);
    const filters = layer.outputShape[2];
    const rows = seersOf(layer.rows, y), columns = seersOf(layer.columns, x);
    const dz = numbers(layer.dPreactivation), kernel = numbers(layer.kernel);
    const patches = [];
    for (let f = 0; f < filters; f++) {
      const cells = [];
      rows.forEach((oy, ky) => columns.forEach((ox, kx) => {
        const inside = oy >= 0 && ox >= 0;
        const place = inside ? ravel([oy, ox, f], layer.outputShape) : -1;
        cells.push(cell(inside ? dz[place] : 0, kernel[ravel([ky, kx, c, f], layer.kernelShape)], inside, place));
      }));
      patches.push(patchOf(f, cells));
    }
    const found = {
      form: "patches", patches, size: [rows.length, columns.length], of: "filter",
      left: `gradients of ${layer.name}`, right: (f) => `kernel[:, :, ${c}, ${f}]`,
    };
    return withProducts(found, patches.flatMap((patch) => patch.cells.map((each) => each.product)));
  },

  Dense(layer, next, index) {
    const dz = numbers(layer.dPreactivation), weight = denseKernel(layer);
    const terms = Array.from(dz, (value, j) => term(value, value === 0 ? 0 : weight(index, j), j));
    return withProducts({ form: "terms", terms, left: "gradient", right: "weight" }, terms.map((each) => each.product));
  },

  MaxPooling2D(layer, next, index) {
    const [y, x, c] = unravel(index, layer.inputShape);
    const rows = seersOf(layer.rows, y), columns = seersOf(layer.columns, x);
    const dy = numbers(layer.dOutput), winners = numbers(layer.winners);
    const terms = [];
    rows.forEach((oy, ky) => columns.forEach((ox, kx) => {
      if (oy < 0 || ox < 0) return;
      const place = ravel([oy, ox, c], layer.outputShape);
      terms.push(term(dy[place], winners[place] === ky * columns.length + kx ? 1 : 0, place));
    }));
    const won = terms.filter((each) => each.right === 1).length;
    const note = `The number was in ${counted(terms.length, "window")}, and won ${won}; the others send it nothing.`;
    return withProducts({ form: "terms", terms, left: "gradient", right: "won?", note }, terms.map((each) => each.product));
  },

  Dropout: (layer, next, index) => passedBack(layer, index, 1, "Dropout was off: the gradient passes as it is."),
  Flatten: (layer, next, index) => passedBack(layer, index, 1, "Nothing is computed: the gradient has only got another place."),
  Rescaling: (layer, next, index) => passedBack(layer, index, layer.scale, "The gradient is scaled as the number was."),

  Activation(layer, next, index) {
    if (layer.dOutput === null) return fromLoss(index);
    if (layer.activation === "relu") {
      const open = numbers(layer.output)[index] > 0;
      return passedBack(layer, index, open ? 1 : 0, open ? "ReLU let the number through, and lets its gradient through." : "ReLU made the number zero, and stops its gradient.");
    }
    return layer.activation === null ? passedBack(layer, index, 1, "The gradient passes as it is.") : { form: "unknown" };
  },
};

function passedBack(layer, index, weight, note) {
  const terms = [term(numbers(layer.dOutput)[index], weight, index)];
  return withProducts({ form: "terms", terms, left: "gradient", right: "factor", note }, [terms[0].product]);
}

// The gradient by one weight of a Conv2D: over all places, what it was multiplied with times the gradient there.
function explainKernel(number, index) {
  const layer = page.layers[number];
  const filters = layer.kernelShape[3];
  const [ky, kx, pair] = unravel(index, [layer.kernelShape[0], layer.kernelShape[1], layer.kernelShape[2] * filters]);
  const c = Math.floor(pair / filters), f = pair % filters;
  const [height, width] = layer.inputShape, [outputRows, outputColumns] = layer.outputShape;
  const x = numbers(layer.input), dz = numbers(layer.dPreactivation);
  const seen = new Float64Array(outputRows * outputColumns), sent = seen.slice(), products = seen.slice();
  for (let oy = 0, at = 0; oy < outputRows; oy++) {
    const row = oy * layer.rows.stride - layer.rows.before + ky * layer.rows.dilation;
    for (let ox = 0; ox < outputColumns; ox++, at++) {
      const column = ox * layer.columns.stride - layer.columns.before + kx * layer.columns.dilation;
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      seen[at] = inside ? x[ravel([row, column, c], layer.inputShape)] : 0;
      sent[at] = dz[ravel([oy, ox, f], layer.outputShape)];
      products[at] = seen[at] * sent[at];
    }
  }
  const found = {
    form: "places", number, index, dtype: layer.dtype, seen, sent, products, size: [outputRows, outputColumns],
    place: { ky, kx, c, f }, weight: numbers(layer.kernel)[index], stored: numbers(layer.dKernel)[index], back: true,
  };
  withProducts(found, Array.from(products));
  found.before = found.value = found.sum;
  found.allowed = allowance(found.count, found.magnitude, layer.dtype);
  return found;
}
