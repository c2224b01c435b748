// The ledger: how the products become the number, each line with its value, and at the end what the model stored.

function ledger(lines, dtype) {
  const body = make("tbody");
  for (const { name, words, value, text, strong } of lines) {
    const data = { name, value: String(value) };
    body.append(make("tr", strong ? { class: "strong" } : {}, make("th", { scope: "row" }, words), make("td", { data }, text ?? exact(value, dtype))));
  }
  return make("table", { class: "ledger" }, body);
}

function linesOf(found) {
  const layer = page.layers[found.number];
  const lines = [];
  const add = (name, words, value, more = {}) => lines.push({ name, words, value, ...more });
  if (found.form === "window") add("sum", `the largest of the ${found.cells.filter((each) => each.inside).length}`, found.sum);
  else if (found.sum !== undefined) add("sum", found.count > 1 ? `sum of the ${found.count.toLocaleString("en")} products` : "product", found.sum);
  if (found.bias !== undefined && found.bias !== null) add("bias", found.form === "terms" && layer.kind === "Rescaling" ? "+ offset" : "+ bias", found.bias);
  if (!found.back && found.activation) {
    add("before", "= z, before the activation", found.before);
    if (found.activation !== "?") add("storedBefore", "z as the model stored it", found.storedBefore);
    if (found.activation === "relu") add("activation", "ReLU: z if above 0, else 0", found.value);
    if (found.activation === "softmax") add("activation", "softmax: its share (see above)", found.value);
  }
  const before = found.activation === "?";
  const [value, stored, allowed] = before ? [found.before, found.storedBefore, found.allowedBefore] : [found.value, found.stored, found.allowed];
  add("stored", before ? "what the model stored as z" : "what the model stored", stored, { strong: true });
  if (value !== undefined) add("difference", ...differenceOf(found, value, stored, allowed));
  if (found.gate) {
    add("gate", `ReLU's gate: the output is ${found.gate.open ? "above 0, open" : "0, shut"}`, found.gate.open ? 1 : 0, { text: found.gate.open ? "× 1" : "× 0" });
    add("beforeGate", "gradient by z, stored", found.gate.stored, { strong: true });
  }
  return lines;
}

const agree = (one, other, allowed) => Object.is(one, other) || Math.abs(one - other) <= allowed;

// How far the page's number lies from the model's, and why. Before the activation they must agree, too: ReLU and
// softmax could hide it.
function differenceOf(found, value, stored, allowed) {
  const difference = stored - value;
  const text = difference === 0 ? "0" : minus(difference.toExponential(1));
  const before = found.back || !found.activation || agree(found.before, found.storedBefore, found.allowedBefore);
  if (before && agree(value, stored, allowed)) {
    return [difference === 0 ? "difference" : `difference: rounding in ${found.dtype}`, difference, { text }];
  }
  const layer = page.layers[found.back ? found.source ?? found.number : found.number];
  const why = layer.winograd ? "difference: Winograd\u2019s algorithm rounds more than a plain sum" : "difference: more than rounding";
  return [why, difference, { text: before ? text : minus((found.storedBefore - found.before).toExponential(1)) }];
}
