// An explorer: the values of a layer, and how the chosen value was computed.

const NARROW = 1001; // width in CSS pixels from which the explanation is beside the values, and the contents beside the page
const explorers = new Map();

const WAYS = {
  pixels: () => ({ values: arrayOf(page.input.array), shape: page.input.shape, explain: explainPixel }),
  forward: (number) => ({
    values: arrayOf(page.layers[number].output), shape: page.layers[number].outputShape, last: lastAxisOf(page.layers[number]),
    explain: (index) => explainForward(number, index),
  }),
  backward: (number) => ({
    values: gradientOf(number), shape: shapeOf(number), last: number < 0 ? "channel" : lastAxisOf(page.layers[number]),
    explain: (index) => explainBackward(number, index),
  }),
  kernel(number) {
    const [height, width, channels, filters] = page.layers[number].kernelShape;
    return {
      values: arrayOf(page.layers[number].dKernel), shape: [height, width, channels * filters], noField: true,
      explain: (index) => explainKernel(number, index), filters, placeShape: [height, width, channels, filters],
    };
  },
};

class Explorer {
  constructor(element) {
    this.element = element;
    this.number = Number(element.dataset.layer);
    this.way = element.dataset.way;
    Object.assign(this, { last: "channel" }, WAYS[this.way](this.number));
    this.placeShape ??= this.shape;
    this.limit = largestSize(this.values);
    this.grey = this.way === "pixels" ? [Math.min(0, rangeOf(this.values)[0]), rangeOf(this.values)[1]] : null;
    this.build();
    this.select(this.start());
  }

  build() {
    const find = (name) => this.element.querySelector(name);
    this.readout = find(".readout");
    this.inspector = find(".inspector");
    this.sheet = new Sheet(find(".sheet canvas"), {
      shape: this.shape, values: this.values, limit: this.limit, grey: this.grey,
      select: (index, pointed) => this.select(index, pointed), hover: (index) => this.report(index),
    });
    drawLegend(find(".legend"), this.limit, this.values, this.grey);
    this.title = make("p", { class: "unit", role: "status" });
    this.form = make("div", { class: "place", role: "group", "aria-label": "position of the value" });
    this.pictures = make("div", { class: "pictures" });
    this.arithmetic = make("div", { class: "arithmetic" });
    fill(this.inspector, this.title, this.form, this.pictures, this.arithmetic);
    if (this.shape.length === 3 && this.shape[2] > 1) find(".hint").textContent += " Page Up and Page Down: another map.";
    this.buildForm();
    this.buildPictures();
    redrawn.add(this);
  }

  // One input per axis: a position that is too small for a finger can be typed.
  buildForm() {
    const names = this.filters ? ["row", "column", "channel", "filter"] : axisNames(this.shape, this.last);
    this.fields = names.map((name, axis) => {
      const field = make("input", { type: "number", min: "0", max: String(this.placeShape[axis] - 1), inputmode: "numeric" });
      field.addEventListener("change", () => this.fromForm());
      this.form.append(make("label", {}, name, field));
      return field;
    });
    this.form.append(make("button", { type: "button", class: "link upward", onclick: () => this.element.scrollIntoView() }, "\u2191 all values"));
  }

  fromForm() {
    const place = this.fields.map((field, axis) => Math.min(this.placeShape[axis] - 1, Math.max(0, Math.round(Number(field.value)) || 0)));
    this.select(ravel(place, this.placeShape));
  }

  buildPictures() {
    if (this.shape.length === 3 && (this.shape[2] > 1 || this.way === "kernel")) {
      const [height, width, maps] = this.shape;
      const canvas = make("canvas", { tabindex: "0", role: "application", "aria-roledescription": "map of values", "aria-label": `the chosen map of ${this.element.dataset.label}, enlarged` });
      this.caption = make("figcaption");
      this.zoom = new Sheet(canvas, {
        shape: [height, width, 1], limit: this.limit, grey: this.grey, tall: 200, most: 40,
        select: (index, pointed) => this.select(index * maps + this.map, pointed), hover: (index) => this.report(index === null ? null : index * maps + this.map),
      });
      this.pictures.append(make("figure", {}, canvas, this.caption));
    }
    if (!this.noField && page.input.shape.length === 3 && this.way !== "pixels") {
      this.field = make("canvas", { role: "img", "aria-label": "receptive field: the pixels that this value depends on" });
      this.pictures.append(make("figure", {}, this.field, this.fieldCaption = make("figcaption")));
    }
  }

  // The first choice: the largest value; of the last layer, the predicted class. Of gradients, the largest one that
  // passes the ReLU, so that it affects the layers before.
  start() {
    const layer = page.layers[this.number];
    const isLast = this.number === page.layers.length - 1 && this.shape.length === 1;
    if (isLast && this.way === "forward") return this.values.indexOf(rangeOf(this.values)[1]);
    const masked = this.way === "backward" && layer?.activation === "relu" ? arrayOf(layer.dPreactivation) : this.values;
    return placeOfLargest(masked);
  }

  nameOf(index) {
    if (!this.filters) return nameOfPlace(index, this.shape, this.last);
    const [ky, kx, pair] = unravel(index, this.shape);
    return `kernel[${ky}, ${kx}, ${Math.floor(pair / this.filters)}, ${pair % this.filters}]`;
  }

  report(index) {
    this.readout.textContent = index === null ? "\u00a0" : `${this.nameOf(index)}: ${brief(this.values[index])}`;
  }

  select(index, pointed = false) {
    this.chosen = index;
    this.map = this.shape.length === 3 ? index % this.shape[2] : 0;
    this.sheet.chosen = index;
    fill(this.title, `${this.nameOf(index)} `, make("span", { class: "value" }, `= ${brief(this.values[index])}`));
    unravel(index, this.placeShape).forEach((at, axis) => { this.fields[axis].value = String(at); });
    const found = this.explain(index);
    fill(this.arithmetic, ...(found.form === "pixel" ? pixelPart(found) : arithmetic(found, goTo)), this.wayOn(found));
    if (this.drawn) this.redraw();
    if (pointed && window.innerWidth < NARROW) this.reveal();
  }

  // In a narrow window the explanation is below the values: brings it into view.
  reveal() {
    const { top, bottom } = this.title.getBoundingClientRect();
    const above = document.querySelector("nav").getBoundingClientRect().bottom;
    if (top < above || bottom > window.innerHeight / 3) this.inspector.scrollIntoView();
  }

  // The button that leads one step further, towards the pixels or the loss.
  wayOn(found) {
    if (found.form === "pixel" || found.form === "unknown" || found.form === "places" || found.source === undefined) return null;
    const place = largestInput(found);
    if (place === null) return null;
    const way = found.back ? "backward" : found.source < 0 ? "pixels" : "forward";
    const single = found.terms?.length === 1;
    const words = single ? "Next" : found.back ? "Next: the gradient with the largest contribution" : found.form === "window" ? "Next: the maximum" : "Next: the input with the largest contribution";
    return make("p", { class: "way-on" }, make("button", { type: "button", onclick: () => goTo(found.source, place, way) }, `${words}: ${nameOfUnit(found.source, place)} \u2192`));
  }

  draw() {
    this.drawn = true;
    this.width = this.element.querySelector(".sheet").clientWidth;
    this.redraw();
  }

  redraw() {
    this.sheet.draw(this.width);
    if (this.zoom) this.drawZoom();
    if (this.field) this.drawField();
  }

  drawField() {
    const mask = fieldOf(this.number, this.chosen), count = sumOf(mask);
    drawField(this.field, mask);
    this.fieldCaption.textContent = `receptive field: ${count === mask.length ? "all pixels" : counted(count, "pixel")}`;
  }

  drawZoom() {
    const [height, width, maps] = this.shape;
    this.zoom.values = Float64Array.from({ length: height * width }, (_, at) => this.values[at * maps + this.map]);
    this.zoom.chosen = Math.floor(this.chosen / maps);
    this.zoom.draw(Math.min(200, 0.52 * this.width));
    this.caption.textContent = this.filters
      ? `channel ${Math.floor(this.map / this.filters)}, filter ${this.map % this.filters}` : `${this.last} ${this.map}, enlarged`;
  }
}

// The values of the neighbouring pixels.
function explainPixel(index) {
  return { form: "pixel", index };
}

function pixelPart({ index }) {
  const { shape, array } = page.input;
  const values = arrayOf(array);
  if (shape.length !== 3) return [make("p", {}, `Element ${index} of the input.`)];
  const [row, column, channel] = unravel(index, shape);
  const [low, high] = rangeOf(values);
  const reach = 3;
  const first = (at, length) => Math.max(0, Math.min(length - 2 * reach - 1, at - reach));
  const span = (at, length) => Array.from({ length: Math.min(length, 2 * reach + 1) }, (_, i) => first(at, length) + i);
  const rows = span(row, shape[0]).map((y) => span(column, shape[1]).map((x) => ({ value: values[ravel([y, x, channel], shape)], marked: y === row && x === column })));
  const table = matrix({ title: `pixels around row ${row}, column ${column}`, rows, limit: Math.max(Math.abs(low), Math.abs(high), 0.01) });
  table.querySelectorAll("td").forEach((each, i) => {
    const colour = greyOf(rows.flat()[i].value, Math.min(0, low), high);
    each.style.backgroundColor = css(colour);
    each.style.color = inkOn(colour);
  });
  return [make("div", { class: "scroll" }, table), make("p", {}, "These values are the input of the network; there is nothing else in the image.")];
}

// Selects a value of any layer, and scrolls to it.
function goTo(number, index, way) {
  const explorer = explorers.get(`${way ?? (number < 0 ? "pixels" : "forward")}:${number}`);
  if (!explorer) return;
  explorer.select(index);
  (window.innerWidth < NARROW ? explorer.inspector : explorer.element).scrollIntoView();
  explorer.element.querySelector(".sheet canvas").focus({ preventScroll: true });
}
