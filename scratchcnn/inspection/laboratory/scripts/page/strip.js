// The network as a row of layers: a button for the input and for each layer, with its shape and its current output.

const strip = { cards: [] };

function buildStrip(element) {
  const names = ["the drawing", ...page.layers.map((layer) => layer.name)];
  strip.cards = names.map((name, i) => {
    const number = i - 1, shape = shapeOf(number);
    const canvas = make("canvas", { "aria-hidden": "true" });
    const card = make("button", { type: "button", class: "card", "aria-pressed": "false", onclick: () => go(number) },
      canvas, make("span", { class: "card-name" }, ...breakable(number < 0 ? "input" : name)), make("span", { class: "card-shape" }, ...shapeWords(shape)));
    card.title = `${name}: ${WORDS_OF_KIND[number < 0 ? "input" : page.layers[number].type] ?? ""}`;
    if (i > 0) element.append(make("span", { class: "arrow", "aria-hidden": "true" }, "\u203a"));
    element.append(card);
    return { number, card, canvas };
  });
  on("pass", drawStrip);
  on("empty", drawStrip);
  on("colours", drawStrip);
  on("select", () => strip.cards.forEach(({ number, card }) => card.setAttribute("aria-pressed", String(number === lab.selected.number))));
}

// A name that may be broken behind its underscores.
const breakable = (name) => name.split(/(?<=_)/).flatMap((part) => [part, make("wbr")]);

// 26×26 ×32: the number of maps on its own line, if the card is narrow.
const shapeWords = (shape) => (shape.length === 3 ? [`${shape[0]}\u00d7${shape[1]}`, make("wbr"), `\u00d7${shape[2]}`] : [shape.join("\u00d7")]);

function drawStrip() {
  for (const { number, canvas } of strip.cards) {
    const shape = shapeOf(number), values = lab.probabilities ? valuesOf(number) : new Float32Array(sizeOf(shape));
    drawMosaic(canvas, values, number < 0 ? imageShape() : shape, number < 0 ? page.inputScale : largestSize(values), number < 0);
  }
}

const valuesOf = (number) => (number < 0 ? page.input.array : page.layers[number].output);

// Vectors of 784 pixels are shown as the images that they are.
const imageShape = () => (page.input.shape.length === 3 ? page.input.shape : (page.imageShape ?? page.input.shape));

const WORDS_OF_KIND = {
  input: "The pixels that the network receives.",
  Conv2D: "Convolution: small windows of weights, the filters, slide over the input. Each filter computes one feature map.",
  MaxPooling2D: "Max pooling keeps the largest value of each window: the maps get smaller.",
  AveragePooling2D: "Average pooling keeps the mean of each window: the maps get smaller.",
  GlobalMaxPooling2D: "Global max pooling keeps the largest value of each feature map.",
  GlobalAveragePooling2D: "Global average pooling keeps the mean of each feature map.",
  Dropout: "Dropout zeroes random values during training. Here it passes all values on.",
  Flatten: "Flatten writes all values of the feature maps into one long vector.",
  Reshape: "Reshape arranges the values in another shape.",
  Dense: "Dense: each unit multiplies every input by a weight, and adds all products and a bias.",
  Activation: "The activation function is applied to each value.",
  ZeroPadding2D: "Zero padding adds a border of zeros.",
  Rescaling: "Rescaling multiplies each value by a constant, and adds one.",
  BatchNormalization: "Batch normalization shifts and scales each channel.",
};
