// Max and average pooling, of windows or of whole feature maps: forward pass and gradient with respect to the input.

function poolingWindows(step) {
  const { pool_size, strides, padding } = step.config;
  return windowsOver2d(step.inputShape, pool_size, strides, [1, 1], padding);
}

function globalWindows(step) {
  const size = step.inputShape.slice(0, 2);
  return windowsOver2d(step.inputShape, size, size, [1, 1], "valid");
}

// Calls visit(place of the output in the batch, first pixel and end of rows and columns inside the image) for each window.
function forEachWindow({ rows, columns }, count, visit) {
  let place = 0;
  for (let n = 0; n < count; n++) {
    for (let oy = 0; oy < rows.output; oy++) {
      const top = oy * rows.stride - rows.before;
      for (let ox = 0; ox < columns.output; ox++, place++) {
        const left = ox * columns.stride - columns.before;
        visit(place, n, Math.max(0, top), Math.min(rows.size, top + rows.kernel), Math.max(0, left),
          Math.min(columns.size, left + columns.kernel));
      }
    }
  }
}

// The maximum of each window and `winners`, the index in x of the first maximum; NaN counts as the largest value.
function poolMaxima(x, count, channels, windows) {
  const { rows, columns } = windows, places = count * rows.output * columns.output;
  const y = new Float64Array(places * channels), winners = new Int32Array(places * channels);
  forEachWindow(windows, count, (place, n, top, bottom, left, right) => {
    for (let c = 0; c < channels; c++) {
      let winner = ((n * rows.size + top) * columns.size + left) * channels + c, largest = x[winner];
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) {
          const i = ((n * rows.size + row) * columns.size + column) * channels + c;
          if (x[i] > largest || (x[i] !== x[i] && largest === largest)) {
            winner = i;
            largest = x[i];
          }
        }
      }
      y[place * channels + c] = largest;
      winners[place * channels + c] = winner;
    }
  });
  return { y, winners };
}

function poolMaximaBackward(dy, winners, length) {
  const dx = new Float64Array(length);
  for (let i = 0; i < dy.length; i++) dx[winners[i]] += dy[i];
  return dx;
}

// The mean of the elements of each window that lie inside the image.
function poolMeans(x, count, channels, windows) {
  const { rows, columns } = windows;
  const y = new Float64Array(count * rows.output * columns.output * channels);
  forEachWindow(windows, count, (place, n, top, bottom, left, right) => {
    const share = (bottom - top) * (right - left), to = place * channels;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const from = ((n * rows.size + row) * columns.size + column) * channels;
        for (let c = 0; c < channels; c++) y[to + c] += x[from + c];
      }
    }
    for (let c = 0; c < channels; c++) y[to + c] /= share;
  });
  return y;
}

function poolMeansBackward(dy, count, channels, windows) {
  const { rows, columns } = windows;
  const dx = new Float64Array(count * rows.size * columns.size * channels);
  forEachWindow(windows, count, (place, n, top, bottom, left, right) => {
    const share = (bottom - top) * (right - left), from = place * channels;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const to = ((n * rows.size + row) * columns.size + column) * channels;
        for (let c = 0; c < channels; c++) dx[to + c] += dy[from + c] / share;
      }
    }
  });
  return dx;
}
