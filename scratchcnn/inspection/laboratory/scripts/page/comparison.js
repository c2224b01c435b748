// Two models that read the same drawing: their answers side by side, their feature maps, and where they disagree.

const OTHER = "other"; // the name of the second network in the engine

// The layers of a description: their names, types and shapes, and the number of the value that is their output.
function outputsOf({ steps }) {
  const ends = steps.filter((step, i) => steps[i + 1]?.layer !== step.layer);
  return ends.map((step) => {
    const first = steps.find(({ layer }) => layer === step.layer);
    return { name: step.layer, type: first.type, shape: step.outputShape, value: steps.indexOf(step) + 1 };
  });
}

// The pairs of corresponding layers: the longest common subsequence of layers with the same type and output shape.
function pairsOfLayers(ours, theirs) {
  const same = (a, b) => a.type === b.type && String(a.shape) === String(b.shape);
  const longest = Array.from({ length: ours.length + 1 }, () => new Array(theirs.length + 1).fill(0));
  for (let i = ours.length - 1; i >= 0; i--) {
    for (let j = theirs.length - 1; j >= 0; j--) {
      longest[i][j] = same(ours[i], theirs[j]) ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < ours.length && j < theirs.length;) {
    if (same(ours[i], theirs[j])) pairs.push([ours[i++], theirs[j++]]);
    else if (longest[i + 1][j] >= longest[i][j + 1]) i++;
    else j++;
  }
  return pairs;
}

const comparisonPanel = {
  key: "comparison",
  title: "Compare two networks",
  hint: "both read the same drawing, side by side",

  build(element) {
    const { names, network } = page.comparison;
    this.index = null; // of the value that is read out: at first the largest one
    this.pairs = pairsOfLayers(outputsOf(page.network), outputsOf(network));
    this.sides = names.map((name) => this.buildSide(name));
    this.agreement = make("p", { class: "say", role: "status" });
    this.live = make("div", {}, make("div", { class: "versus" }, ...this.sides.map(({ element: side }) => side)), ...this.buildMaps(names));
    fill(element, this.agreement, this.live, ...this.buildList(names));
    on("pass", (settled) => { if (!settled) this.update(); }); // otherwise, "settled" follows
    on("empty", () => {
      this.live.classList.add("waiting");
      this.agreement.textContent = "Draw a digit, or choose a stored one.";
    });
    this.element = element;
  },

  buildSide(name) {
    const verdict = make("p", { class: "versus-verdict" }), loss = make("p", { class: "versus-loss" });
    const rows = Array.from({ length: sizeOf(page.network.outputShape) }, (_, digit) => {
      const bar = make("span", { class: "filled" }), value = make("td", { class: "value" });
      const row = make("tr", {}, make("th", { scope: "row" }, String(digit)), make("td", { class: "bar" }, make("span", { class: "track" }, bar)), value);
      return { row, bar, value };
    });
    const table = make("table", { class: "versus-answers" }, make("caption", { class: "unseen" }, `probabilities of ${name}`), make("tbody", {}, ...rows.map(({ row }) => row)));
    return { verdict, loss, rows, element: make("section", {}, make("h3", {}, name), verdict, table, loss) };
  },

  // A layer's feature maps of both models; a select chooses the layer.
  buildMaps(names) {
    if (this.pairs.length === 0) return [make("p", { class: "hint" }, "The two networks have no layers with the same type and output shape.")];
    const first = Math.max(0, this.pairs.findIndex(([{ type }]) => type === "Conv2D"));
    this.layer = make("select", { name: "layer" }, ...this.pairs.map(([ours, theirs], i) => {
      const both = ours.name === theirs.name ? ours.name : `${ours.name} and ${theirs.name}`;
      return make("option", { value: String(i), ...(i === first && { selected: "" }) }, `${both}, ${ours.shape.join("\u00d7")}`);
    }));
    this.layer.addEventListener("change", () => { this.index = null; this.drawMaps(); });
    const choose = (index) => { this.index = index ?? this.index; this.report(); };
    this.maps = names.map((name) => {
      const canvas = make("canvas", { tabindex: "0", role: "application", "aria-roledescription": "map of values", "aria-label": `output of the layer in ${name}` });
      return new Sheet(canvas, { shape: [1], values: [0], limit: 1, tall: 400, select: (index) => { choose(index); this.drawMaps(); }, hover: choose });
    });
    this.legend = make("div", { class: "legend" });
    this.readout = make("p", { class: "readout", role: "status" });
    return [
      make("label", { class: "versus-layer" }, "Output of the layer ", this.layer),
      make("div", { class: "versus" }, ...this.maps.map(({ canvas }, i) => make("figure", {}, canvas, make("figcaption", {}, names[i])))),
      this.readout, this.legend,
      make("p", { class: "hint" }, "Both share one scale of colours. Map 3 of one network need not look for the same as map 3 of the other: each training finds its own filters."),
    ];
  },

  // The stored digits on which they disagree; a click loads one.
  buildList(names) {
    const { shown, disagreements, images, accuracies } = page.comparison;
    const measured = names.map((name, i) => `${(100 * accuracies[i]).toFixed(accuracies[i] > 0.99 ? 2 : 1)}\u00a0% (${name})`).join(" and ");
    const words = `Of ${counted(images, "test image")}, the networks read ${measured} correctly. They disagree on ${disagreements.toLocaleString("en")}.`;
    const hint = shown.length < disagreements ? ` These are the ${shown.length} of which both are most certain.` : "";
    const buttons = shown.map(({ digit, answers }) => {
      const canvas = make("canvas", { "aria-hidden": "true" }), label = page.digits.labels[digit];
      drawMosaic(canvas, digitImage(digit), imageShape(), page.inputScale, true);
      const answer = (i) => make("span", { class: answers[i] === label ? "is-right" : "is-wrong" }, `${answers[i]} ${answers[i] === label ? "\u2713" : "\u2717"}`);
      const title = `label ${label}; ${names[0]}: ${answers[0]}, ${names[1]}: ${answers[1]}`;
      return make("button", { type: "button", class: "differing", title, "aria-label": title, onclick: () => storedDigits.show(digit) }, canvas, make("span", {}, answer(0), " ", answer(1)));
    });
    const order = shown.length ? ` Below each: the answer of ${names[0]}, then that of ${names[1]}. Click one to load it.` : "";
    return [make("h3", {}, "Where they disagree"), make("p", { class: "say" }, `${words}${hint}${order}`), make("div", { class: "differings" }, ...buttons)];
  },

  // The second forward pass runs in another worker; an answer that a newer drawing has overtaken is left out.
  async update() {
    if (!this.element?.parentElement.open || lab.input === null) return;
    const ours = { values: [page.input.array, ...page.layers.map(({ output }) => output)], predictions: lab.probabilities }, label = labelShown();
    const other = await spareEngine(OTHER, page.comparison.network), theirs = await other.forward(OTHER, ours.values[0]);
    if (theirs === null || lab.input === null) return;
    this.live.classList.remove("waiting");
    this.latest = [ours, theirs];
    [ours, theirs].forEach(({ predictions }, i) => this.showSide(this.sides[i], predictions, label));
    const [a, b] = [ours, theirs].map(({ predictions }) => answerOf(predictions)), { names } = page.comparison;
    this.agreement.textContent = a === b ? `Both read a ${a}.` : `They disagree: ${names[0]} reads a ${a}, ${names[1]} a ${b}.`;
    this.drawMaps();
  },

  showSide({ verdict, loss, rows }, predictions, label) {
    const best = answerOf(predictions);
    fill(verdict, make("span", { class: "digit" }, String(best)), make("span", {}, percent(predictions[best])));
    rows.forEach(({ row, bar, value }, digit) => {
      row.classList.toggle("chosen", digit === best);
      bar.style.width = `${100 * predictions[digit]}%`;
      value.textContent = percentOf(predictions[digit]);
      value.dataset.probability = String(predictions[digit]);
    });
    const cost = label === null ? null : -Math.log(Math.max(predictions[label], Number.MIN_VALUE));
    loss.textContent = cost === null ? "Loss: only for stored digits, whose label is known" : `Loss for the label ${label}: \u2212ln p = ${digits(Math.max(cost, 0), 4)}`;
  },

  // The chosen layer in both models, in colours of one scale.
  drawMaps() {
    if (!this.layer || !this.latest) return;
    const [ours, theirs] = this.pairs[Number(this.layer.value)], number = page.layers.findIndex(({ name }) => name === ours.name);
    this.outputs = [this.latest[0].values[number + 1], this.latest[1].values[theirs.value]];
    this.index ??= placeOfLargest(this.outputs[0]);
    const limit = Math.max(...this.outputs.map(largestSize)), lowest = Math.min(...this.outputs.map((values) => rangeOf(values)[0]));
    this.maps.forEach((sheet, i) => {
      Object.assign(sheet, { shape: ours.shape, values: this.outputs[i], limit, chosen: this.index });
      sheet.draw(sheet.canvas.parentElement.clientWidth);
    });
    drawLegend(this.legend, limit, [lowest], null);
    this.report();
  },

  // The value under the pointer, in both.
  report() {
    const [ours] = this.pairs[Number(this.layer.value)], { names } = page.comparison, last = ours.type === "Conv2D" ? "filter" : "channel";
    this.readout.textContent = `${nameOfPlace(this.index, ours.shape, last)}: ${brief(this.outputs[0][this.index])} (${names[0]}), ${brief(this.outputs[1][this.index])} (${names[1]})`;
  },
};

if (page.comparison) PANELS.push(comparisonPanel);
