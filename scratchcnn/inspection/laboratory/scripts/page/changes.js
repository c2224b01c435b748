// What learning changed: the filters of the first convolution before and after, and the size of each layer's change.

const MOST_FILTERS = 64;

// before, after: for each layer of the page, its parameters by name.
function showChanges(element, before, after) {
  const number = page.layers.findIndex((layer) => layer.type === "Conv2D");
  fill(element, ...(number < 0 ? [] : filterChanges(page.layers[number], before[number].kernel, after[number].kernel)), ...layerChanges(before, after));
}

// Each filter three times: before, after, and the difference with its own scale.
function filterChanges({ name, kernelShape: [height, width, channels, filters] }, before, after) {
  const differences = after.map((value, i) => value - before[i]);
  const limit = Math.max(largestSize(before), largestSize(after)), most = largestSize(differences);
  const picture = (values, filter, scale) => {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const ofFilter = Float64Array.from({ length: height * width }, (_, at) => values[at * channels * filters + filter]);
    drawMosaic(canvas, ofFilter, [height, width, 1], scale);
    return [canvas, ofFilter];
  };
  const cells = Array.from({ length: Math.min(filters, MOST_FILTERS) }, (_, filter) => {
    const [difference, values] = picture(differences, filter, most);
    const largest = values[placeOfLargest(values)];
    return make("figure", { role: "img", "aria-label": `filter ${filter}: largest change ${brief(largest)}`, title: `filter ${filter}: largest change ${brief(largest)}`, data: { change: largest } },
      picture(before, filter, limit)[0], picture(after, filter, limit)[0], difference, make("figcaption", {}, String(filter)));
  });
  const legends = [[limit, [...before, ...after], "weights"], [most, differences, "difference"]].map(([scale, values, words]) => {
    const legend = make("span", { class: "legend" });
    drawLegend(legend, scale, values, null);
    return make("p", { class: "scale" }, `${words}: `, legend);
  });
  const some = [channels > 1 ? "channel 0" : "", filters > MOST_FILTERS ? `the first ${MOST_FILTERS} of ${filters}` : ""].filter(Boolean);
  return [
    make("h3", {}, `The filters of ${name}`, some.length ? make("span", { class: "quiet" }, ` (${some.join(", ")})`) : null),
    make("p", { class: "hint" }, `From top to bottom: before, after, and the difference${most > 0 && most < limit ? `, with colours ${Math.round(limit / most).toLocaleString("en")} times as strong` : ""}.`),
    make("div", { class: "filter-changes" }, ...cells), make("div", { class: "scales" }, ...legends),
  ];
}

// {size, largest, relative} of the change of all parameters of a layer; size is the root of the sum of squares.
function changeOf(before, after) {
  let squares = 0, changes = 0, largest = 0, count = 0;
  for (const [name, values] of Object.entries(before)) {
    values.forEach((value, i) => {
      const change = after[name][i] - value;
      squares += value * value;
      changes += change * change;
      largest = Math.max(largest, Math.abs(change));
      count++;
    });
  }
  return { count, largest, mean: Math.sqrt(changes / count), relative: squares > 0 ? Math.sqrt(changes / squares) : 0 };
}

function layerChanges(before, after) {
  const rows = page.layers.flatMap(({ name }, i) => (Object.keys(before[i]).length ? [{ name, ...changeOf(before[i], after[i]) }] : []));
  const most = Math.max(...rows.map(({ relative }) => relative), 1e-300);
  const bars = rows.map(({ name, relative }) => {
    const bar = make("span", { class: "filled" });
    bar.style.width = `${(100 * relative) / most}%`;
    return make("tr", { data: { layer: name, change: relative } }, make("th", { scope: "row" }, name), make("td", {}, make("span", { class: "track" }, bar)), make("td", { class: "value" }, percent(relative)));
  });
  const table = make("table", { class: "numbers" }, make("thead", {}, make("tr", {}, ...["layer", "parameters", "root mean square change", "largest change"].map((words) => make("th", { scope: "col" }, words)))),
    make("tbody", {}, ...rows.map(({ name, count, mean, largest }) => make("tr", {}, make("th", { scope: "row" }, name), ...[count.toLocaleString("en"), brief(mean), brief(largest)].map((words) => make("td", {}, words))))));
  return [
    make("h3", {}, "How much each layer changed"), make("p", { class: "hint" }, "The size of the change, relative to the size of all weights of the layer."),
    make("table", { class: "bars layer-changes" }, make("tbody", {}, ...bars)),
    make("details", {}, make("summary", {}, "The changes in numbers"), make("div", { class: "scroll" }, table)),
  ];
}
