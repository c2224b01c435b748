// SGD and Adam: the update rules of `reference.sgd` and `reference.adam`, with the defaults of `scratchcnn.optimizers`.

const OPTIMIZERS = {
  // velocity = momentum * velocity - learningRate * gradient; parameter += velocity
  sgd: {
    slots: 1,
    defaults: { learningRate: 0.01, momentum: 0 },
    update: (parameter, gradient, [velocity], step, { learningRate, momentum }) => {
      for (let i = 0; i < parameter.length; i++) {
        velocity[i] = momentum * velocity[i] - learningRate * gradient[i];
        parameter[i] += velocity[i];
      }
    },
  },
  // parameter -= learningRate * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + epsilon'), where m and v are
  // moving averages of the gradient and of its square, and epsilon' = epsilon / sqrt(1 - beta2^step)
  adam: {
    slots: 2,
    defaults: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
    update: (parameter, gradient, [m, v], step, { learningRate, beta1, beta2, epsilon }) => {
      const alpha = (learningRate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
      for (let i = 0; i < parameter.length; i++) {
        const slope = gradient[i];
        m[i] += (slope - m[i]) * (1 - beta1);
        v[i] += (slope * slope - v[i]) * (1 - beta2);
        parameter[i] -= (alpha * m[i]) / (Math.sqrt(v[i]) + epsilon);
      }
    },
  },
};

// Returns {update(network, gradients)}: one step for all parameters that are not frozen. `gradients` is the entry
// `parameters` of `backward`. The state, zeros at first, belongs to the optimizer.
function createOptimizer(name, settings = {}) {
  const rule = OPTIMIZERS[name], state = new Map();
  if (rule === undefined) throw unknownName("an optimizer", name, OPTIMIZERS);
  const all = { ...rule.defaults, ...settings };
  let count = 0;
  const update = (network, gradients) => {
    count++;
    network.steps.forEach((step, i) => {
      for (const parameter of learnedNames(step)) {
        const array = step.parameters[parameter];
        if (!state.has(array)) state.set(array, Array.from({ length: rule.slots }, () => new Float64Array(array.length)));
        rule.update(array, gradients[i][parameter], state.get(array), count, all);
      }
    });
  };
  return { update };
}
