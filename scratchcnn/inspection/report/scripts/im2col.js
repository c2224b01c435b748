// im2col: a part of the image, the matrix of its patches, a filter as a vector, and their product.

function buildIm2col(element) {
  const story = page.im2col;
  const [height, width, channels] = story.shape, [rows, columns] = story.matrixShape;
  const image = arrayOf(story.image), matrixValues = arrayOf(story.matrix), sources = arrayOf(story.sources);
  const weights = arrayOf(story.weights), product = arrayOf(story.product), overlaps = arrayOf(story.overlaps);
  const top = make("div", { class: "equation" }), wide = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "the matrix of patches" });
  const sentence = make("p", { role: "status" });
  const part = (row) => {
    const inPatch = new Set(Array.from({ length: columns }, (_, k) => sources[row * columns + k]));
    return Array.from({ length: channels }, (_, c) => matrix({
      title: channels > 1 ? `part of the image, channel ${c}` : "part of the image",
      rows: inRows(Array.from({ length: height * width }, (_, at) => ({ value: image[at * channels + c], marked: inPatch.has(at * channels + c) })), width),
      limit: largestSize(image),
    }));
  };
  const counts = matrix({ title: "number of patches that contain each pixel", rows: inRows(Array.from(overlaps, (value) => ({ value, text: String(value) })), width), limit: largestSize(overlaps) });
  const show = (row) => {
    fill(top, ...part(row), counts);
    fill(wide, matrixTable(story, { matrixValues, sources, weights, product, row, show }));
    const sum = sumOf(Array.from({ length: columns }, (_, k) => matrixValues[row * columns + k] * weights[k]));
    sentence.textContent = `Row ${row} is the patch for output position (${Math.floor(row / story.outputs[1])}, ${row % story.outputs[1]}). Its products with the weights of filter ${story.filter} add up to ${brief(sum)}` +
      (story.bias === null ? "" : `; plus the bias, ${brief(sum + story.bias)}`) + `. The matrix product contains ${brief(product[row])} there. In the backward pass, col2im does the reverse: the gradient of a pixel is the sum over all patches that contain it.`;
  };
  fill(element, top, wide, sentence);
  show(Math.floor(rows / 2));
  redrawn.add({ draw: () => show(Math.floor(rows / 2)) });
}

// One row per patch: its values and the output; the weights of the filter above.
function matrixTable(story, { matrixValues, sources, weights, product, row, show }) {
  const [rows, columns] = story.matrixShape;
  const limits = [largestSize(matrixValues), largestSize(weights), largestSize(product)];
  const coloured = (value, limit, outside) => {
    const each = make("td", outside ? { class: "outside" } : {}, brief(value));
    if (!outside) paint(each, value, limit);
    return each;
  };
  const heads = make("tr", {}, make("th", { scope: "col" }, "kernel row, column" + (story.shape[2] > 1 ? ", channel" : "")), ...story.columns.map((name) => make("th", { scope: "col" }, name)), make("th", { scope: "col" }, `filter ${story.filter}`));
  const filter = make("tr", { class: "weights" }, make("th", { scope: "row" }, "× weights"), ...Array.from(weights, (value) => coloured(value, limits[1])), make("td", {}, "="));
  const body = make("tbody");
  for (let at = 0; at < rows; at++) {
    const button = make("button", { type: "button", class: "link", "aria-pressed": String(at === row), onclick: () => { show(at); document.querySelectorAll("#im2col-tables tbody button")[at].focus(); } }, `row ${at}`);
    const cells = Array.from({ length: columns }, (_, k) => coloured(matrixValues[at * columns + k], limits[0], sources[at * columns + k] < 0));
    body.append(make("tr", at === row ? { class: "chosen" } : {}, make("th", { scope: "row" }, button), ...cells, coloured(product[at], limits[2])));
  }
  return make("table", { class: "matrix im2col" }, make("thead", {}, heads, filter), body);
}
