// Sums in float64, and how far float32 may have rounded away from them.

const EPS = { float32: 2 ** -23, float64: 2 ** -52 };

function sumOf(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

// How far a sum of that many products may be off, whose sizes add up to `magnitude` (Higham 2002, section 3.1).
function allowance(count, magnitude, dtype) {
  return (count + 3) * EPS[dtype] * magnitude + 1e-37;
}

// The probabilities of a row of logits, the way there, and how far each may be off.
function softmaxOf(logits, dtype) {
  const largest = Math.max(...logits);
  const exponentials = logits.map((z) => Math.exp(z - largest));
  const total = sumOf(exponentials);
  const shares = exponentials.map((e) => e / total);
  const allowed = shares.map((share, j) => EPS[dtype] * (largest - logits[j] + 2 * logits.length + 12) * share + 1e-37);
  return { largest, exponentials, total, shares, allowed };
}
