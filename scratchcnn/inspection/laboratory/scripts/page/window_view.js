// One window that slides over the input: its pixels times the weights of a filter, and the sum written out.

const SLIDE = 450; // milliseconds at each position
const short = (value) => minus(value.toFixed(3));

class WindowView {
  constructor(element) {
    this.element = element;
    this.number = page.layers.findIndex((layer) => layer.type === "Conv2D");
    this.layer = page.layers[this.number];
    this.filter = 0;
    this.place = [0, 0];
    this.isChosen = false; // by the user
    this.playing = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.build();
    setInterval(() => this.slide(), SLIDE);
    on("pass", (settled) => this.show(settled));
    on("select", () => this.toggle());
    on("empty", () => this.show(true));
    on("colours", () => this.draw());
  }

  build() {
    const [height, width] = this.layer.kernelShape, first = this.number === 0;
    const filters = this.layer.kernelShape[3];
    this.input = this.map((row, column) => this.hold(this.windowOver(row, column)), first ? "the image, with the window" : `the input of ${this.layer.name}, channel 0`);
    this.output = this.map((row, column) => this.hold([row, column]), "the feature map: a value for each position");
    useShades(this.output.sheet);
    this.equation = make("div", { class: "equation" });
    this.line = make("p", { class: "sum-line", role: "status" });
    this.play = make("button", { type: "button", onclick: () => { this.playing = !this.playing; this.draw(); } });
    this.choice = make("select", { "aria-label": "filter" }, ...Array.from({ length: filters }, (_, f) => make("option", { value: String(f) }, `filter ${f}`)));
    this.choice.addEventListener("change", () => { this.isChosen = true; this.filter = Number(this.choice.value); this.draw(); });
    fill(this.element,
      make("p", { class: "say" }, `The first layer slides a ${height}\u2009\u00d7\u2009${width} window over the image. Everywhere it multiplies the ${height * width} pixels by the ${height * width} weights of a filter, and adds.`),
      make("div", { class: "sliding" }, this.input.figure, make("div", { class: "choices" }, this.choice, this.play), this.output.figure),
      this.equation, this.line);
  }

  map(choose, caption) {
    const canvas = make("canvas", { tabindex: "0", role: "application", "aria-roledescription": "map of values", "aria-label": caption });
    const sheet = new Sheet(canvas, {
      shape: [1, 1, 1], values: [0], limit: 1, tall: 344, most: 12,
      select: (index) => choose(Math.floor(index / sheet.shape[1]), index % sheet.shape[1]),
      hover: (index) => { if (index !== null) choose(Math.floor(index / sheet.shape[1]), index % sheet.shape[1]); },
    });
    return { sheet, figure: make("figure", {}, canvas, make("figcaption", {}, caption)) };
  }

  // The position whose window has this pixel in its middle.
  windowOver(row, column) {
    const place = (axis, at) => Math.max(0, Math.min(axis.output - 1, Math.round((at + axis.before - ((axis.kernel - 1) * axis.dilation) / 2) / axis.stride)));
    return [place(this.layer.rows, row), place(this.layer.columns, column)];
  }

  // The user points at a position: it stays there.
  hold(place) {
    this.playing = false;
    this.place = place;
    this.draw();
  }

  toggle() {
    this.element.hidden = lab.selected.number !== -1;
    this.draw();
  }

  get room() { // larger where there is room for it on the first screen
    return Math.min(window.innerHeight > 1000 ? 348 : 236, Math.max(150, (this.element.clientWidth - 130) / 2));
  }

  get isShown() { return !this.element.hidden && lab.probabilities !== null; }

  // The next position with ink in its window.
  slide() {
    if (!this.playing || !this.isShown || document.hidden || this.element.getBoundingClientRect().bottom < 0) return;
    const { rows, columns } = this.layer, total = rows.output * columns.output;
    const start = this.place[0] * columns.output + this.place[1];
    for (let step = 1; step < total; step++) {
      const at = (start + step) % total;
      this.place = [Math.floor(at / columns.output), at % columns.output];
      if (this.explain().patches.some((patch) => patch.cells.filter((each) => each.left !== 0).length > 1)) break;
    }
    this.draw();
  }

  explain() {
    return explainForward(this.number, ravel([...this.place, this.filter], this.layer.outputShape));
  }

  show(settled) {
    if (!this.isChosen && settled && lab.probabilities && !this.hasFilter) {
      this.filter = this.strongestFilter();
      this.choice.value = String(this.filter);
      this.hasFilter = true;
      const best = placeOfLargest(this.mapOf(this.layer.output, this.layer.outputShape, this.filter));
      this.place = [Math.floor(best / this.layer.outputShape[1]), best % this.layer.outputShape[1]];
    }
    this.draw();
  }

  // The filter whose map has the largest standard deviation: it shows most.
  strongestFilter() {
    const [height, width, filters] = this.layer.outputShape, sums = new Float64Array(filters), squares = new Float64Array(filters);
    this.layer.output.forEach((value, i) => { sums[i % filters] += value; squares[i % filters] += value * value; });
    return placeOfLargest(squares.map((square, f) => square / (height * width) - (sums[f] / (height * width)) ** 2));
  }

  mapOf(values, [height, width, maps], map) {
    return Float64Array.from({ length: height * width }, (_, at) => values[at * maps + map]);
  }

  draw() {
    if (this.element.hidden) return;
    this.element.classList.toggle("waiting", lab.probabilities === null);
    if (lab.probabilities === null) return;
    const { layer, input, output } = this, found = this.explain(), [patch] = found.patches;
    const pixels = this.mapOf(layer.input, layer.inputShape, 0), limit = largestSize(pixels);
    Object.assign(input.sheet, { shape: [...layer.inputShape.slice(0, 2), 1], values: pixels, limit });
    if (this.number === 0) input.sheet.colour = (value) => greyOf(limit - value, 0, limit); // ink on paper
    const centre = [layer.rows, layer.columns].map((axis, i) => this.place[i] * axis.stride - axis.before);
    input.sheet.over = (context, scale, edge) => {
      context.lineWidth = 3;
      context.strokeStyle = "#00a070";
      const span = (axis) => ((axis.kernel - 1) * axis.dilation + 1) * scale;
      context.strokeRect(edge + centre[1] * scale, edge + centre[0] * scale, span(layer.columns), span(layer.rows));
    };
    input.sheet.chosen = 0;
    input.sheet.mark = () => {};
    input.sheet.draw(this.room);
    const values = this.mapOf(layer.output, layer.outputShape, this.filter);
    Object.assign(output.sheet, { shape: [...layer.outputShape.slice(0, 2), 1], values, limit: largestSize(layer.output), chosen: this.place[0] * layer.outputShape[1] + this.place[1] });
    output.sheet.draw(this.room);
    this.drawSum(found, patch, limit);
    this.play.textContent = this.playing ? "Pause" : "Slide";
  }

  drawSum(found, patch, limit) {
    const cells = (key) => inRows(patch.cells.map((each) => ({ value: each[key], outside: !each.inside, text: each.inside ? undefined : "0" })), found.size[1]);
    const largest = (key) => largestSize(patch.cells.map((each) => each[key]));
    const weights = largestSize(this.layer.kernel);
    fill(this.equation, matrix({ title: "pixels", rows: cells("left"), limit }), operator("\u00d7"), matrix({ title: `weights of filter ${this.filter}`, rows: cells("right"), limit: weights }),
      operator("="), matrix({ title: "products", rows: cells("product"), limit: Math.max(largest("product"), 1e-3) }));
    const more = found.patches.length > 1 ? ` (channel ${patch.name}; all ${found.patches.length} channels: ${short(found.sum)})` : "";
    const last = found.activation === "relu" ? [make("span", { class: "quiet" }, " \u2192 ReLU \u2192 "), make("strong", {}, short(found.value))] : [];
    fill(this.line, `The products add up to ${short(patch.sum)}${more}. With the bias ${short(found.bias ?? 0)}: ${short(found.before)}`, ...last);
    if (found.activation === "relu" && found.before <= 0) this.line.append(make("span", { class: "quiet" }, " (negative sums become 0)"));
  }
}
