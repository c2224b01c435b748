// Teach it: training steps on the current image, with what they do to this image, to the weights and to other digits.

const RATES = [0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001];
const USUAL_RATES = { sgd: 0.01, adam: 0.001 };
const MOST_CHANGED = 30; // digits whose answer changed
const LITTLE = 0.01; // a loss whose gradient changes almost nothing
const LEAST = 1e-6; // the smallest probability that is written out
const FORGOTTEN = 0.02; // a decrease of the accuracy that needs an explanation

PANELS.push({
  key: "teach",
  title: "Teach it",
  hint: "say which digit this is, and let the network learn from it",

  build(element) {
    if (!page.network.loss) {
      fill(element, make("p", {}, "This network has no loss that the page knows, so there is nothing to minimize. Compile the model, and write the page again."));
      this.update = null;
      return;
    }
    const option = (value, words) => make("option", { value: String(value) }, words);
    const action = (words, act) => make("button", { type: "button", onclick: act }, words);
    this.choices = Array.from({ length: sizeOf(page.network.outputShape) }, (_, label) => {
      const field = make("input", { type: "radio", name: "teach-label", value: String(label) });
      field.addEventListener("change", () => this.choose(label));
      return field;
    });
    this.optimizer = make("select", {}, option("sgd", "SGD"), option("adam", "Adam"));
    this.rate = make("select", {}, ...RATES.map((rate) => option(rate, String(rate))));
    this.optimizer.addEventListener("change", () => { this.rate.value = String(USUAL_RATES[this.optimizer.value]); });
    this.rate.value = String(USUAL_RATES.sgd);
    this.one = action("Learn", () => this.learn(1));
    this.ten = action("Ten steps", () => this.learn(10));
    this.reset = action("Reset", () => resetNetwork());
    this.one.className = "main-action";
    this.label = null;
    this.missing = make("p", { class: "hint" });
    this.result = make("div", { class: "lesson" });
    fill(element,
      make("p", { class: "say" }, "A step of learning changes every weight a little, in the direction in which the loss of this image falls fastest. What happens to the other digits?"),
      make("fieldset", { class: "labels" }, make("legend", {}, "This is a"), ...this.choices.map((field, label) => make("label", {}, field, make("span", {}, String(label))))),
      make("div", { class: "settings" }, make("label", {}, "optimizer", this.optimizer), make("label", {}, "learning rate", this.rate), this.one, this.ten, this.reset), this.missing, this.result);
    on("empty", () => {
      this.choose(null);
      this.input = null;
    });
    on("colours", () => this.drawResult?.());
    on("learned", () => {
      if (learned.steps === 0 && !learned.busy) this.forget();
      this.enable();
    });
    this.enable();
  },

  // The label of a stored digit is known; for a drawing, the user says it.
  update() {
    if (this.input !== lab.input) {
      const stored = lab.example ? page.digits.tests[0] : drawing.state.shown?.digit;
      if (stored !== undefined) this.choose(page.digits.labels[stored]);
      else if (this.isStored) this.choose(null);
      this.isStored = stored !== undefined;
      this.input = lab.input;
    }
    this.enable();
  },

  choose(label) {
    this.label = label;
    this.choices.forEach((field, i) => { field.checked = i === label; });
    this.enable();
  },

  enable() {
    const ready = lab.input !== null && this.label !== null && !learned.busy;
    this.one.disabled = this.ten.disabled = !ready;
    this.reset.disabled = learned.steps === 0 || learned.busy;
    this.missing.textContent = lab.input === null ? "First draw a digit." : this.label === null ? "First choose the digit that you drew." : "";
  },

  forget() {
    fill(this.result);
    this.drawResult = null;
    for (const name of ["losses", "accuracy"]) delete this.result.dataset[name];
  },

  async learn(count) {
    const { label } = this, image = lab.input, optimizer = { name: this.optimizer.value, learningRate: Number(this.rate.value) };
    const lesson = { image, label, optimizer, count, first: learned.steps, earlier: testedAnswers(), before: parametersNow(), losses: [], predictions: [] };
    setBusy(true);
    this.forget();
    lesson.predictions.push(await this.ask(image));
    for (let step = 0; step < count; step++) {
      const { before, after } = await learnStep(image, label, optimizer);
      if (step === 0) lesson.losses.push(before);
      lesson.losses.push(after);
    }
    lesson.predictions.push(await this.ask(image));
    lesson.after = parametersNow();
    setBusy(false);
    this.show(lesson);
    await this.test(lesson);
  },

  async ask(image) { return (await engine.ask("predict", { name: MODEL, images: image })).predictions; },

  // The result of a lesson; what it did to the other digits follows.
  show(lesson) {
    const { image, label, losses, predictions: [before, after], first, count } = lesson;
    const picture = pictureOf(image, { role: "img", "aria-label": `the image, taught as ${label}` });
    const row = (words, ...cells) => make("tr", {}, make("th", { scope: "row" }, words), ...cells.map((cell) => make("td", {}, cell)));
    this.accuracy = [make("td"), make("td")];
    const table = make("table", { class: "numbers before-after" },
      make("thead", {}, make("tr", {}, ...["", "before", "after"].map((words) => make("th", { scope: "col" }, words)))),
      make("tbody", {},
        row("loss of this image", brief(losses[0]), brief(losses.at(-1))),
        row(`probability of ${label}`, ...[before[label], after[label]].map((each) => (each < LEAST ? `< ${percent(LEAST)}` : percent(each)))),
        row("answer", String(answerOf(before)), String(answerOf(after))),
        make("tr", {}, make("th", { scope: "row" }, `accuracy on ${counted(page.digits.tests.length, "test digit")}`), ...this.accuracy)));
    const steps = count === 1 ? `Step ${first + 1}` : `Steps ${first + 1} to ${first + count}`;
    const words = make("p", { class: "say", role: "status" }, losses[0] < LITTLE
      ? `${steps}: the loss of this ${label} was almost 0 already, and there was little to learn. Try a digit that the network reads wrongly, or another label.`
      : `${steps}: the loss of this ${label} ${losses.at(-1) <= losses[0] ? "falls" : "rises"} from ${brief(losses[0])} to ${brief(losses.at(-1))}.`);
    const curve = count > 1 ? make("div", { class: "chart", data: { chart: JSON.stringify({ title: "Loss of this image", across: "step", steps: losses.map((_, i) => first + i), lines: { "loss of this image": losses } }) } }) : null;
    if (curve) buildChart(curve);
    this.others = make("div", { class: "others" }, make("progress", { max: "1", value: "0", "aria-label": "test digits read" }));
    const changes = make("div", { class: "changes" });
    this.drawResult = () => showChanges(changes, lesson.before, lesson.after);
    fill(this.result, words, make("div", { class: "taught" }, make("figure", { class: "lesson-image" }, picture, make("figcaption", {}, `taught as ${label}`)), table, curve), this.others, changes, this.expertWords(lesson));
    this.drawResult();
    this.result.dataset.losses = JSON.stringify(losses);
  },

  async test({ earlier, first, label }) {
    const { answers, steps } = earlier, [before, after] = this.accuracy, { others } = this;
    before.textContent = percentOf(accuracyOf(answers)) + (steps === first ? "" : steps === 0 ? " at first" : ` at step ${steps}`);
    after.textContent = "\u2026";
    const tested = await testNetwork((share) => { others.querySelector("progress").value = share; });
    if (tested === null) return;
    after.textContent = percentOf(accuracyOf(tested.answers));
    this.result.dataset.accuracy = JSON.stringify([accuracyOf(answers), accuracyOf(tested.answers)]);
    const forgot = accuracyOf(answers) - accuracyOf(tested.answers) >= FORGOTTEN;
    const changed = page.digits.tests.map((number, i) => ({ number, from: answers[i], to: tested.answers[i] })).filter(({ from, to }) => from !== to);
    const more = changed.length - MOST_CHANGED;
    fill(others,
      make("p", { class: "say" }, changed.length === 0 ? "No other answer changed." : `${counted(changed.length, "test digit")} got another answer${changed.filter(({ to }) => to === label).length > changed.length / 2 ? `, mostly ${label}` : ""}. Click one to load it.`),
      make("div", { class: "changed-digits" }, ...changed.slice(0, MOST_CHANGED).map((each) => this.changedDigit(each))),
      more > 0 ? make("p", { class: "hint" }, `And ${more} more.`) : null,
      forgot ? make("p", { class: "say" }, "By learning this image, the network forgot part of what it knew about others. That is why each step of a training uses many images, and a small learning rate.") : null);
  },

  changedDigit({ number, from, to }) {
    const canvas = pictureOf(digitImage(number), { "aria-hidden": "true" }), right = page.digits.labels[number];
    const [verdict, kind] = to === right ? ["now right", "better"] : from === right ? ["now wrong", "worse"] : ["still wrong", "quiet"];
    return make("button", { type: "button", title: `Load this ${right}`, data: { number }, onclick: () => storedDigits.show(number) },
      canvas, make("span", {}, `${from} \u2192 ${to}`), make("span", { class: kind }, verdict));
  },

  expertWords({ optimizer, losses }) {
    return make("details", {}, make("summary", {}, "What exactly is computed?"),
      make("p", {}, optimizer.name === "sgd"
        ? "SGD subtracts the learning rate times the gradient of the loss from each weight."
        : "Adam divides a moving average of the gradient by the root of a moving average of its square. In its first step, each weight whose gradient is not close to 0 changes by nearly the learning rate."),
      make("p", {}, "The batch is this one image. Dropout is off and batch normalization uses its stored statistics, so that the loss before and after can be compared. Adam's averages begin at zero after a reset, and after another choice of optimizer or learning rate."),
      make("p", { class: "exact" }, `Loss with all digits: ${exact(losses[0], "float64")} before, ${exact(losses.at(-1), "float64")} after.`));
  },
});

const parametersNow = () => page.layers.map(({ parameters }) => parameters);
