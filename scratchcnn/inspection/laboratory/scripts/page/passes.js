// Forward passes: always of the newest input, so that the values follow the drawing.

let running = false, newest = null;

// Computes all values for an input. `settled`: the drawing is complete, not only a part of a stroke.
function compute(input, settled = true) {
  newest = { input, settled };
  lab.input = input;
  if (!running) run();
}

async function run() {
  running = true;
  while (newest) {
    const { input, settled } = newest;
    newest = null;
    const pass = await engine.forward(MODEL, input);
    if (pass === null || lab.input === null) continue; // replaced by a newer one, or cleared meanwhile
    showPass(pass.values);
    lab.probabilities = pass.predictions;
    tell("pass", settled);
    if (settled && !newest) tell("settled");
  }
  running = false;
}

// There is no input: nothing is drawn, or it is not a digit.
function computeNothing(reason) {
  newest = null;
  lab.input = null;
  lab.probabilities = null;
  tell("empty", reason);
}
