// The kinds of steps of a network: the layers, and the activation that follows a layer's affine map.
//
//   outputShape(inputShape, config)   of one sample
//   parameters(inputShape, config)    the shapes of the parameters, by name
//   forward(step, x, count, options)  -> {y, cache}
//   backward(step, dy, {x, y, cache, count}, wanted) -> {dx, parameters}; wanted is {input, parameters}
//
// Missing entries: the shape of the input; no parameters.

const STEP_KINDS = {
  Conv2D: {
    outputShape: (shape, config) => {
      const { rows, columns } = convolutionWindows(shape, config);
      return [rows.output, columns.output, config.filters];
    },
    parameters: (shape, { kernel_size, filters, use_bias }) => ({
      kernel: [...kernel_size, shape[2], filters],
      ...(use_bias && { bias: [filters] }),
    }),
    forward: (step, x, count) => ({ y: convolve(step, x, count) }),
    backward: (step, dy, { x, count }, wanted) => convolveBackward(step, dy, x, count, wanted),
  },
  Dense: {
    outputShape: (shape, { units }) => [units],
    parameters: (shape, { units, use_bias }) => ({ kernel: [shape[0], units], ...(use_bias && { bias: [units] }) }),
    forward: (step, x, count) => ({ y: multiplyDense(step, x, count) }),
    backward: (step, dy, { x, count }, wanted) => multiplyDenseBackward(step, dy, x, count, wanted),
  },
  Activation: {
    forward: (step, x) => ({ y: activate(step, x) }),
    backward: (step, dy, { x, y }) => ({ dx: activateBackward(step, dy, x, y) }),
  },
  MaxPooling2D: maxPooling(poolingWindows),
  GlobalMaxPooling2D: { ...maxPooling(globalWindows), outputShape: globalShape },
  AveragePooling2D: averagePooling(poolingWindows),
  GlobalAveragePooling2D: { ...averagePooling(globalWindows), outputShape: globalShape },
  Flatten: { ...reshaping(), outputShape: (shape) => [sizeOfShape(shape)] },
  Reshape: {
    ...reshaping(),
    outputShape: (shape, { target_shape }) => {
      const known = target_shape.reduce((product, length) => (length === -1 ? product : product * length), 1);
      return target_shape.map((length) => (length === -1 ? sizeOfShape(shape) / known : length));
    },
  },
  Dropout: {
    forward: (step, x, count, options) => dropOut(step, x, options),
    backward: (step, dy, { cache }) => ({ dx: dropOutBackward(step, dy, cache) }),
  },
  BatchNormalization: {
    parameters: (shape, { scale, center }) => {
      const one = [lastAxis(shape)];
      return { ...(scale && { gamma: one }), ...(center && { beta: one }), moving_mean: one, moving_variance: one };
    },
    statistics: ["moving_mean", "moving_variance"], // no optimizer updates them
    update: updateMovingAverages,
    forward: (step, x, count, options) => normalize(step, x, options),
    backward: (step, dy, { x, cache }, wanted) => normalizeBackward(step, dy, x, cache, wanted),
  },
  Rescaling: {
    forward: (step, x) => ({ y: rescale(step, x) }),
    backward: (step, dy) => ({ dx: rescaleBackward(step, dy) }),
  },
  ZeroPadding2D: {
    outputShape: ([height, width, channels], { padding: [rows, columns] }) => [
      height + rows[0] + rows[1], width + columns[0] + columns[1], channels,
    ],
    forward: (step, x, count) => ({ y: padWithZeros(step, x, count) }),
    backward: (step, dy, { count }) => ({ dx: padWithZerosBackward(step, dy, count) }),
  },
};

function maxPooling(windowsOf) {
  return {
    outputShape: pooledShape(windowsOf),
    forward: (step, x, count) => {
      const { y, winners } = poolMaxima(x, count, step.inputShape[2], windowsOf(step));
      return { y, cache: winners };
    },
    backward: (step, dy, { x, cache }) => ({ dx: poolMaximaBackward(dy, cache, x.length) }),
  };
}

function averagePooling(windowsOf) {
  return {
    outputShape: pooledShape(windowsOf),
    forward: (step, x, count) => ({ y: poolMeans(x, count, step.inputShape[2], windowsOf(step)) }),
    backward: (step, dy, { count }) => ({ dx: poolMeansBackward(dy, count, step.inputShape[2], windowsOf(step)) }),
  };
}

function pooledShape(windowsOf) {
  return (inputShape, config) => {
    const { rows, columns } = windowsOf({ inputShape, config });
    return [rows.output, columns.output, inputShape[2]];
  };
}

function globalShape([, , channels], { keepdims }) {
  return keepdims ? [1, 1, channels] : [channels];
}

function reshaping() {
  return { forward: (step, x) => ({ y: x }), backward: (step, dy) => ({ dx: dy }) }; // the same values, in the same order
}

const kindOfStep = (step) => STEP_KINDS[step.type];

// The names of the parameters that an optimizer updates.
function learnedNames(step) {
  const { statistics = [] } = kindOfStep(step);
  return step.trainable ? Object.keys(step.parameters).filter((name) => !statistics.includes(name)) : [];
}
