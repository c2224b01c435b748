// Stored digits: stepping through those of the test set, and through the network's most confident errors.

class StoredDigits {
  constructor(element) {
    this.list = element.querySelector("select");
    this.words = element.querySelector(".digit-words");
    this.place = { tests: -1, errors: -1 };
    if (page.digits.errors.length === 0) this.list.querySelector("[value=errors]").remove();
    this.list.addEventListener("change", () => this.step(0));
    on("learned", () => { if (drawing.state.shown?.digit !== undefined) this.sayLabel(drawing.state.shown.digit); });
    for (const [name, way] of [["previous", -1], ["next", 1]]) element.querySelector(`[data-do=${name}]`).addEventListener("click", () => this.step(way));
  }

  step(way) {
    const kind = this.list.value, numbers = kind === "errors" ? page.digits.errors : page.digits.tests;
    this.place[kind] = this.place[kind] < 0 ? 0 : (this.place[kind] + way + numbers.length) % numbers.length;
    this.show(numbers[this.place[kind]]);
  }

  show(number) {
    const image = digitImage(number);
    drawing.show({ image, digit: number, draw: (context) => drawPixels(context, image) });
    this.sayLabel(number);
  }

  // Python computed the stored answers: they are not those of a network that has learned since.
  sayLabel(number) {
    const { labels, predicted } = page.digits, isKnown = learned.steps === 0;
    const wrong = isKnown && predicted[number] !== labels[number] ? `, read as ${predicted[number]}` : "";
    this.words.textContent = `Label ${labels[number]}${wrong}`;
  }
}

// The label of the stored digit that is shown; null for a drawing, or your own image.
function labelShown() {
  const number = lab.example ? page.digits.tests[0] : drawing.state.shown?.digit;
  return number === undefined ? null : page.digits.labels[number];
}

// The pixels of a stored digit, as the network receives them.
function digitImage(number) {
  const size = sizeOf(page.input.shape), values = arrayOf(page.digits.images).subarray(number * size, (number + 1) * size);
  return Float64Array.from(values, (value) => Math.fround(value / page.digits.divisor));
}

// An image on the paper: each pixel a square; a single channel is ink on white paper.
function drawPixels(context, image) {
  const [height, width, channels] = imageShape(), [, high] = rangeOf(image), scale = page.inputScale || high;
  const small = pixelCanvas(height, width, (at) => {
    const level = (c) => Math.round(255 * Math.min(1, Math.max(0, image[at * channels + c] / scale)));
    return channels === 3 ? [level(0), level(1), level(2)] : [255 - level(0), 255 - level(0), 255 - level(0)];
  });
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, SIDE, SIDE);
}
