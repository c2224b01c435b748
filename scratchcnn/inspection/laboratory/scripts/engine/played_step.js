// A training step on one image with every value in it, to be looked at; the network stays as it is.
//
// Dropout is off, so that nothing is random; batch normalization uses the statistics of the image. The optimizer is new.

// {before, after: {loss, predictions}, values, gradients, parameters, weights, updated}: of the forward and backward pass
// before the step, and the parameters before and after it.
function playStep(network, image, label, { name = "adam", ...settings } = {}) {
  const kept = (step) => (step.type === "Dropout" ? { ...step, config: { rate: 0 } } : step); // with the same parameters
  const played = { ...network, steps: network.steps.map(kept) }, weights = snapshot(network);
  const pass = forward(played, image, 1, { training: true }), before = lossOf(played, pass, [label]);
  const { values: gradients, parameters } = backward(played, pass, before.gradient);
  createOptimizer(name, settings).update(played, parameters);
  const after = lossOf(played, forward(played, image, 1, { training: true }), [label]), updated = snapshot(network);
  restore(network, weights);
  const shown = ({ value, predictions }) => ({ loss: value, predictions });
  return { before: shown(before), after: shown(after), values: pass.values, gradients, parameters, weights, updated };
}
