// A new network from a list of layers, with random initial weights: Glorot-uniform kernels, zero biases.

// layers: [{type, config}], with settings under their Python names; those of LAYER_DEFAULTS may be left out, and an
// `activation` in the config of Conv2D and Dense becomes a step of its own. If the last step is a softmax, the loss is
// the cross-entropy of class numbers, computed from the logits.
function designNetwork({ inputShape, layers, seed = 0 }) {
  const random = createRandom(seed), steps = [];
  let shape = inputShape;
  const add = (name, layer, type, config) => {
    const { outputShape, parameters: shapes } = shapesOfStep(type, shape, config);
    if (!outputShape.every((length) => Number.isInteger(length) && length > 0)) {
      throw new Error(`Expected an input that fits ${name}, received one of shape ${shape.join(" × ")}.`);
    }
    const parameters = mapValues(shapes, (each, parameter) => initialValues(parameter, each, random));
    steps.push({ name, layer, type, config, trainable: true, inputShape: shape, outputShape, parameters });
    shape = outputShape;
  };
  layers.forEach(({ type, config = {} }, number) => {
    const { activation, ...others } = { ...LAYER_DEFAULTS[type], ...config };
    const name = `${number + 1} ${type}`, alone = type === "Activation";
    if (!alone) add(name, name, type, others);
    if (alone || activation) {
      if (!isActivation(activation)) throw unknownName("an activation", activation, { ...ELEMENTWISE, softmax: null });
      const settings = { activation, parameter: config.parameter ?? 0 };
      add(alone ? name : `${name} ${activation}`, name, "Activation", settings);
    }
  });
  const endsInSoftmax = steps[steps.length - 1].config.activation === "softmax";
  const loss = { name: "categorical_crossentropy", sparse: true, fromLogits: true, labelSmoothing: 0 };
  return { inputShape, steps, loss: { ...loss, at: steps.length - (endsInSoftmax ? 1 : 0) } };
}

const LAYER_DEFAULTS = {
  Conv2D: { kernel_size: [3, 3], strides: [1, 1], padding: "valid", dilation_rate: [1, 1], use_bias: true },
  Dense: { use_bias: true },
  MaxPooling2D: { pool_size: [2, 2], strides: [2, 2], padding: "valid" },
  AveragePooling2D: { pool_size: [2, 2], strides: [2, 2], padding: "valid" },
  GlobalMaxPooling2D: { keepdims: false },
  GlobalAveragePooling2D: { keepdims: false },
  BatchNormalization: { momentum: 0.9, epsilon: 0.001, center: true, scale: true },
  Rescaling: { offset: 0 },
};

// Glorot-uniform for kernels: uniform in [-limit, limit), limit = sqrt(6 / (fan_in + fan_out)); ones or zeros for others.
function initialValues(name, shape, random) {
  const values = new Float64Array(sizeOfShape(shape));
  if (name === "gamma" || name === "moving_variance") return values.fill(1);
  if (name !== "kernel") return values;
  const [inputs, outputs] = shape.slice(-2), window = sizeOfShape(shape.slice(0, -2));
  const limit = Math.sqrt(6 / (window * (inputs + outputs)));
  return values.map(() => (2 * random.uniform() - 1) * limit);
}
