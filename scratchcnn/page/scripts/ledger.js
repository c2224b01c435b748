// The calculation line by line: how the products become the value, and the value that the model stored.

function ledger(lines, dtype) {
  const body = make("tbody");
  for (const { name, words, value, text, strong, bound } of lines) {
    const data = { name, value: String(value), ...(bound !== undefined && { bound: String(bound) }) };
    body.append(make("tr", strong ? { class: "strong" } : {}, make("th", { scope: "row" }, words), make("td", { data }, text ?? exact(value, dtype))));
  }
  return make("table", { class: "ledger" }, body);
}

function linesOf(found) {
  const lines = [];
  const add = (name, words, value, more = {}) => lines.push({ name, words, value, ...more });
  if (found.form === "window") add("sum", `maximum of the ${found.cells.filter((each) => each.inside).length} values`, found.sum);
  else if (found.sum !== undefined) add("sum", found.count > 1 ? `sum of all ${found.count.toLocaleString("en")} products` : "product", found.sum);
  if (found.bias !== undefined && found.bias !== null) add("bias", `+ ${found.biasName ?? "bias"}`, found.bias);
  if (!found.back && found.activation) {
    add("before", "= z, the value before the activation function", found.before);
    if (found.activation !== "?") add("storedBefore", "z as stored by the model", found.storedBefore);
    if (found.activation === "relu") add("activation", "ReLU(z) = max(z, 0)", found.value);
    if (found.activation === "softmax") add("activation", "softmax of z (see above)", found.value);
  }
  const before = found.activation === "?";
  const [value, stored, bound] = before ? [found.before, found.storedBefore, found.boundBefore] : [found.value, found.stored, found.bound];
  add("stored", before ? "z as stored by the model" : page.storedBy ?? "value stored by the model", stored, { strong: true });
  if (value !== undefined) add("difference", ...differenceOf(found, value, stored, bound));
  if (found.mask) {
    const { active } = found.mask;
    add("mask", active ? "ReLU is active here (output above 0)" : "ReLU is inactive here (output 0)", active ? 1 : 0, { text: active ? "× 1" : "× 0" });
    add("masked", "gradient w.r.t. z, stored by the model", found.mask.stored, { strong: true });
  }
  return lines;
}

const agree = (one, other, bound) => Object.is(one, other) || Math.abs(one - other) <= bound;

// Whether rounding explains the difference between the model's value and the script's. The values before the activation
// function must agree, too: ReLU and softmax could hide a difference.
function differenceOf(found, value, stored, bound) {
  const before = found.back || !found.activation || agree(found.before, found.storedBefore, found.boundBefore);
  const [difference, limit] = before ? [stored - value, bound] : [found.storedBefore - found.before, found.boundBefore];
  const text = difference === 0 ? "0" : minus(difference.toExponential(1));
  if (difference === 0) return ["difference", difference, { text, bound: limit }];
  const explained = before && agree(value, stored, bound);
  const words = explained ? `difference: rounding in ${found.dtype}, at most` : "difference: larger than rounding allows, at most";
  return [`${words} ${minus(limit.toExponential(1))}`, difference, { text, bound: limit }];
}
