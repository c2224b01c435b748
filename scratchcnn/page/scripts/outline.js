// The outline of the image, over a map of its pixels.

// The outline of what is bright in the image.
function drawOutline(context, scale, start) {
  const [height, width, channels] = page.input.shape;
  const values = arrayOf(page.input.array);
  const [low, high] = rangeOf(values);
  const bright = (row, column) => row >= 0 && row < height && column >= 0 && column < width && values[(row * width + column) * channels] > (low + high) / 2;
  context.fillStyle = isDark() ? "#ffffff" : "#000000";
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [x, y, edge] = [start + column * scale, start + row * scale, Math.max(1, scale / 6)];
      if (bright(row, column) !== bright(row - 1, column)) context.fillRect(x, y, scale, edge);
      if (bright(row, column) !== bright(row, column - 1)) context.fillRect(x, y, edge, scale);
    }
  }
}
