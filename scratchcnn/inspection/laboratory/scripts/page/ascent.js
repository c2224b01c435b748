// What would make it another digit? Gradient ascent on the pixels, shown as frames.

const MOST_FRAMES_SHOWN = 20, RATE = 0.08; // change of a pixel in a step

PANELS.push({
  key: "ascent",
  title: "What would make it another digit?",
  hint: "the pixels change until the network reads the digit that you choose",

  build(element) {
    const classes = sizeOf(page.layers.at(-1).outputShape);
    this.choice = make("select", { "aria-label": "digit" }, ...Array.from({ length: classes }, (_, digit) => make("option", { value: String(digit) }, String(digit))));
    this.choice.addEventListener("change", () => { this.isChosen = true; this.update(); });
    this.frames = make("div", { class: "frames" });
    this.words = make("p", { class: "say" });
    fill(element, make("p", {}, "What would make it a ", this.choice, "? Each frame follows the gradient of that digit's probability with respect to the pixels."), this.frames, this.words);
  },

  async update() {
    const input = lab.input, order = [...lab.probabilities.keys()].sort((a, b) => lab.probabilities[b] - lab.probabilities[a]);
    if (!this.isChosen) this.choice.value = String(order[1]);
    const target = Number(this.choice.value);
    this.running?.stop();
    fill(this.frames);
    let count = 0, probability = 0;
    this.running = engine.start("ascend", { name: MODEL, image: input, label: target, steps: MOST_FRAMES_SHOWN - 1, rate: RATE, high: page.inputScale, shape: imageShape() }, (frame) => {
      probability = frame.predictions[target];
      this.addFrame(frame.image, probability, count++);
    });
    await this.running.done;
    if (input !== lab.input || target !== Number(this.choice.value)) return;
    this.words.textContent = probability > 0.5
      ? `After ${counted(count - 1, "step")}, the network reads a ${target} with a probability of ${percent(probability)}. Compare the strokes with those that you would change.`
      : `After ${counted(count - 1, "step")}, the probability of ${target} is ${percent(probability)}.`;
  },

  addFrame(image, probability, number) {
    const canvas = make("canvas", { role: "img", "aria-label": `frame ${number}` });
    drawMosaic(canvas, image, imageShape(), page.inputScale, true);
    this.frames.append(make("figure", {}, canvas, make("figcaption", {}, `${(100 * probability).toFixed(0)} %`)));
  },
});
