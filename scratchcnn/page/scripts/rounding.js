// Bounds on rounding errors: how far a stored value can lie from the exact result of its formula.
//
// With unit roundoff u, a sum of n products has an error of at most gamma(n) * (sum of |products|), in any order of
// summation; gamma(n) = n * u / (1 - n * u) (Higham 2002, section 3.1). Winograd's algorithm is three such sums in
// succession, A [(G g Gᵀ) ∘ (B d Bᵀ)] Aᵀ. The bounds are those of scratchcnn/descriptions/rounding.py.

const ROUNDOFF = { float32: 2 ** -24, float64: 2 ** -53 };
const SMALLEST = { float32: 2 ** -126, float64: 2 ** -1022 };
const SPARE_TERMS = 3; // the bias, a scale, and the rounding of the magnitude itself
const UNDERFLOW = 1e6; // bound on the amplification of an underflow by the transforms

function sumOf(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

// In the model's dtype, and in the float64 of this script.
const gamma = (terms, dtype) => sumOf([ROUNDOFF[dtype], ROUNDOFF.float64].map((u) => (terms * u) / (1 - terms * u)));

function sumBound(magnitude, terms, dtype) {
  return gamma(terms + SPARE_TERMS, dtype) * magnitude + (terms + SPARE_TERMS) * SMALLEST[dtype];
}

// |A|, |B| and |G| of Winograd's algorithm; undefined for other algorithms.
const winogradOf = (algorithm) => page.winograd[algorithm];
const stagesBound = (magnitude, terms, dtype) => gamma(terms, dtype) * magnitude + UNDERFLOW * SMALLEST[dtype];
const transposed = (matrix) => matrix[0].map((_, j) => matrix.map((row) => row[j]));

// |M| |d| |M|ᵀ for the matrix d that entry(i, j) gives.
function twoSided(matrix, entry) {
  const size = matrix[0].length, all = Array.from({ length: size }, (_, i) => i);
  const half = matrix.map((row) => all.map((j) => sumOf(all.map((i) => row[i] * Math.abs(entry(i, j))))));
  return half.map((row) => matrix.map((other) => sumOf(all.map((j) => row[j] * other[j]))));
}

// leftᵀ (a ∘ b) right
const between = (left, a, b, right) => sumOf(left.map((l, i) => l * sumOf(right.map((r, j) => a[i][j] * b[i][j] * r))));

// The bound for one output of a convolution: input(row, column, c) is 0 outside the image, weight(ky, kx, c) is 3 × 3.
function winogradBound({ output, patch, kernel }, { input, weight, channels, place, before, bias, dtype }) {
  const m = output.length, n = patch.length;
  const [top, left] = place.map((at, axis) => Math.floor(at / m) * m - before[axis]);
  let magnitude = Math.abs(bias);
  for (let c = 0; c < channels; c++) {
    const inputs = twoSided(patch, (i, j) => input(top + i, left + j, c));
    const weights = twoSided(kernel, (i, j) => weight(i, j, c));
    magnitude += between(output[place[0] % m], inputs, weights, output[place[1] % m]);
  }
  return stagesBound(magnitude, 8 + 4 * n + channels + 1, dtype);
}

// The bound for the gradient of one weight: input(row, column) of one channel, gradient(row, column) of one filter.
function winogradKernelBound({ output, patch, kernel }, { input, gradient, place, rows, columns, dtype }) {
  const m = output.length, n = patch.length, [ky, kx] = place;
  const [ofGradient, ofKernel] = [transposed(output), transposed(kernel)];
  let magnitude = 0, tiles = 0;
  for (let top = 0; top < rows.output; top += m) {
    for (let left = 0; left < columns.output; left += m, tiles++) {
      const inputs = twoSided(patch, (i, j) => input(top - rows.before + i, left - columns.before + j));
      const gradients = twoSided(ofGradient, (i, j) => gradient(top + i, left + j));
      magnitude += between(ofKernel[ky], inputs, gradients, ofKernel[kx]);
    }
  }
  return stagesBound(magnitude, 4 * n + 2 * m + tiles + 18, dtype);
}

// The probabilities of a row of logits, the intermediate values, and how far each probability may be off.
function softmaxOf(logits, dtype) {
  const largest = Math.max(...logits);
  const exponentials = logits.map((z) => Math.exp(z - largest));
  const total = sumOf(exponentials);
  const probabilities = exponentials.map((e) => e / total);
  const bounds = probabilities.map((p, j) => 2 * ROUNDOFF[dtype] * (largest - logits[j] + 2 * logits.length + 12) * p + 2 * SMALLEST[dtype]);
  return { largest, exponentials, total, probabilities, bounds };
}
