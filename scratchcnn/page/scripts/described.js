// Layers that this script cannot compute itself: the terms of each value were computed by the layer's description.

const unknown = (why) => ({ form: "unknown", why });
const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

// [source, weight] of each term of value `index`; the source is -1 in the padding.
function termsIn(table, index) {
  const ends = arrayOf(table.ends), sources = arrayOf(table.sources), weights = arrayOf(table.weights);
  const found = [];
  for (let at = index === 0 ? 0 : ends[index - 1]; at < ends[index]; at++) found.push([sources[at], weights[at]]);
  return found;
}

function describedTerms(layer, table, index, left) {
  const from = arrayOf(layer[camel(table.array)]);
  const terms = termsIn(table, index).map(([place, weight]) => {
    const unused = place < 0 || (table.selects && weight === 0);
    const value = place < 0 ? 0 : from[place];
    return { left: value, right: weight, product: unused ? 0 : value * weight, place, label: place < 0 ? "padding" : undefined };
  });
  const found = {
    form: "terms", terms, left, right: table.weight, note: table.formula, biasName: table.biasName,
    bias: arrayOf(table.biases)[index] || null, describedBound: arrayOf(table.bounds)[index],
  };
  return withProducts(found, terms.map((each) => each.product));
}

function describedForward(layer, number, index) {
  const found = layer.why ? unknown(layer.why) : describedTerms(layer, layer.forward, index, "input");
  return { ...found, source: number - 1 };
}

function describedBackward(layer, next, index) {
  if (layer.why) return unknown(layer.why);
  if (layer.backward) return describedTerms(layer, layer.backward, index, "gradient");
  const dz = arrayOf(layer.dPreactivation);
  const terms = usesOf(layer)[index].map(([output, weight]) => term(dz[output], weight, output));
  const note = `This value is an input of ${counted(terms.length, "term")} of ${layer.name}. Each sends back the gradient of its output times the weight.`;
  return withProducts({ form: "terms", terms, left: "gradient", right: layer.forward.weight, note }, terms.map((each) => each.product));
}

// For each input, [output, weight] of the terms that contain it.
function usesOf(layer) {
  if (layer.uses) return layer.uses;
  layer.uses = Array.from({ length: sizeOf(layer.inputShape) }, () => []);
  for (let output = 0; output < sizeOf(layer.outputShape); output++) {
    for (const [source, weight] of termsIn(layer.forward, output)) if (source >= 0) layer.uses[source].push([output, weight]);
  }
  return layer.uses;
}
