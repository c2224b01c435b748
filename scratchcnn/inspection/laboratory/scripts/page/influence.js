// Which pixels and strokes does the answer depend on?

const OCCLUSION_STRIDE = 3; // pixels between two covered squares

PANELS.push({
  key: "influence",
  title: "Which pixels matter?",
  hint: "the gradient, covering parts of the drawing, and leaving out strokes",

  build(element) {
    const figure = (words) => {
      const canvas = make("canvas", { tabindex: "0", role: "application", "aria-roledescription": "map of values", "aria-label": words });
      const legend = make("div", { class: "legend" }), readout = make("p", { class: "readout", "aria-hidden": "true" }, "\u00a0");
      return { canvas, legend, readout, figure: make("figure", {}, canvas, readout, legend, make("figcaption", {}, words)) };
    };
    this.gradient = figure("Input gradient: orange, more ink here would raise the probability; blue, it would lower it.");
    this.cover = figure("Occlusion: a small square is covered with paper. Orange, the probability falls without it; blue, it rises.");
    this.strokes = { canvas: make("canvas", { role: "img", "aria-label": "strokes, coloured by what happens without them" }), list: make("ul", { class: "strokes" }) };
    this.strokes.figure = make("figure", {}, this.strokes.canvas, this.strokes.list, make("figcaption", {}, "Strokes: how the probability changes without each of them."));
    this.title = make("p", { class: "say" });
    fill(element, this.title, make("div", { class: "pictures" }, this.gradient.figure, this.cover.figure, this.strokes.figure));
  },

  async update() {
    const input = lab.input, answer = answerOf(lab.probabilities);
    this.title.textContent = `For the answer ${answer}, with a probability of ${percent(lab.probabilities[answer])}:`;
    this.showStrokes(answer);
    if (page.network.loss) {
      const { gradients } = await engine.ask("backward", { name: MODEL, image: input, label: answer });
      if (input !== lab.input) return;
      this.showMap(this.gradient, gradients[0].map((value) => -value)); // the loss falls as the probability rises
    }
    this.cover.readout.textContent = "computing \u2026";
    const { map } = await engine.ask("occlusion", { name: MODEL, image: input, label: answer, stride: OCCLUSION_STRIDE, shape: imageShape() });
    if (input === lab.input) this.showMap(this.cover, map);
  },

  showMap({ canvas, legend, readout }, values) {
    const [height, width] = imageShape(), limit = largestSize(values);
    const report = (index) => { readout.textContent = index === null ? "\u00a0" : `${nameOfPlace(index, [height, width, 1])}: ${brief(values[index])}`; };
    if (!canvas.sheet) canvas.sheet = new Sheet(canvas, { shape: [height, width, 1], tall: 230, most: 8, over: drawOutline, hover: (index) => canvas.report(index) });
    canvas.report = report;
    report(null);
    Object.assign(canvas.sheet, { values, limit });
    canvas.sheet.draw(240);
    drawLegend(legend, limit, values, null);
  },

  // Removes each stroke and asks the network again.
  async showStrokes(answer) {
    const { strokes } = drawing.state, ink = strokes.filter(({ erases }) => !erases), before = lab.probabilities[answer], input = lab.input;
    if (strokes.length === 0) {
      this.strokes.canvas.hidden = true;
      fill(this.strokes.list, make("li", {}, "This image has no strokes: draw one."));
      return;
    }
    const changes = [];
    for (const stroke of ink) {
      const found = ink.length > 1 ? await preparer.prepare(pixelsOfStrokes(strokes.filter((each) => each !== stroke)), true) : { refusal: "empty" };
      if (input !== lab.input) return;
      changes.push(found.refusal ? -before : (await engine.ask("predict", { name: MODEL, images: asInput(found.image) })).predictions[answer] - before);
    }
    if (input === lab.input) this.drawStrokes(ink, changes);
  },

  drawStrokes(ink, changes) {
    const { canvas, list } = this.strokes, context = sized(canvas, 230, 230);
    canvas.hidden = false;
    context.scale(230 / SIDE, 230 / SIDE);
    context.lineCap = context.lineJoin = "round";
    ink.forEach(({ points, thickness }, i) => {
      const colour = colourOf(-changes[i], 1);
      traceCurve(context, points);
      context.lineWidth = thickness;
      context.strokeStyle = css(colour);
      context.stroke();
    });
    context.font = "bold 26px system-ui, sans-serif";
    ink.forEach(({ points }, i) => {
      context.lineWidth = 5;
      context.strokeStyle = isDark() ? "#14171a" : "#fff";
      context.fillStyle = isDark() ? "#fff" : "#000";
      context.strokeText(String(i + 1), points[0][0] + 8, points[0][1] + 8);
      context.fillText(String(i + 1), points[0][0] + 8, points[0][1] + 8);
    });
    fill(list, ...changes.map((change, i) => make("li", {}, minus(`stroke ${i + 1}: ${change > 0 ? "+" : ""}${(100 * change).toFixed(1)} percentage points`))));
  },
});
