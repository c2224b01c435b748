// The layout of a digit as in MNIST, as scratchcnn/preprocessing/fitting.py: 20 pixels high, centred by its mass.

const FIELD = 28, BOX = 20, CROP = 0.3, FINE = 8, COARSE = 4, THINNEST = 2.4, THICKEST = 3.2, LARGEST_EROSION = 2 * FINE;
const EDGE_BLUR = 0.5, SLOPE = 0.8, LEAST_BLUR = 0.375, ITERATIONS = 15;

const layOut = (ink, shape) => centred(fittedIntoBox(cutOut(ink, shape)));

// The ink of the digit within its bounding box, with its soft edge; sharpened if it is blurred.
function cutOut(ink, shape) {
  const reach = Math.max(1, roundHalfEven(Math.max(ink.height, ink.width) / 300));
  const top = Math.max(0, shape.top - reach), left = Math.max(0, shape.left - reach);
  const bottom = Math.min(ink.height, shape.top + shape.height + reach), right = Math.min(ink.width, shape.left + shape.width + reach);
  const mask = dilated(padded(shape.mask, reach), reach), around = cropped(ink, top, left, bottom, right);
  const [down, across] = [top - shape.top + reach, left - shape.left + reach];
  for (let y = 0; y < around.height; y++) {
    for (let x = 0; x < around.width; x++) if (!mask.values[(y + down) * mask.width + x + across]) around.values[y * around.width + x] = 0;
  }
  const sharp = sharpened(around), alone = picture(sharp.height, sharp.width, sharp.values.map((value) => Math.min(1, Math.max(0, value))));
  const least = Math.min(CROP, 0.5 * largestOf(alone.values));
  const inked = { width: alone.width, labels: Int32Array.from(alone.values, (value) => (value > least ? 1 : 0)) };
  const box = boxesOf(inked).get(1);
  return cropped(alone, box.top, box.left, box.bottom, box.right);
}

// Richardson-Lucy deconvolution of a blurred digit; the picture itself if it is as sharp as in MNIST.
function sharpened(ink) {
  let fine = padded(scaledTo(ink, COARSE * BOX), 3 * COARSE);
  const slopes = slopesOf(fine), least = 0.2 * largestOf(slopes);
  const slope = quantile(slopes.filter((value) => value >= least), 0.98);
  const variance = (SLOPE / Math.max(slope, 1e-6)) ** 2 - (COARSE * EDGE_BLUR) ** 2;
  if (variance < (COARSE * LEAST_BLUR) ** 2) return ink;
  const sigma = Math.min(Math.sqrt(variance), (COARSE * BOX) / 4);
  fine = picture(fine.height, fine.width, fine.values.map((value) => Math.max(value, 1e-4)));
  let sharp = fine;
  for (let round = 0; round < ITERATIONS; round++) {
    const blurred = gaussian(sharp, sigma);
    const ratio = gaussian(picture(fine.height, fine.width, fine.values.map((value, i) => value / blurred.values[i])), sigma);
    sharp = picture(fine.height, fine.width, sharp.values.map((value, i) => value * ratio.values[i]));
  }
  const half = 0.5 * largestOf(sharp.values), middle = quantile(sharp.values.filter((value) => value > half), 0.5);
  return picture(sharp.height, sharp.width, sharp.values.map((value) => value / middle));
}

// The length of the gradient: central differences, one-sided ones at the border.
function slopesOf({ height, width, values }) {
  const between = (at, size, value) => {
    const [low, high] = [Math.max(0, at - 1), Math.min(size - 1, at + 1)];
    return (value(high) - value(low)) / (high - low);
  };
  return values.map((_, i) => {
    const y = Math.floor(i / width), x = i % width;
    return Math.hypot(between(y, height, (row) => values[row * width + x]), between(x, width, (column) => values[y * width + column]));
  });
}

// Scales a digit to 20 pixels on its longer side, with strokes as wide as in MNIST.
function fittedIntoBox(cut) {
  const fine = scaledTo(cut, FINE * BOX), most = Math.max(largestOf(fine.values), 1e-6);
  const small = scaledTo(thickened(picture(fine.height, fine.width, fine.values.map((value) => value / most))), BOX);
  const half = 0.5 * largestOf(small.values), full = quantile(small.values.filter((value) => value > half), 0.6);
  return picture(small.height, small.width, small.values.map((value) => Math.min(1, Math.max(0, value / full))));
}

// The mean width of the strokes: 2 area / length of the outline, which is the total variation.
function strokeWidth(ink) {
  const { height, width, values } = padded(ink, 1);
  let outline = 0;
  for (let y = 1; y < height; y++) {
    for (let x = 1; x < width; x++) {
      const here = values[y * width + x];
      outline += Math.hypot(here - values[(y - 1) * width + x], here - values[y * width + x - 1]);
    }
  }
  return (2 * ink.values.reduce((sum, value) => sum + value, 0)) / Math.max(outline, 1e-6);
}

// Dilates or erodes strokes whose width in the field would not lie between THINNEST and THICKEST.
function thickened(ink) {
  const length = Math.max(ink.height, ink.width), width = strokeWidth(ink);
  const wanted = Math.min(Math.max((BOX * width) / length, THINNEST), THICKEST);
  const exact = roundHalfEven((wanted * length - BOX * width) / (2 * (BOX - wanted)));
  const radius = Math.max(exact, -Math.floor((Math.min(ink.height, ink.width) - 1) / 4), -LARGEST_EROSION);
  if (radius > 0) return discFilter(padded(ink, radius), radius, true);
  if (radius === 0) return ink;
  return cropped(discFilter(ink, -radius, false), -radius, -radius, ink.height + radius, ink.width + radius);
}

// Places a digit in 28 x 28 pixels with its centre of mass right below the middle, unless it would leave the field.
function centred(fitted) {
  const field = picture(FIELD, FIELD);
  let mass = 0, down = 0, across = 0;
  fitted.values.forEach((value, i) => {
    mass += value;
    down += value * Math.floor(i / fitted.width);
    across += value * (i % fitted.width);
  });
  const rounded = (value) => Math.round(1e4 * value) / 1e4; // so that rounding errors do not move a symmetric shape
  const place = (middle, size) => Math.min(Math.max(Math.ceil(rounded(FIELD / 2 - middle - 0.5)), 0), FIELD - size);
  const top = place(down / mass, fitted.height), left = place(across / mass, fitted.width);
  for (let y = 0; y < fitted.height; y++) {
    field.values.set(fitted.values.subarray(y * fitted.width, (y + 1) * fitted.width), (top + y) * FIELD + left);
  }
  return field;
}
