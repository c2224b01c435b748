// Random numbers: SplitMix64, as `scratchcnn.reference.random_bits`, on pairs of 32-bit integers.
//
// Element i of a stream is a function of the stream's key and of i. A key is {high, low}, its two halves.

const GOLDEN = { high: 0x9e3779b9, low: 0x7f4a7c15 };
const FIRST_FACTOR = { high: 0xbf58476d, low: 0x1ce4e5b9 };
const SECOND_FACTOR = { high: 0x94d049bb, low: 0x133111eb };

// The high half of the 64-bit product of two unsigned 32-bit integers, from products of 16-bit halves.
function highProduct(a, b) {
  const aHigh = a >>> 16, aLow = a & 65535, bHigh = b >>> 16, bLow = b & 65535;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16); // at most 2^32 - 1: exact
  const other = aLow * bHigh + (middle & 65535);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(other / 65536)) | 0;
}

// The high half of the product of two 64-bit integers, modulo 2^64; the low one is Math.imul of the low halves.
const highHalf = (high, low, factor) =>
  (highProduct(low, factor.low) + Math.imul(low, factor.high) + Math.imul(high, factor.low)) | 0;

// Fills `highs` and `lows` with the halves of random_bits(key)[i].
function randomBits(key, highs, lows) {
  let stateHigh = key.high | 0, stateLow = key.low | 0;
  for (let i = 0; i < highs.length; i++) {
    const sum = (stateLow >>> 0) + GOLDEN.low;
    stateHigh = (stateHigh + GOLDEN.high + (sum > 0xffffffff ? 1 : 0)) | 0;
    stateLow = sum | 0;
    let low = stateLow ^ ((stateLow >>> 30) | (stateHigh << 2));
    let high = stateHigh ^ (stateHigh >>> 30);
    high = highHalf(high, low, FIRST_FACTOR);
    low = Math.imul(low, FIRST_FACTOR.low);
    low ^= (low >>> 27) | (high << 5);
    high ^= high >>> 27;
    high = highHalf(high, low, SECOND_FACTOR);
    low = Math.imul(low, SECOND_FACTOR.low);
    low ^= (low >>> 31) | (high << 1);
    high ^= high >>> 31;
    highs[i] = high;
    lows[i] = low;
  }
}

// A generator with a seed: `key()` of a stream of its own, `uniform()` in [0, 1), `integer(n)` in 0, 1, ..., n - 1, and
// `permutation(n)`.
function createRandom(seed = 0) {
  const highs = new Int32Array(256), lows = new Int32Array(256);
  let key = { high: Math.floor(seed / 2 ** 32) | 0, low: seed | 0 }, next = highs.length;
  const draw = () => {
    if (next === highs.length) {
      randomBits(key, highs, lows);
      key = { high: highs[255], low: lows[255] }; // the last element is the key of the next ones
      next = 0;
    }
    return next++;
  };
  const random = {
    key: () => {
      const i = draw() % 255; // not the last one, which would repeat the generator's own stream
      return { high: highs[i], low: lows[i] };
    },
    uniform: () => {
      const i = draw();
      return (highs[i] >>> 0) / 2 ** 32 + (lows[i] >>> 11) / 2 ** 53;
    },
    integer: (count) => Math.floor(random.uniform() * count),
    permutation: (count) => {
      const order = Int32Array.from({ length: count }, (_, i) => i);
      for (let i = count - 1; i > 0; i--) {
        const j = random.integer(i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
      }
      return order;
    },
  };
  return random;
}
