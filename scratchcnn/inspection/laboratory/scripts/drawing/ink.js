// Separates ink and paper, as scratchcnn/preprocessing/ink.py does for evenly lit paper: its background is a plane.

const LEAST_CONTRAST = 0.04, NOISE_LEFT = 0.03, NOISE_FACTOR = 8, SMOOTH_FROM = 200, PAPER_LEVEL = 0.05, MOST_INK = 2;
const THUMBNAIL = 48, WIDE = 23, TAIL = 0.15, BORDER = 0.8, DEVIATION = 0.1, LEAST_PAPER = 0.05;

class NoDigit extends Error {} // a picture that cannot be read as one digit; its message is for the user

const noiseOf = (values) => 1.4826 * medianOfSizes(values);
const thumbnailOf = (source) => scaledTo(source, Math.min(THUMBNAIL, Math.max(source.height, source.width)));

// {ink, isDark, noise, even}: 0 is paper, 1 a full stroke. `dark` is null if it is unknown. `even` says whether the paper
// around the ink is a plane; if it is not (shadows), the Python function does more, and the results may differ.
function findInk(grey, dark) {
  const smooth = smoothed(grey);
  const isDark = dark ?? inkIsDark(smooth);
  const { background, even } = planeOf(smooth, isDark);
  const contrast = contrastOf(smooth, background, isDark).values;
  const threshold = thresholdOf(contrast);
  const inked = contrast.filter((value) => value > threshold);
  if (!inked.length) throw new NoDigit("Nothing is drawn: draw a digit.");
  const full = 0.8 * quantile(inked, 0.5);
  const ink = picture(grey.height, grey.width, contrast.map((value) => Math.min(MOST_INK, Math.max(0, (value / full - PAPER_LEVEL) / (1 - PAPER_LEVEL)))));
  return { ink, isDark, noise: noiseOf(contrast) / full, even };
}

// A Gaussian filter against noise; large images are always smoothed a little.
function smoothed(grey) {
  const side = Math.max(grey.height, grey.width), slightly = gaussian(grey, 0.7), [low, high] = rangeOf(slightly.values);
  const before = noiseOf(curvatureOf(grey)) / Math.sqrt(1.25) / Math.max(high - low, 1e-6);
  let sigma = Math.min(before / NOISE_LEFT / Math.sqrt(4 * Math.PI), side / 80);
  if (side >= SMOOTH_FROM) sigma = Math.max(sigma, 0.7);
  if (sigma === 0.7) return slightly;
  return sigma > 0.4 ? gaussian(grey, sigma) : grey;
}

// Each pixel minus the mean of its four diagonal neighbours.
function curvatureOf({ height, width, values }) {
  const result = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const [up, down] = [y - 1, y + 1].map((row) => width * reflected(row, height));
    for (let x = 0; x < width; x++) {
      const left = reflected(x - 1, width), right = reflected(x + 1, width);
      result[y * width + x] = values[y * width + x] - (values[up + left] + values[up + right] + values[down + left] + values[down + right]) / 4;
    }
  }
  return result;
}

function contrastOf(grey, background, isDark) {
  const between = isDark ? (value, paper) => 1 - value / Math.max(paper, 0.05) : (value, paper) => value - paper;
  return picture(grey.height, grey.width, grey.values.map((value, i) => between(value, background.values[i])));
}

// Otsu's threshold of the pixels above the noise.
function thresholdOf(contrast) {
  const least = Math.max(LEAST_CONTRAST, NOISE_FACTOR * noiseOf(contrast));
  const standingOut = contrast.filter((value) => value > least);
  return standingOut.length ? Math.max(least, otsu(standingOut)) : least;
}

// Whether the differences from a wide median, beyond the noise, are larger for darker pixels.
function inkIsDark(grey) {
  const rough = resized(wideMedian(thumbnailOf(grey)), grey.height, grey.width).values;
  const difference = grey.values.map((value, i) => value - rough[i]);
  const noise = noiseOf(difference);
  return difference.reduce((sum, value) => sum + Math.max(Math.abs(value) - 3 * noise, 0) ** 2 * Math.sign(value), 0) <= 0;
}

function wideMedian(source) {
  const { height, width } = source, result = picture(height, width), reach = (WIDE - 1) / 2;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const window = new Float32Array(WIDE * WIDE);
      for (let i = 0; i < WIDE; i++) {
        const row = width * reflected(y - reach + i, height);
        for (let j = 0; j < WIDE; j++) window[i * WIDE + j] = source.values[row + reflected(x - reach + j, width)];
      }
      result.values[y * width + x] = window.sort()[(window.length - 1) / 2];
    }
  }
  return result;
}

// Fits a plane to the paper, and says whether it explains the paper all around.
function planeOf(grey, isDark) {
  const small = thumbnailOf(grey), { height, width } = small;
  let background = picture(height, width).values.fill(quantile(small.values, isDark ? 0.7 : 0.3));
  let even = false;
  for (let round = 0; round < 5; round++) {
    const contrast = contrastOf(small, { values: background }, isDark);
    const inked = contrast.values.filter((value) => value > LEAST_CONTRAST);
    if (!inked.length) break;
    const middle = otsu(inked), full = 0.8 * quantile(inked.filter((value) => value >= middle), 0.5);
    const ink = dilated(picture(height, width, contrast.values.map((value) => (value > TAIL * full ? 1 : 0)))).values;
    const paper = [...ink.keys()].filter((i) => !ink[i]);
    if (paper.length < LEAST_PAPER * ink.length) break;
    background = fittedPlane(small, paper);
    const left = contrastOf(small, { values: background }, isDark).values;
    const deviation = quantile(paper.map((i) => Math.abs(left[i])), 0.95);
    even = borderShare(ink, height, width) >= BORDER && deviation <= DEVIATION * full;
  }
  return { background: resized(picture(height, width, background), grey.height, grey.width), even };
}

// The share of paper along the border; the corners belong to two sides.
function borderShare(ink, height, width) {
  let paper = 0;
  for (let x = 0; x < width; x++) paper += 2 - ink[x] - ink[(height - 1) * width + x];
  for (let y = 0; y < height; y++) paper += 2 - ink[y * width] - ink[y * width + width - 1];
  return paper / (2 * (height + width));
}

// The least-squares plane through these pixels: the normal equations, solved by Gaussian elimination.
function fittedPlane({ height, width, values }, pixels) {
  const along = (at, size) => (size > 1 ? (2 * at) / (size - 1) - 1 : -1);
  const terms = (i) => [1, along(Math.floor(i / width), height), along(i % width, width)];
  const rows = [0, 1, 2].map(() => new Float64Array(4));
  for (const i of pixels) {
    const found = [...terms(i), values[i]];
    for (let row = 0; row < 3; row++) for (let column = 0; column < 4; column++) rows[row][column] += found[row] * found[column];
  }
  for (let pivot = 0; pivot < 3; pivot++) {
    if (rows[pivot][pivot] < 1e-9) { rows[pivot].fill(0); continue; } // the pixels lie on a line: no slope across it
    for (let row = 0; row < 3; row++) {
      const factor = row === pivot ? 0 : rows[row][pivot] / rows[pivot][pivot];
      for (let column = 0; column < 4; column++) rows[row][column] -= factor * rows[pivot][column];
    }
  }
  const plane = rows.map((row, i) => (row[i] ? row[3] / row[i] : 0));
  return Float32Array.from({ length: height * width }, (_, i) => terms(i).reduce((sum, term, k) => sum + term * plane[k], 0));
}
