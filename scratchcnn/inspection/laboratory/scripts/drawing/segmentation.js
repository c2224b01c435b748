// Finds the only digit among the shapes, as scratchcnn/preprocessing/segmentation.py: parts of a broken digit are joined.
// A small network, stored with the package, decides: it computes the probabilities that a shape is one digit, or several.

const LEVELS = [0.15, 0.3, 0.5], MOST_PARTS = 16, FREE = 0.06, MARK = 0.45, BESIDE = 0.15, ABOVE = 0.35, DIRT = 0.5;
const JOINED = 0.3, STACKED = 10, ODDS = 3, WIDEST = 2.1, SEVERAL_CLASS = 10;

function findDigit(ink, noise) {
  let digit, others;
  for (const level of [...LEVELS, LEVELS[0]]) {
    const digits = joined(ink, findShapes(ink, Math.max(level, 4 * noise), MOST_PARTS));
    const free = digits.filter(({ shape }) => shape.contact === 0 && Math.max(shape.height, shape.width) >= FREE * Math.max(ink.height, ink.width));
    digit = (free.length ? free : digits).reduce((best, each) => (each.shape.area > best.shape.area ? each : best));
    others = digits.filter((each) => each !== digit && isDigit(each.shape, digit.shape));
    if (digit.shape.contact > 0) continue;
    others = others.filter(({ shape }) => !shape.isEdge);
    if (!others.length) break;
  }
  if (others.length) throw new NoDigit(`There are ${others.length + 1} separate shapes of a digit's size: draw one digit, or connect its strokes.`);
  if (isSeveral(digit)) throw new NoDigit("This looks like several digits, or like a drawing: draw one digit.");
  return digit;
}

const isDigit = (shape, { height, area }) => shape.height >= MARK * height && shape.area >= (shape.height > 0.8 * height ? 0.05 : 0.2) * area;
const isSeveral = ({ shape, certainty, several }) => several > ODDS * certainty || shape.width > WIDEST * shape.height;

function laidOut(ink, shape) {
  const image = layOut(ink, shape), classes = shapeClasses(image.values);
  return { shape, image, certainty: classes.subarray(0, SEVERAL_CLASS).reduce((sum, value) => sum + value, 0), several: classes[SEVERAL_CLASS] };
}

// Joins two neighbours that together are more likely a digit than each alone, until there are none.
function joined(ink, shapes) {
  let digits = shapes.map((shape) => laidOut(ink, shape)), unions = [];
  let pairs = digits.flatMap((one, i) => digits.slice(i + 1).map((other) => [one, other]));
  for (;;) {
    unions.push(...pairs.filter(([one, other]) => mayBeOne(one.shape, other.shape)).map(([one, other]) => {
      const both = laidOut(ink, unionOf(one.shape, other.shape));
      return { one, other, both, gain: both.certainty >= JOINED ? gainOf(one, other, both) : 0 };
    }));
    const best = unions.reduce((most, each) => (each.gain > (most?.gain ?? 0) ? each : most), null);
    if (!best || best.gain < 1) return digits;
    const left = (each) => each !== best.one && each !== best.other;
    digits = digits.filter(left);
    unions = unions.filter(({ one, other }) => left(one) && left(other));
    pairs = digits.map((digit) => [best.both, digit]);
    digits.push(best.both);
  }
}

function mayBeOne(one, other) {
  const apart = (a, length, b, otherLength) => Math.max(b - (a + length), a - (b + otherLength));
  const size = Math.max(one.width, one.height, other.width, other.height);
  return apart(one.left, one.width, other.left, other.width) <= BESIDE * size && apart(one.top, one.height, other.top, other.height) <= ABOVE * size;
}

// How much more likely two parts are one digit than that each is a digit, or a mark beside a digit.
function gainOf(one, other, both) {
  const alone = [[one, other], [other, one]].map(([part, partner]) => Math.max(part.certainty, part.shape.height < MARK * partner.shape.height ? DIRT : 0, 1e-3));
  const [a, b] = [one.shape, other.shape];
  const stacked = 2 * (Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left)) > Math.min(a.width, b.width);
  return (both.certainty / (alone[0] * alone[1])) * (stacked ? STACKED : 1);
}

let shapeNetwork = null; // {name: {values, shape}}, the weights

// The probabilities of the ten digits, of several digits and of a fragment, for an image of 28 x 28 pixels.
function shapeClasses(image) {
  const weights = (name) => shapeNetwork[name].values, shape = (name) => shapeNetwork[name].shape;
  let values = image, size = FIELD;
  for (const layer of [0, 1]) {
    const [reach, , channels, filters] = shape(`kernel_${layer}`), kernel = weights(`kernel_${layer}`), bias = weights(`bias_${layer}`);
    const after = Math.floor((size - reach) / 2) + 1, result = new Float32Array(after * after * filters), sums = new Float64Array(filters);
    for (let at = 0; at < after * after; at++) {
      const top = 2 * Math.floor(at / after), left = 2 * (at % after);
      sums.set(bias);
      for (let k = 0; k < reach * reach * channels; k++) {
        const c = k % channels, x = left + (Math.floor(k / channels) % reach), y = top + Math.floor(k / (channels * reach));
        const value = values[(y * size + x) * channels + c];
        if (value !== 0) for (let f = 0; f < filters; f++) sums[f] += value * kernel[k * filters + f];
      }
      for (let f = 0; f < filters; f++) result[at * filters + f] = Math.max(0, sums[f]);
    }
    [values, size] = [result, after];
  }
  const dense = (x, layer) => {
    const sums = Float64Array.from(weights(`bias_${layer}`)), kernel = weights(`kernel_${layer}`);
    x.forEach((value, i) => { if (value !== 0) for (let j = 0; j < sums.length; j++) sums[j] += value * kernel[i * sums.length + j]; });
    return sums;
  };
  const scores = dense(dense(values, 2).map((value) => Math.max(0, value)), 3), largest = largestOf(scores);
  const powers = scores.map((score) => Math.exp(score - largest)), total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}
