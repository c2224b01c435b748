// A layer: its current output, and the sum behind the chosen value with its receptive field.

class LayerView {
  constructor(element) {
    this.element = element;
    this.number = null;
    on("select", () => this.show());
    on("pass", (settled) => this.update(settled));
    on("empty", () => this.update(true));
    on("colours", () => { this.number = null; this.show(); });
  }

  show() {
    const { number } = lab.selected;
    this.element.hidden = number < 0;
    if (number < 0) return;
    if (number !== this.number) this.build(number);
    this.update(true);
  }

  build(number) {
    this.number = number;
    const layer = page.layers[number], shape = layer.outputShape;
    const canvas = (label) => make("canvas", { tabindex: "0", role: "application", "aria-roledescription": "map of values", "aria-label": label });
    this.readout = make("p", { class: "readout", "aria-hidden": "true" }, "\u00a0");
    this.legend = make("div", { class: "legend" });
    const all = canvas(`output of ${layer.name}`);
    const choose = { select: (index) => this.choose(index), hover: (index) => this.report(index) };
    this.sheet = new Sheet(all, { shape, values: [], limit: 1, tall: 420, ...choose });
    useShades(this.sheet);
    this.title = make("p", { class: "unit", role: "status" });
    this.pictures = make("div", { class: "pictures" });
    this.zoom = null;
    if (shape.length === 3 && shape[2] > 1) {
      const zoomed = canvas("the chosen map, enlarged");
      this.zoom = new Sheet(zoomed, {
        shape: [...shape.slice(0, 2), 1], values: [], limit: 1, tall: 170, most: 24,
        select: (index) => this.choose(index * shape[2] + this.map), hover: (index) => this.report(index === null ? null : index * shape[2] + this.map),
      });
      this.pictures.append(make("figure", {}, zoomed, this.caption = make("figcaption")));
    }
    this.field = page.input.shape.length === 3 ? make("canvas", { role: "img", "aria-label": "receptive field" }) : null;
    if (this.field) this.pictures.append(make("figure", {}, this.field, this.fieldCaption = make("figcaption")));
    this.sum = make("div", { class: "arithmetic" });
    fill(this.element,
      make("h3", {}, layer.name, make("span", { class: "shapes" }, ` ${layer.inputShape.join("\u00d7")} \u2192 ${shape.join("\u00d7")}`)),
      make("p", { class: "say" }, WORDS_OF_KIND[layer.type] ?? "", ...this.activationWords(layer)),
      make("p", { class: "hint" }, "Click or tap a value to see its sum."),
      all, this.readout, this.legend, this.title, this.pictures, this.sum);
  }

  activationWords(layer) {
    const words = { relu: "Then ReLU: negative sums become 0.", softmax: "Then softmax turns the scores into probabilities." };
    return layer.activation && layer.type !== "Activation" ? [` ${words[layer.activation] ?? `Then the activation function ${layer.activationName}.`}`] : [];
  }

  get map() { return lab.selected.index % page.layers[this.number].outputShape[2]; }

  choose(index) { go(this.number, index); }

  report(index) {
    const layer = page.layers[this.number];
    this.readout.textContent = index === null ? "\u00a0" : `${nameOfPlace(index, layer.outputShape, lastAxisOf(layer))}: ${brief(layer.output[index])}`;
  }

  // The sum is written out when the drawing is complete; the maps follow the pen.
  update(settled) {
    if (this.element.hidden || this.number === null) return;
    this.element.classList.toggle("waiting", lab.probabilities === null);
    if (lab.probabilities === null) return;
    const layer = page.layers[this.number], limit = largestSize(layer.output), { index } = lab.selected, width = this.element.clientWidth;
    Object.assign(this.sheet, { values: layer.output, limit, chosen: index });
    this.sheet.draw(width);
    drawLegend(this.legend, limit, layer.output, null);
    fill(this.title, `${nameOfPlace(index, layer.outputShape, lastAxisOf(layer))} `, make("span", { class: "value" }, `= ${brief(layer.output[index])}`));
    if (this.zoom) {
      const [height, across, maps] = layer.outputShape;
      Object.assign(this.zoom, { values: Float64Array.from({ length: height * across }, (_, at) => layer.output[at * maps + this.map]), limit, chosen: Math.floor(index / maps) });
      this.zoom.draw(Math.min(200, width / 2 - 8));
      this.caption.textContent = `${lastAxisOf(layer)} ${this.map}, enlarged`;
    }
    if (this.field) {
      const mask = fieldOf(this.number, index), count = sumOf(mask);
      drawField(this.field, mask);
      this.fieldCaption.textContent = `depends on ${count === mask.length ? "all pixels" : counted(count, "pixel")}`;
    }
    if (settled) this.explain();
  }

  explain() {
    for (const each of redrawn) if (!each.canvas.isConnected) redrawn.delete(each);
    const found = explainForward(this.number, lab.selected.index);
    const parts = arithmetic(found, (number, index) => go(number, index)), all = parts.pop();
    const details = make("details", { class: "digits" }, make("summary", {}, "The calculation with all digits, compared with the engine's value"), all);
    fill(this.sum, ...parts, this.inOneLine(found), details);
  }

  inOneLine(found) {
    if (found.sum === undefined || found.form === "window") return null;
    const bias = found.bias ? ` + bias ${brief(found.bias)} = ${brief(found.before)}` : "";
    const names = { relu: " \u2192 ReLU \u2192 ", softmax: " \u2192 softmax \u2192 ", "?": ` \u2192 ${page.layers[this.number].activationName} \u2192 ` };
    const end = found.activation ? `${names[found.activation]}${brief(found.stored)}` : "";
    return make("p", { class: "sum-line" }, `${found.count > 1 ? `Sum of all ${counted(found.count, "product")}` : "Product"}: ${brief(found.sum)}${bias}${end}`);
  }
}
