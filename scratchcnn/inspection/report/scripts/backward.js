// How a gradient was computed: from the gradients of the next layer, or from the loss.

// The gradient with respect to (w.r.t.) the output of layer `number`; -1 is the image.
function explainBackward(number, index) {
  const next = number + 1;
  const found = { number, index, stored: gradientOf(number)[index], dtype: page.layers[Math.max(number, 0)].dtype, back: true };
  if (number >= 0 && page.layers[number].dOutput === null) Object.assign(found, fromLoss(index));
  else if (next === page.layers.length) Object.assign(found, page.fromLogits ? fromLoss(index) : unknown("The gradient of this loss is not known to this page, which shows the stored value only."));
  else {
    const layer = page.layers[next];
    Object.assign(found, { source: next }, (BACKWARD[layer.kind] || describedBackward)(layer, next, index));
  }
  if (found.sum !== undefined) {
    found.before = found.value = found.sum;
    found.bound = boundOf(found);
  }
  if (number >= 0) addMask(found, page.layers[number], index);
  return found;
}

// The gradient that is shown for a layer: w.r.t. its output, or w.r.t. the logits if the softmax is part of the loss.
function gradientOf(number) {
  if (number < 0) return arrayOf(page.layers[0].dInput);
  const layer = page.layers[number];
  return arrayOf(layer.dOutput === null ? layer.dPreactivation : layer.dOutput);
}

function fromLoss(index) {
  const terms = [term(arrayOf(page.probabilities)[index], 1, -1), term(arrayOf(page.targets)[index], -1, -1)];
  terms[0].label = "probability";
  terms[1].label = "target";
  const note = "The gradient of the cross-entropy of a softmax w.r.t. a logit is probability \u2212 target; the target is 1 for the correct class, else 0.";
  return withProducts({ form: "terms", terms, left: "value", right: "factor", note }, terms.map((each) => each.product));
}

function addMask(found, layer, index) {
  if (layer.activation !== "relu" || layer.dOutput === null) return;
  found.mask = { active: arrayOf(layer.output)[index] > 0, stored: arrayOf(layer.dPreactivation)[index] };
}

const BACKWARD = {
  Conv2D(layer, next, index) {
    const [y, x, c] = unravel(index, layer.inputShape);
    const filters = layer.outputShape[2];
    const rows = windowsOver(layer.rows, y), columns = windowsOver(layer.columns, x);
    const dz = arrayOf(layer.dPreactivation), kernel = arrayOf(layer.kernel);
    const weight = (ky, kx, f) => kernel[ravel([ky, kx, c, f], layer.kernelShape)];
    const patches = [];
    for (let f = 0; f < filters; f++) {
      const cells = [];
      rows.forEach((oy, ky) => columns.forEach((ox, kx) => {
        const inside = oy >= 0 && ox >= 0;
        const place = inside ? ravel([oy, ox, f], layer.outputShape) : -1;
        cells.push(cell(inside ? dz[place] : 0, weight(ky, kx, f), inside, place));
      }));
      patches.push(patchOf(f, cells));
    }
    const found = {
      form: "patches", patches, size: [rows.length, columns.length], of: "filter",
      left: `gradient w.r.t. z of ${layer.name}`, right: (f) => `kernel[:, :, ${c}, ${f}]`,
      note: `This value lies in the windows of up to ${rows.length * columns.length} output positions. Each sends back its gradient times the weight that connects them.`,
    };
    const matrices = winogradOf(layer.algorithms?.inputGradient);
    if (matrices) { // a convolution of dz with the kernel rotated by 180°
      found.algorithmBound = winogradBound(matrices, {
        input: padded(dz, layer.outputShape), weight: (ky, kx, f) => weight(2 - ky, 2 - kx, f), channels: filters,
        place: [y, x], before: [2 - layer.rows.before, 2 - layer.columns.before], bias: 0, dtype: layer.dtype,
      });
    }
    return withProducts(found, patches.flatMap((patch) => patch.cells.map((each) => each.product)));
  },

  Dense(layer, next, index) {
    const dz = arrayOf(layer.dPreactivation), weight = denseKernel(layer);
    const terms = Array.from(dz, (value, j) => term(value, value === 0 ? 0 : weight(index, j), j));
    const note = `Every unit of ${layer.name} sends back its gradient times the weight that connects them.`;
    return withProducts({ form: "terms", terms, left: "gradient", right: "weight", note }, terms.map((each) => each.product));
  },

  MaxPooling2D(layer, next, index) {
    const [y, x, c] = unravel(index, layer.inputShape);
    const rows = windowsOver(layer.rows, y), columns = windowsOver(layer.columns, x);
    const dy = arrayOf(layer.dOutput), winners = arrayOf(layer.winners);
    const terms = [];
    rows.forEach((oy, ky) => columns.forEach((ox, kx) => {
      if (oy < 0 || ox < 0) return;
      const place = ravel([oy, ox, c], pooledShape(layer));
      terms.push(term(dy[place], winners[place] === ky * columns.length + kx ? 1 : 0, place));
    }));
    const won = terms.filter((each) => each.right === 1).length;
    const note = `${layer.name} sends the gradient of a window to its maximum only. This value lies in ${counted(terms.length, "window")} and is the maximum of ${won}.`;
    return withProducts({ form: "terms", terms, left: "gradient", right: "maximum?", note }, terms.map((each) => each.product));
  },

  AveragePooling2D(layer, next, index) {
    const [y, x, c] = unravel(index, layer.inputShape);
    const dy = arrayOf(layer.dOutput);
    const insideOf = (axis, output) => inputsOf(axis, output).filter((at) => at >= 0 && at < axis.size).length;
    const over = (axis, position) => windowsOver(axis, position).filter((output) => output >= 0);
    const terms = over(layer.rows, y).flatMap((oy) => over(layer.columns, x).map((ox) => {
      const place = ravel([oy, ox, c], pooledShape(layer));
      return term(dy[place], 1 / (insideOf(layer.rows, oy) * insideOf(layer.columns, ox)), place);
    }));
    const note = `${layer.name} sends an equal part of the gradient of a window to each of its values. This value lies in ${counted(terms.length, "window")}.`;
    return withProducts({ form: "terms", terms, left: "gradient", right: "1 / count", note }, terms.map((each) => each.product));
  },

  ZeroPadding2D(layer, next, index) {
    const [y, x, c] = unravel(index, layer.inputShape);
    const place = ravel([y + layer.rows.before, x + layer.columns.before, c], layer.outputShape);
    return passedBack(layer, place, 1, `${layer.name} returns the gradient of the inner part unchanged.`);
  },

  Dropout: (layer, next, index) => passedBack(layer, index, 1, `${layer.name} is inactive in this pass: it returns the gradient unchanged.`),
  Flatten: (layer, next, index) => passedBack(layer, index, 1, `${layer.name} only reorders values: it returns the gradient of one element unchanged.`),

  Activation(layer, next, index) {
    if (layer.dOutput === null) return fromLoss(index);
    if (layer.activation === "relu") {
      const active = arrayOf(layer.output)[index] > 0;
      return passedBack(layer, index, active ? 1 : 0, active ? "ReLU is active here (its output is above 0): the gradient passes." : "ReLU outputs 0 here, so the gradient is 0.");
    }
    return layer.activation === null ? passedBack(layer, index, 1, "The activation is linear: the gradient passes unchanged.")
      : unknown(`The derivative of the activation of ${layer.name} is not known to this page, which shows the stored value only.`);
  },
};

function passedBack(layer, index, weight, note) {
  const terms = [term(arrayOf(layer.dOutput)[index], weight, index)];
  return withProducts({ form: "terms", terms, left: "gradient", right: "factor", note }, [terms[0].product]);
}

// The gradient w.r.t. one weight of a Conv2D: the sum over all output positions of input times gradient.
function explainKernel(number, index) {
  const layer = page.layers[number];
  const filters = layer.kernelShape[3];
  const [ky, kx, pair] = unravel(index, [layer.kernelShape[0], layer.kernelShape[1], layer.kernelShape[2] * filters]);
  const c = Math.floor(pair / filters), f = pair % filters;
  const [outputRows, outputColumns] = layer.outputShape;
  const x = padded(arrayOf(layer.input), layer.inputShape), dz = padded(arrayOf(layer.dPreactivation), layer.outputShape);
  const inputs = new Float64Array(outputRows * outputColumns), gradients = inputs.slice(), products = inputs.slice();
  for (let oy = 0, at = 0; oy < outputRows; oy++) {
    const row = oy * layer.rows.stride - layer.rows.before + ky * layer.rows.dilation;
    for (let ox = 0; ox < outputColumns; ox++, at++) {
      const column = ox * layer.columns.stride - layer.columns.before + kx * layer.columns.dilation;
      inputs[at] = x(row, column, c);
      gradients[at] = dz(oy, ox, f);
      products[at] = inputs[at] * gradients[at];
    }
  }
  const found = {
    form: "places", number, index, dtype: layer.dtype, inputs, gradients, products, size: [outputRows, outputColumns],
    place: { ky, kx, c, f }, weight: arrayOf(layer.kernel)[index], stored: arrayOf(layer.dKernel)[index], back: true,
  };
  const matrices = winogradOf(layer.algorithms?.kernelGradient);
  if (matrices) {
    found.algorithmBound = winogradKernelBound(matrices, {
      input: (row, column) => x(row, column, c), gradient: (row, column) => dz(row, column, f), place: [ky, kx],
      rows: layer.rows, columns: layer.columns, dtype: layer.dtype,
    });
  }
  withProducts(found, Array.from(products));
  found.before = found.value = found.sum;
  found.bound = boundOf(found);
  return found;
}
