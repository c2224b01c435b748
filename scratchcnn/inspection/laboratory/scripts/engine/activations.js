// Activation functions and their derivatives, as `scratchcnn.reference.elementwise`, `relu` and `softmax`.
//
// `slope` is the derivative as a function of the input x, the output y and the parameter.

const logistic = (x) => {
  const e = Math.exp(-Math.abs(x)); // cannot overflow
  return (x < 0 ? e : 1) / (1 + e);
};

// erfc(x), the complementary error function: a series of positive terms for small |x|, a continued fraction otherwise.
function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  if (!(x < 28)) return x === x ? 0 : x; // exp(-28^2) is 0
  const scale = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (x < 2) {
    let term = 2 * x, sum = term; // erf(x) = scale * sum over n of 2 x (2 x^2)^n / (1 * 3 * ... * (2 n + 1))
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - scale * sum;
  }
  let fraction = x; // erfc(x) = scale / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ...))))
  for (let n = 100; n > 0; n--) fraction = x + n / 2 / fraction;
  return scale / fraction;
}

const normalDistribution = (x) => erfc(-x / Math.SQRT2) / 2;

const ELEMENTWISE = {
  linear: { value: (x) => x, slope: () => 1 },
  relu: { value: (x) => (x < 0 ? 0 : x), slope: (x, y) => (y > 0 ? 1 : 0) },
  sigmoid: { value: logistic, slope: (x, y) => y * (1 - y) },
  tanh: { value: Math.tanh, slope: (x, y) => (1 - y) * (1 + y) },
  elu: {
    value: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)),
    slope: (x, y, alpha) => (y > 0 ? 1 : y + alpha),
  },
  leaky_relu: {
    value: (x, negativeSlope) => (x >= 0 ? x : negativeSlope * x),
    slope: (x, y, negativeSlope) => (x >= 0 ? 1 : negativeSlope),
  },
  gelu: {
    value: (x) => x * normalDistribution(x),
    slope: (x) => normalDistribution(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
  },
  silu: {
    value: (x) => x * logistic(x),
    slope: (x) => logistic(x) * (1 + x * logistic(-x)),
  },
  softplus: {
    value: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    slope: (x, y) => -Math.expm1(-y),
  },
};

const isActivation = (name) => name === "softmax" || Object.hasOwn(ELEMENTWISE, name);

function activate(step, x) {
  const { activation, parameter } = step.config;
  if (activation === "softmax") return softmaxRows(x, lastAxis(step.inputShape));
  const { value } = ELEMENTWISE[activation], y = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) y[i] = value(x[i], parameter);
  return y;
}

function activateBackward(step, dy, x, y) {
  const { activation, parameter } = step.config;
  if (activation === "softmax") return softmaxRowsBackward(dy, y, lastAxis(step.inputShape));
  const { slope } = ELEMENTWISE[activation], dx = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) dx[i] = dy[i] * slope(x[i], y[i], parameter);
  return dx;
}

const lastAxis = (shape) => shape[shape.length - 1];

function softmaxRows(x, width) {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let largest = -Infinity, total = 0;
    for (let i = start; i < start + width; i++) largest = Math.max(largest, x[i]);
    for (let i = start; i < start + width; i++) total += y[i] = Math.exp(x[i] - largest);
    for (let i = start; i < start + width; i++) y[i] /= total;
  }
  return y;
}

function softmaxRowsBackward(dy, y, width) {
  const dx = new Float64Array(dy.length);
  for (let start = 0; start < dy.length; start += width) {
    let mean = 0; // of dy, weighted by the probabilities
    for (let i = start; i < start + width; i++) mean += dy[i] * y[i];
    for (let i = start; i < start + width; i++) dx[i] = y[i] * (dy[i] - mean);
  }
  return dx;
}
