// Grey levels from 0 (black) to 1 (white), and resizing as Pillow does it: bilinear, with a wider filter to shrink.

const MOST_SIDE = 1000; // pixels of the longer side; larger images are reduced

const picture = (height, width, values = new Float32Array(height * width)) => ({ height, width, values });

// The grey levels of RGBA bytes (as of a canvas), with transparent pixels over white.
function greyLevels({ width, height, data }) {
  const factor = Math.ceil(Math.max(width, height) / MOST_SIDE);
  const [down, right] = [height, width].map((side) => Math.max(1, Math.floor(side / factor)));
  const [rows, columns] = [Math.min(factor, height), Math.min(factor, width)];
  const result = picture(down, right), count = 255 * rows * columns;
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < right; x++) {
      let red = 0, green = 0, blue = 0, alpha = 0;
      for (let i = 0; i < rows; i++) {
        for (let j = 0, at = 4 * ((y * rows + i) * width + x * columns); j < columns; j++, at += 4) {
          red += data[at]; green += data[at + 1]; blue += data[at + 2]; alpha += data[at + 3];
        }
      }
      const cover = alpha / count;
      const level = ((0.299 * red + 0.587 * green + 0.114 * blue) / count) * cover + 1 - cover;
      result.values[y * right + x] = Math.min(1, Math.max(0, level));
    }
  }
  return result;
}

// As Python's round: halves to the even number.
function roundHalfEven(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2 === 0 ? 0 : 1) : Math.round(value);
}

// For each output position, the first input position and the weights of the triangle filter.
function triangleWeights(before, after) {
  const scale = before / after, support = Math.max(scale, 1);
  return Array.from({ length: after }, (_, at) => {
    const centre = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5)), last = Math.min(before, Math.trunc(centre + support + 0.5));
    const weights = Float64Array.from({ length: last - first }, (_, i) => Math.max(0, 1 - Math.abs((first + i - centre + 0.5) / support)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => weight / total) };
  });
}

function resized(source, height, width) {
  return resizedAlong(resizedAlong(source, width, true), height, false);
}

// The size of each row (or column) becomes `size`.
function resizedAlong(source, size, rows) {
  const before = rows ? source.width : source.height;
  if (size === before) return source;
  const result = rows ? picture(source.height, size) : picture(size, source.width);
  const [step, across] = rows ? [1, source.width] : [source.width, 1];
  const [resultStep, resultAcross] = rows ? [1, size] : [source.width, 1];
  const lines = rows ? source.height : source.width;
  triangleWeights(before, size).forEach(({ first, weights }, at) => {
    for (let line = 0; line < lines; line++) {
      let sum = 0;
      for (let i = 0, from = line * across + first * step; i < weights.length; i++, from += step) sum += source.values[from] * weights[i];
      result.values[line * resultAcross + at * resultStep] = sum;
    }
  });
  return result;
}

// The longer side gets this size; the proportions are kept.
function scaledTo(source, size) {
  const scale = size / Math.max(source.height, source.width);
  return resized(source, Math.max(1, roundHalfEven(source.height * scale)), Math.max(1, roundHalfEven(source.width * scale)));
}

// With a border of zeros.
function padded(source, margin) {
  const result = picture(source.height + 2 * margin, source.width + 2 * margin);
  for (let y = 0; y < source.height; y++) {
    result.values.set(source.values.subarray(y * source.width, (y + 1) * source.width), (y + margin) * result.width + margin);
  }
  return result;
}

function cropped(source, top, left, bottom, right) {
  const result = picture(bottom - top, right - left);
  for (let y = top; y < bottom; y++) result.values.set(source.values.subarray(y * source.width + left, y * source.width + right), (y - top) * result.width);
  return result;
}
