// Maps over the image.

function buildMap(figure) {
  const { values: name, height, width, overImage, rows, columns, first } = figure.dataset;
  const values = arrayOf(name), readout = figure.querySelector(".readout");
  const limit = largestSize(values);
  const report = (index) => {
    const [row, column] = [Math.floor(index / width), index % width];
    readout.textContent = minus(`${rows} ${row + Number(first)}, ${columns} ${column + Number(first)}: ${brief(values[index])}`);
  };
  const sheet = new Sheet(figure.querySelector("canvas"), {
    shape: [Number(height), Number(width), 1], values, limit, tall: 300, most: 32,
    chosen: overImage === "1" ? placeOfLargest(values) : (values.length - 1) / 2,
    select(index) { sheet.chosen = index; sheet.draw(); report(index); }, hover: (index) => report(index ?? sheet.chosen),
    over: overImage === "1" ? drawOutline : null,
  });
  sheet.draw(Math.min(260, figure.parentElement.clientWidth));
  report(sheet.chosen);
  drawLegend(figure.querySelector(".legend"), limit, values, null);
  redrawn.add(sheet);
}

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
