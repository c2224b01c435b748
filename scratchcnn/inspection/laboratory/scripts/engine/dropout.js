// Dropout: zeroes random activations during training and scales up the others, with the mask of `reference.dropout`.

function dropOut(step, x, { training, random }) {
  const { rate } = step.config;
  if (!training || rate === 0) return { y: x, cache: null };
  const kept = keptElements(random.key(), x.length, rate), scale = 1 / (1 - rate);
  return { y: masked(x, kept, scale), cache: kept };
}

const dropOutBackward = (step, dy, kept) => (kept === null ? dy : masked(dy, kept, 1 / (1 - step.config.rate)));

// Element i is kept if the upper 53 bits of random_bits(key)[i] are at least rate * 2^53.
function keptElements(key, length, rate) {
  const highs = new Int32Array(length), lows = new Int32Array(length), kept = new Uint8Array(length);
  randomBits(key, highs, lows);
  const least = Math.round(rate * 2 ** 53);
  for (let i = 0; i < length; i++) kept[i] = (highs[i] >>> 0) * 2 ** 21 + (lows[i] >>> 11) >= least ? 1 : 0;
  return kept;
}

function masked(values, kept, scale) {
  const result = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = kept[i] ? values[i] * scale : 0;
  return result;
}
