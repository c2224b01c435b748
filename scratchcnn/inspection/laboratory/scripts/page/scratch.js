// A small network that is trained in the page from random weights: its loss, its accuracy, its filters and its answer.

const SMALL = "small"; // its name in its engine
const AVERAGED = 10; // steps whose mean loss is drawn
const NAMES = { sgd: "SGD", adam: "Adam" };
const REDRAWN = 250; // milliseconds between two pictures

PANELS.push({
  key: "scratch",
  title: "Train a network from scratch",
  hint: "a small one, with random weights at first, in less than a minute",

  build(element) {
    if (page.training === null) {
      fill(element, make("p", {}, "This page contains no images to train a network with. In Python, give write_laboratory 500 test images and the argument training=(images, labels) with 1,000 others, of 28 \u00d7 28 pixels with values from 0 to 1 or to 255, and no second network."));
      this.update = null;
      return;
    }
    const { training, heldOut } = page.training, action = (words, act) => make("button", { type: "button", onclick: act }, words);
    const count = (digits) => digits.labels.length.toLocaleString("en");
    this.start = action("Start", () => this.train());
    this.stop = action("Stop", () => this.training.stop());
    this.reset = action("Reset", () => this.clear());
    this.start.className = "main-action";
    this.progress = make("progress", { max: "1", value: "0", "aria-label": "progress of the training" });
    this.words = make("p", { class: "say", role: "status" });
    this.charts = make("div", { class: "live-charts" });
    this.filters = make("div", { class: "live-filters" });
    this.answers = make("div", { class: "duel" });
    Object.assign(this, { seed: 0, busy: false, training: null });
    fill(element,
      make("p", { class: "say" }, `It starts with random weights and sees ${count(training)} digits, slightly moved and turned each time. ${count(heldOut)} other digits are held out: they show how well it reads digits from which it did not learn.`),
      make("div", { class: "settings" }, this.start, this.stop, this.reset, this.progress), this.words, this.charts, make("div", { class: "live-views" }, this.filters, this.answers), this.expertWords());
    on("pass", () => { if (element.checkVisibility()) this.answer(); });
    on("empty", () => fill(this.answers));
    this.clear();
  },

  update() {
    if (this.steps) this.drawFilters(this.steps.kernel);
    this.answer();
  },

  enable() {
    this.start.disabled = this.busy;
    this.stop.disabled = !this.training;
    this.reset.disabled = this.busy || !this.steps;
  },

  clear() {
    this.steps = null;
    this.progress.value = 0;
    this.words.textContent = "";
    delete this.words.dataset.accuracy;
    fill(this.charts);
    fill(this.filters);
    fill(this.answers);
    this.enable();
  },

  // A worker of its own: the training delays no drawing.
  async train() {
    this.engine ??= createEngine(page.workers.engine);
    this.clear();
    this.seed++;
    this.steps = { loss: [], accuracy: [], count: 1, kernel: null };
    const { training, heldOut, layers, settings } = page.training, { labels } = training;
    this.busy = true;
    this.enable();
    await this.engine.ask("create", { name: SMALL, inputShape: [28, 28, 1], layers, seed: this.seed });
    const tested = { images: greyLevels(heldOut), labels: heldOut.labels };
    await this.look();
    this.steps.accuracy.push([0, (await this.engine.ask("evaluate", { name: SMALL, ...tested })).accuracy]);
    this.every = Math.ceil(labels.length / settings.batchSize); // an epoch
    const request = { name: SMALL, images: greyLevels(training), labels, heldOut: tested, every: this.every, seed: this.seed, ...settings };
    this.training = this.engine.start("train", request, (progress) => this.follow(progress));
    this.enable();
    const { stopped, accuracy, seconds } = await this.training.done;
    Object.assign(this, { training: null, busy: false });
    if (stopped) this.steps.accuracy.push([this.steps.loss.length, accuracy]);
    await this.look();
    this.words.textContent = `${stopped ? "Stopped" : "Done"}: it reads ${percentOf(accuracy)} of the ${counted(heldOut.labels.length, "held-out digit")} correctly, after ${counted(this.steps.loss.length, "step")} and ${seconds.toFixed(1)} seconds.`;
    Object.assign(this.words.dataset, { accuracy, seconds });
    this.enable();
  },

  follow({ step, steps, loss, accuracy }) {
    this.steps.loss.push(loss);
    if (step % this.every === 0 || step === steps) this.steps.accuracy.push([step, accuracy]);
    this.steps.count = steps;
    this.progress.value = step / steps;
    const now = performance.now();
    if (now - (this.drawn ?? 0) < REDRAWN) return;
    this.drawn = now;
    this.look();
  },

  // Draws the curves, the filters and the answer as they are now.
  async look() {
    this.drawCharts();
    const [{ kernel }] = await this.engine.ask("parameters", { name: SMALL });
    if (!this.steps) return;
    this.steps.kernel = kernel;
    this.drawFilters(kernel);
    await this.answer();
  },

  drawCharts() {
    const { loss, accuracy, count } = this.steps;
    if (loss.length === 0) return;
    const mean = loss.map((_, i) => { const last = loss.slice(Math.max(0, i + 1 - AVERAGED), i + 1); return sumOf(last) / last.length; });
    const chart = (title, lines, steps, range) => {
      const element = make("div", { class: "chart", data: { chart: JSON.stringify({ title, across: "step", steps, until: count, range, lines }) } });
      buildChart(element);
      return element;
    };
    const parts = [chart("Loss", { [`loss, mean of ${AVERAGED} steps`]: mean }, mean.map((_, i) => i + 1), [0, Math.max(...mean)])];
    fill(this.charts, ...parts, chart("Accuracy", { "accuracy on the held-out digits, in percent": accuracy.map(([, value]) => 100 * value) }, accuracy.map(([step]) => step), [0, 100]));
  },

  // The filters of the first layer; below each, its feature map of the current image.
  drawFilters(kernel) {
    const { filters, kernel_size: [height, width] } = page.training.layers[0].config, limit = largestSize(kernel);
    this.maps = [];
    fill(this.filters, make("h3", {}, "Its filters and their feature maps"), make("div", { class: "filter-changes" }, ...Array.from({ length: filters }, (_, filter) => {
      const canvas = make("canvas", { role: "img", "aria-label": `filter ${filter} of the small network` }), map = make("canvas", { "aria-hidden": "true" });
      drawMosaic(canvas, Float64Array.from({ length: height * width }, (_, at) => kernel[at * filters + filter]), [height, width, 1], limit);
      this.maps.push(map);
      return make("figure", {}, canvas, map);
    })));
  },

  drawMaps(values) {
    const filters = this.maps.length, limit = largestSize(values), side = Math.sqrt(values.length / filters);
    this.maps.forEach((canvas, filter) => drawMosaic(canvas, values.filter((_, i) => i % filters === filter), [side, side, 1], limit));
  },

  // Its probabilities for the current image, beside those of the big network.
  async answer() {
    if (!this.steps?.kernel || !lab.input) return;
    const found = await this.engine.forward(SMALL, lab.input.map((value) => value / page.inputScale));
    if (found === null || !this.steps || !lab.input) return;
    this.drawMaps(found.values[2]); // behind the convolution and its ReLU
    const both = [found.predictions, lab.probabilities], best = both.map(answerOf);
    const cell = (value, isBest) => {
      const bar = make("span", { class: "filled" });
      bar.style.width = `${100 * value}%`;
      return [make("td", { class: "bar" }, make("span", { class: "track" }, bar)), make("td", { class: `value${isBest ? " best" : ""}` }, percentOf(value))];
    };
    const name = (words, i) => make("th", { scope: "col", colspan: "2" }, `${words} `, make("strong", {}, String(best[i])));
    const table = make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, ""), ...["small network:", "big network:"].map(name))),
      make("tbody", {}, ...Array.from(both[0], (_, digit) => make("tr", {}, make("th", { scope: "row" }, String(digit)), ...both.flatMap((each, i) => cell(each[digit], digit === best[i]))))));
    fill(this.answers, make("h3", {}, "Both networks on the current image"), table);
  },

  expertWords() {
    const { layers, settings: { epochs, batchSize, optimizer, augmentation: { shift, degrees, zoom } } } = page.training;
    const words = layers.map(({ type, config = {} }) => {
      const size = config.filters ? ` with ${config.filters} filters of ${(config.kernel_size ?? [3, 3]).join(" \u00d7 ")}` : config.units ? ` with ${config.units} units` : "";
      return `${type}${size}${config.activation ? ` and ${config.activation}` : ""}`;
    });
    return make("details", {}, make("summary", {}, "The network and its training"),
      make("p", {}, `Layers: ${words.join(", ")}. The initial weights are Glorot-uniform, and other ones for each start.`),
      make("p", {}, `Training: ${epochs} epochs in batches of ${batchSize}, with ${NAMES[optimizer.name]} and a learning rate of ${optimizer.learningRate}. Each image is shifted by at most ${shift} pixels, rotated by at most ${degrees} degrees and scaled by at most ${100 * zoom} %.`));
  },
});

// Stored bytes as grey levels from 0 to 1.
const greyLevels = ({ images }) => Float64Array.from(arrayOf(images), (value) => value / 255);
