// Filters and statistics of images, as scipy.ndimage and NumPy define them.

function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1), below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

// The median of magnitudes; usually more than half of them are zero, and nothing is sorted.
function medianOfSizes(values) {
  let zeros = 0;
  for (const value of values) if (value === 0) zeros++;
  return 2 * zeros > values.length + 1 ? 0 : quantile(values.map(Math.abs), 0.5);
}

function largestOf(values) {
  let largest = -Infinity;
  for (const value of values) if (value > largest) largest = value;
  return largest;
}

// Otsu's threshold, which minimizes the variance within the two classes; 0 if all values are equal.
function otsu(values) {
  const [low, high] = rangeOf(values);
  if (low === high) return 0;
  const bins = 128, counts = new Float64Array(bins), edge = (i) => low + ((high - low) * i) / bins;
  for (const value of values) counts[Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins))]++;
  const below = [], sums = [];
  counts.forEach((count, i) => {
    below.push((below[i - 1] ?? 0) + count);
    sums.push((sums[i - 1] ?? 0) + (count * (edge(i) + edge(i + 1))) / 2);
  });
  const between = below.slice(0, -1).map((count, i) => {
    const above = below[bins - 1] - count;
    return count * above * ((sums[bins - 1] - sums[i]) / above - sums[i] / count) ** 2;
  });
  const best = largestOf(between);
  const places = between.flatMap((value, i) => (value === best ? [edge(i + 1)] : []));
  return places.reduce((sum, place) => sum + place, 0) / places.length;
}

// A Gaussian filter; the image is continued by reflection.
function gaussian(source, sigma) {
  const radius = Math.floor(4 * sigma + 0.5);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp((-0.5 * (i - radius) ** 2) / sigma ** 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < weights.length; i++) weights[i] /= total;
  return filteredAlong(filteredAlong(source, weights, false), weights, true);
}

function filteredAlong(source, weights, rows) {
  const { height, width } = source, result = picture(height, width);
  const [size, lines, step, across] = rows ? [width, height, 1, width] : [height, width, width, 1];
  const radius = (weights.length - 1) / 2;
  const places = Int32Array.from({ length: size + 2 * radius }, (_, i) => step * reflected(i - radius, size));
  for (let line = 0; line < lines; line++) {
    for (let at = 0; at < size; at++) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i] * source.values[line * across + places[at + i]];
      result.values[line * across + at * step] = sum;
    }
  }
  return result;
}

// The position before an axis, or behind it, mirrored at the edge: b a | a b c | c b.
function reflected(at, size) {
  const within = ((at % (2 * size)) + 2 * size) % (2 * size);
  return within < size ? within : 2 * size - 1 - within;
}

// The largest (or smallest) value within a disc; outside of the image are zeros.
function discFilter(source, radius, largest) {
  const { height, width } = source, result = picture(height, width);
  const reach = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.floor(Math.sqrt((radius + 0.5) ** 2 - (i - radius) ** 2)));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let best = largest ? -Infinity : Infinity;
      for (let dy = -radius; dy <= radius; dy++) {
        const across = Math.min(radius, reach[dy + radius]), row = y + dy;
        if (row < 0 || row >= height || x < across || x + across >= width) best = largest ? Math.max(best, 0) : Math.min(best, 0);
        if (row < 0 || row >= height) continue;
        for (let at = row * width + Math.max(0, x - across), end = row * width + Math.min(width - 1, x + across); at <= end; at++) {
          const value = source.values[at];
          if (largest ? value > best : value < best) best = value;
        }
      }
      result.values[y * width + x] = best;
    }
  }
  return result;
}

// A mask is a picture of 0 and 1. Grows it by `reach` pixels in all eight directions.
function dilated(mask, reach = 1) {
  const { height, width } = mask;
  const along = (source, rows) => {
    const result = picture(height, width);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (!source.values[y * width + x]) continue;
        for (let i = -reach; i <= reach; i++) {
          const [row, column] = rows ? [y, x + i] : [y + i, x];
          if (row >= 0 && row < height && column >= 0 && column < width) result.values[row * width + column] = 1;
        }
      }
    }
    return result;
  };
  return along(along(mask, true), false);
}

// Numbers the connected components of a mask from 1 in reading order; a pixel has eight neighbours (or four).
function components(mask, diagonal = true) {
  const { height, width } = mask, labels = new Int32Array(height * width), waiting = [];
  let count = 0;
  for (let start = 0; start < labels.length; start++) {
    if (!mask.values[start] || labels[start]) continue;
    labels[start] = ++count;
    waiting.push(start);
    while (waiting.length) {
      const at = waiting.pop(), y = Math.floor(at / width), x = at % width;
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
        for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
          const next = row * width + column;
          if (mask.values[next] && !labels[next] && (diagonal || row === y || column === x)) {
            labels[next] = count;
            waiting.push(next);
          }
        }
      }
    }
  }
  return { labels, count };
}

// The mask with its holes: what is not connected with the outside.
function withoutHoles(mask) {
  const outside = padded(mask, 1);
  for (let i = 0; i < outside.values.length; i++) outside.values[i] = 1 - outside.values[i];
  const { labels } = components(outside, false);
  const filled = picture(outside.height, outside.width, Float32Array.from(labels, (label) => (label === 1 ? 0 : 1)));
  return cropped(filled, 1, 1, filled.height - 1, filled.width - 1);
}

// The distance of each pixel of a mask from the nearest pixel outside of it; the mask is surrounded by the outside.
function depths(mask) {
  const within = padded(mask, 1), { height, width } = within, columns = new Float64Array(height * width);
  for (let x = 0; x < width; x++) { // along each column
    for (let y = 1; y < height; y++) columns[y * width + x] = within.values[y * width + x] ? columns[(y - 1) * width + x] + 1 : 0;
    for (let y = height - 2; y >= 0; y--) columns[y * width + x] = Math.min(columns[y * width + x], columns[(y + 1) * width + x] + 1);
  }
  const result = picture(height, width);
  for (let y = 0; y < height; y++) { // the nearest of the row's columns
    for (let x = 0; x < width; x++) {
      let best = columns[y * width + x] ** 2;
      for (let away = 1; away ** 2 < best; away++) {
        for (const column of [x - away, x + away]) {
          if (column >= 0 && column < width) best = Math.min(best, away ** 2 + columns[y * width + column] ** 2);
        }
      }
      result.values[y * width + x] = Math.sqrt(best);
    }
  }
  return cropped(result, 1, 1, height - 1, width - 1);
}
