// Shows an explanation: the matrices, the largest terms, the window or the softmax, and the calculation.

const LISTED = 8; // terms of a long sum that are shown one by one

function arithmetic(found, go) {
  const parts = {
    patches: () => patchesPart(found),
    terms: () => termsPart(found, go),
    window: () => windowPart(found),
    places: () => placesPart(found),
    unknown: () => make("p", { class: "note" }, found.why),
  };
  const note = found.note ? make("p", { class: "note-line" }, found.note) : null;
  return [note, parts[found.form](), found.softmax ? softmaxPart(found) : null, ledger(linesOf(found), found.dtype)];
}

// The patch, the weights and the products of one channel, and a button for every channel.
function patchesPart(found) {
  const { patches, size } = found;
  const limits = ["left", "right", "product"].map((key) => largestSize(patches.flatMap((patch) => patch.cells.map((each) => each[key]))));
  const largestSum = largestSize(patches.map((patch) => patch.sum));
  const unit = unitOf(largestSum);
  let chosen = placeOfLargest(patches.map((patch) => patch.sum));
  const matrices = make("div", { class: "equation" });
  const chips = make("div", { class: "chips", role: "group", "aria-label": `sum of the products of each ${found.of}` });
  const sumLine = make("p", { class: "sum-line" });
  const cells = (key, patch) => inRows(patch.cells.map((each) => ({ value: each[key], outside: !each.inside, text: each.inside ? undefined : found.outside ?? "0" })), size[1]);
  const show = () => {
    const patch = patches[chosen];
    const of = patches.length > 1 ? `, ${found.of} ${patch.name}` : "";
    fill(matrices,
      matrix({ title: `${found.left}${of}`, rows: cells("left", patch), limit: limits[0] }), operator("×"),
      matrix({ title: found.right(patch.name), rows: cells("right", patch), limit: limits[1] }), operator("="),
      matrix({ title: "products", rows: cells("product", patch), limit: limits[2] }));
    const products = patch.cells.length === 1 ? "The product" : `The ${patch.cells.length} products`;
    fill(sumLine, `${products}${patches.length > 1 ? ` of ${found.of} ${patch.name}` : ""} ${patch.cells.length === 1 ? "is" : "add up to"} ${brief(patch.sum)}.` +
      (patches.length > 1 ? ` Below are the sums of all ${patches.length} ${found.of}s${unit.words && ", in units of" + unit.words.slice(2)}; choose one to see its products.` : ""));
    [...chips.children].forEach((chip, i) => chip.setAttribute("aria-pressed", String(i === chosen)));
  };
  if (patches.length > 1) {
    patches.forEach((patch, i) => {
      const chip = make("button", { type: "button", "aria-label": `${found.of} ${patch.name}: ${brief(patch.sum)}`, onclick: () => { chosen = i; show(); } },
        make("span", { class: "chip-name" }, String(patch.name)), ` ${patch.sum > 0 ? "+" : ""}${unit.text(patch.sum)}`);
      paint(chip, patch.sum, largestSum);
      chips.append(chip);
    });
  }
  show();
  return make("div", { class: "arithmetic-part" }, matrices, sumLine, patches.length > 1 ? chips : null);
}

// The largest terms of a long sum, and the sum of the others.
function termsPart(found, go) {
  const { terms } = found;
  const largest = largestSize(terms.map((each) => each.product)) || 1;
  const order = terms.map((each, i) => i).filter((i) => terms[i].product !== 0 || terms.length <= LISTED);
  order.sort((a, b) => Math.abs(terms[b].product) - Math.abs(terms[a].product) || a - b);
  const body = make("tbody");
  for (const i of order.slice(0, LISTED)) body.append(termRow(found, terms[i], largest, go));
  const rest = order.slice(LISTED).map((i) => terms[i].product);
  if (rest.length) body.append(make("tr", {}, make("th", { scope: "row" }, counted(rest.length, "other")), make("td"), make("td"), make("td", {}, brief(sumOf(rest)))));
  const zeros = terms.length - order.length;
  if (zeros) body.append(make("tr", {}, make("th", { scope: "row" }, `${counted(zeros, "product")} equal to zero`), make("td"), make("td"), make("td", {}, "0")));
  const heads = ["from", found.left, found.right, "product"].map((head) => make("th", { scope: "col" }, head));
  return make("div", { class: "arithmetic-part" },
    evidencePart(found),
    make("div", { class: "scroll" }, make("table", { class: "terms" }, make("thead", {}, make("tr", {}, ...heads)), body)));
}

function termRow(found, each, largest, go) {
  const text = found.terms.length <= 2 ? (value) => digits(value, 7) : brief;
  const product = make("td", {}, text(each.product));
  paint(product, each.product, largest);
  return make("tr", {}, make("th", { scope: "row" }, sourceOf(found, each, go)), make("td", {}, text(each.left)), make("td", {}, text(each.right)), product);
}

// The unit that a term comes from, as a button that shows it.
function sourceOf(found, each, go) {
  if (each.label) return each.label;
  const origin = found.back ? [found.source, each.place] : throughFlatten(found.source, each.place);
  const words = nameOfUnit(...origin);
  return make("button", { type: "button", class: "link", onclick: () => go(...origin) }, words);
}

// An element of a flattened vector, as the element of the feature maps that it is a copy of.
function throughFlatten(number, index) {
  let at = number;
  while (at >= 0 && ["Dropout", "Flatten"].includes(page.layers[at].kind)) at--;
  return number >= 0 && shapeOf(number).length === 1 && shapeOf(at).length === 3 ? [at, index] : [number, index];
}

// For a Dense layer after feature maps: the contribution of each position, summed over the channels.
function evidencePart(found) {
  if (found.back || found.terms.length < 64) return null;
  const [at] = throughFlatten(found.source, 0);
  const shape = shapeOf(at);
  if (shape.length !== 3 || found.terms.length !== sizeOf(shape)) return null;
  const values = new Float64Array(shape[0] * shape[1]);
  for (const each of found.terms) if (each.place >= 0) values[Math.floor(each.place / shape[2])] += each.product;
  const limit = largestSize(values);
  const canvas = make("canvas", { role: "img", "aria-label": `sum of the products at each position of ${nameOf(at)}` });
  const sheet = new Sheet(canvas, { shape: [shape[0], shape[1], 1], values, limit, tall: 180, most: 14 });
  sheet.draw(240);
  redrawn.add(sheet);
  const legend = make("div", { class: "legend" });
  drawLegend(legend, limit, values, null);
  return make("figure", { class: "evidence" }, canvas, legend,
    make("figcaption", {}, `Contribution of each position of ${nameOf(at)}: its products, summed over the ${shape[2]} feature maps.`));
}

function windowPart(found) {
  const limit = largestSize(found.cells.map((each) => each.left));
  const cells = found.cells.map((each) => ({ value: each.left, outside: !each.inside, marked: each.won, text: each.inside ? undefined : "\u2212\u221e" }));
  const ties = found.ties > 1 ? ` ${found.ties} values are equally large: the first in reading order is used, and only it receives a gradient.` : "";
  return make("div", { class: "arithmetic-part" },
    make("p", {}, `The window of ${nameOf(found.source)}; its maximum is framed.`),
    matrix({ title: "", rows: inRows(cells, found.size[1]), limit }),
    make("p", {}, `Max pooling keeps the maximum only.${ties}`));
}

function softmaxPart(found) {
  const { logits, exponentials, probabilities, chosen, largest, total } = found.softmax;
  const order = logits.map((_, j) => j);
  if (logits.length > 20) order.sort((a, b) => probabilities[b] - probabilities[a]);
  const shown = order.slice(0, 20);
  if (!shown.includes(chosen)) shown.push(chosen);
  const body = make("tbody");
  for (const j of shown) {
    const bar = make("progress", { max: "1", value: String(Number.isFinite(probabilities[j]) ? probabilities[j] : 0), "aria-hidden": "true" });
    body.append(make("tr", j === chosen ? { class: "chosen" } : {}, make("th", { scope: "row" }, String(j)), make("td", {}, brief(logits[j])), make("td", {}, brief(exponentials[j])), make("td", {}, percent(probabilities[j])), make("td", { class: "bar" }, bar)));
  }
  const heads = ["class", "z", "exp(z \u2212 largest)", "softmax", ""].map((head) => make("th", { scope: "col" }, head));
  return make("div", { class: "arithmetic-part" },
    make("p", {}, `Softmax turns the logits z into probabilities: exp(z \u2212 ${brief(largest)}), where ${brief(largest)} is the largest logit, divided by the sum of these over all classes, ${brief(total)}.`),
    make("div", { class: "scroll" }, make("table", { class: "terms softmax" }, make("thead", {}, make("tr", {}, ...heads)), body)));
}

// A kernel gradient: the inputs, the gradients and their products at all output positions.
function placesPart(found) {
  const { ky, kx, c, f } = found.place;
  const picture = (values, title) => {
    const canvas = make("canvas", { role: "img", "aria-label": title });
    const sheet = new Sheet(canvas, { shape: [...found.size, 1], values, limit: largestSize(values), tall: 140, most: 10 });
    sheet.draw(140);
    redrawn.add(sheet);
    return make("figure", { class: "small" }, canvas, make("figcaption", {}, title));
  };
  const busy = found.products.filter((each) => each !== 0).length;
  return make("div", { class: "arithmetic-part" },
    make("p", {}, `kernel[${ky}, ${kx}, ${c}, ${f}] = ${brief(found.weight)} is used at ${counted(found.count, "output position")}; at ${busy} of them the product is not zero.`),
    make("div", { class: "equation" }, picture(found.inputs, `inputs, channel ${c}`), operator("×"), picture(found.gradients, `gradients w.r.t. z, filter ${f}`), operator("="), picture(found.products, "products")));
}
