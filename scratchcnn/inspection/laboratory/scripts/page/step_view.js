// One training step, played: five stations that the user steps through, for a weight that he chooses.

const QUESTION = 3; // the station that asks which way the weight moves

const stepPanel = {
  key: "step",
  title: "How does a network learn? One training step, played",
  hint: "forward, loss, backward, optimizer, forward again: guess which way a weight moves",

  build(element) {
    this.parameters = learnedParameters();
    this.chosen = { parameter: firstParameter(this.parameters), index: null }; // null: the largest gradient
    this.station = 0;
    this.guess = null;
    this.stations = make("div", { class: "station", role: "group", "aria-live": "polite" });
    fill(element, this.intro(), this.buildChoices(), this.buildSteps(), this.buildWays(), this.stations);
    element.addEventListener("keydown", (event) => this.pressed(event));
    on("empty", () => { this.numbers = null; this.latest = null; this.show(); });
    this.show();
  },

  intro() {
    const { replaced } = page.optimizer;
    const words = replaced ? ` The optimizer of this network, ${replaced}, is not available here: Adam takes its place.` : "";
    return make("p", { class: "say" }, `A network learns by repeating this step for many images. It begins with the stored weights; dropout is off, so that nothing is random.${words}`);
  },

  buildChoices() {
    const options = (list) => list.map((words, i) => make("option", { value: String(i) }, words));
    this.label = make("select", { name: "label" }, ...options(Array.from({ length: sizeOf(page.network.outputShape) }, (_, digit) => String(digit))));
    this.label.addEventListener("change", () => { this.ownLabel = Number(this.label.value); this.update(); });
    this.parameter = make("select", { name: "parameter" }, ...options(this.parameters.map(({ layer, name }) => `${layer}/${name}`)));
    this.parameter.value = String(this.chosen.parameter);
    this.parameter.addEventListener("change", () => this.choose(Number(this.parameter.value), null));
    this.position = make("span", { class: "step-position" });
    const largest = make("button", { type: "button", data: { do: "largest" }, onclick: () => this.choose(this.chosen.parameter, null) }, "Largest gradient");
    return make("div", { class: "sizes step-choices" }, make("label", {}, "right label", this.label), make("label", {}, "weight", this.parameter), this.position, largest);
  },

  // The row of stations, which shows where we are; those that were visited can be clicked.
  buildSteps() {
    this.steps = STATIONS.map((station, i) => make("button", { type: "button", onclick: () => this.go(i) }, `${i + 1} ${titleOfStation(station)}`));
    return make("ol", { class: "step-row", "aria-label": "stations" }, ...this.steps.map((button) => make("li", {}, button)));
  },

  buildWays() {
    this.back = make("button", { type: "button", data: { do: "step-back" }, onclick: () => this.go(this.station - 1) }, "\u2190 Back");
    this.next = make("button", { type: "button", data: { do: "step-next" }, onclick: () => this.go(this.station + 1) }, "Next \u2192");
    return make("div", { class: "step-ways" }, this.back, this.next, make("span", { class: "hint" }, "or the arrow keys"));
  },

  pressed(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way || event.ctrlKey || event.altKey || event.metaKey || event.target.closest("select, input, summary")) return;
    event.preventDefault();
    this.go(this.station + way);
  },

  // The farthest station that is open: the last one needs a guess.
  get farthest() {
    if (!this.numbers) return 0;
    return this.guess === null && this.numbers.change !== 0 ? QUESTION : STATIONS.length - 1;
  },

  go(station) {
    if (station < 0 || station > this.farthest || station === this.station) return;
    this.station = station;
    this.show();
  },

  choose(parameter, index) {
    this.chosen = { parameter, index };
    this.guess = null;
    this.station = Math.min(this.station, QUESTION);
    this.find();
  },

  answer(guess) {
    this.guess = guess;
    this.show();
    this.next.focus({ preventScroll: true }); // the buttons of the question are gone
  },

  // A new image or label: the step is computed once, for all weights.
  async update() {
    const image = lab.input, shown = labelShown();
    if (image !== this.image) this.ownLabel = null;
    this.image = image;
    const label = this.ownLabel ?? shown ?? answerOf(lab.probabilities);
    this.label.value = String(label);
    if (this.latest?.image === image && this.latest.label === label) {
      this.show();
      return;
    }
    const request = { image, label };
    this.latest = request;
    this.numbers = null;
    this.show();
    const played = await playedStep(image, label);
    if (this.latest !== request) return;
    Object.assign(this, { played, station: 0, guess: null });
    this.find();
  },

  // The numbers of the chosen weight.
  find() {
    if (!this.played) return;
    const { parameter: number, index } = this.chosen, parameter = this.parameters[number];
    const place = index ?? placeOfLargest(this.played.parameters[parameter.step][parameter.name]);
    this.numbers = { ...numbersOfWeight(this.played, parameter, place), label: this.latest.label };
    this.fillPosition(parameter, place);
    this.show();
  },

  // A field for each axis of the parameter.
  fillPosition(parameter, place) {
    const { shape } = parameter, position = unravel(place, shape), axes = axesOf(parameter), key = `${parameter.layer}/${parameter.name}`;
    if (this.position.dataset.of === key) {
      this.position.querySelectorAll("input").forEach((field, axis) => { if (field !== document.activeElement) field.value = String(position[axis]); });
      return;
    }
    this.position.dataset.of = key;
    fill(this.position, ...shape.map((length, axis) => {
      const field = make("input", { type: "number", min: "0", max: String(length - 1), value: String(position[axis]), name: axes[axis], inputmode: "numeric" });
      field.addEventListener("input", () => this.readPosition(shape));
      return make("label", {}, axes[axis], field);
    }));
  },

  readPosition(shape) {
    const fields = [...this.position.querySelectorAll("input")];
    const place = fields.map((field, axis) => Math.max(0, Math.min(shape[axis] - 1, Math.round(Number(field.value)) || 0)));
    this.choose(this.chosen.parameter, ravel(place, shape));
  },

  show() {
    const { station, numbers, farthest } = this;
    this.steps.forEach((button, i) => {
      button.disabled = i > farthest;
      if (i === station) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
    this.back.disabled = station === 0 || !numbers;
    this.next.disabled = station >= farthest;
    for (const [ended, other] of [[this.next, this.back], [this.back, this.next]]) { // the arrow keys need the focus
      if (ended.disabled && document.activeElement === ended) other.focus({ preventScroll: true });
    }
    if (!numbers) {
      fill(this.stations, make("p", { class: "say" }, lab.input ? "Computing \u2026" : "Draw a digit, or choose a stored one."));
      return;
    }
    const heading = make("h3", {}, `${station + 1}. ${titleOfStation(STATIONS[station])}`);
    fill(this.stations, heading, ...STATIONS[station].show(numbers, this.guess, (guess) => this.answer(guess)));
  },
};

if (page.network.loss && page.optimizer && learnedParameters().length > 0) PANELS.push(stepPanel);
