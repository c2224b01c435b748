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
