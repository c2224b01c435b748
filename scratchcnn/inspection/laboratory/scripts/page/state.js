// What the laboratory shows now, and who wants to know when it changes.

const lab = {
  input: null, // Float64Array: the network's input
  example: true, // whether it is the first stored digit, until the user draws
  probabilities: null,
  selected: { number: -1, index: 0 }, // the layer that is shown (-1: the input), and the value in it
};

const listeners = new Map();

// Events: "input" (a new input was prepared), "pass" (all values were computed), "settled" (and the drawing is complete),
// "empty" (there is no input), "select" (another layer or value), "colours".
function on(name, listener) {
  if (!listeners.has(name)) listeners.set(name, []);
  listeners.get(name).push(listener);
}

function tell(name, ...details) {
  for (const listener of listeners.get(name) ?? []) listener(...details);
}
