"""The terms of the gradients of all losses w.r.t. outputs and logits add up to the stored values."""

import numpy as np
import pytest

from scratchcnn import Sequential, losses
from scratchcnn.inspection import explain, trace
from scratchcnn.inspection.report import write_report
from scratchcnn.layers import Conv2D, Dense, Flatten

CASES = [
    (losses.MeanSquaredError(), "tanh", "d_output", "2 * (output - target) / (N * J)"),
    (losses.BinaryCrossentropy(), "sigmoid", "d_preactivation", "(probability - target) / (N * J)"),
    (losses.BinaryCrossentropy(label_smoothing=0.2), "sigmoid", "d_preactivation", "(probability - target) / (N * J)"),
    (losses.BinaryCrossentropy(True), None, "d_output", "(probability - target) / (N * J)"),
    (losses.BinaryCrossentropy(), "softmax", "d_output", "(probability - target) / (probability * (1 - probability)"),
]


@pytest.mark.parametrize(("loss", "last", "what", "formula"), CASES)
@pytest.mark.parametrize("images", [False, True])
def test_terms_add_up(rng, loss, last, what, formula, images):
    layers = [Conv2D(3, 2, activation=last, input_shape=(3, 3, 1))]
    if not images:
        layers = [Flatten(input_shape=(3, 3, 1)), Dense(3, last)]
    model = Sequential(layers, seed=0)
    model.compile("sgd", loss)
    shape = model.output_shape[1:]
    found = trace(model, rng.random((4, 3, 3, 1)), rng.integers(0, 2, (4, *shape)))
    for position in np.ndindex(4, *shape):
        one = explain(found, len(layers) - 1, position, what)
        assert one.adds_up, str(one)
        assert one.bound < 1e-4 * abs(one.products).sum()
        assert formula in str(one)
    assert ("is smoothed to" in str(one)) == bool(getattr(loss, "label_smoothing", 0))


def test_clipped_probability_has_no_gradient():
    model = Sequential([Dense(2, "softmax", input_shape=(1,))])
    model.compile("sgd", "bce")
    model.set_weights([np.array([[100.0, -100.0]]), np.zeros(2)])
    found = explain(trace(model, [[1.0]], [[0, 1]]), "dense", (0, 0), "d_output")
    assert found.stored == found.output == 0
    assert "clipped: the gradient is zero" in str(found)


def test_message_names_the_activation_that_is_part_of_the_loss():
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))])
    model.compile("sgd", "bce")
    with pytest.raises(ValueError, match=r"whose sigmoid is part of the loss: .* use 'd_preactivation'"):
        explain(trace(model, [[1.0]], [1]), "dense", (0, 0), "d_output")


class Doubled(losses.MeanSquaredError):
    def backward(self, predictions, targets, ops):
        return 2 * super().backward(predictions, targets, ops)


def test_loss_with_a_backward_pass_of_its_own_is_not_explained():
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", Doubled())
    with pytest.raises(ValueError, match="received Doubled, whose formula is not known"):
        explain(trace(model, [[1.0]], [1]), "dense", (0, 0), "d_output")


def test_report_leaves_out_the_backward_pass_of_other_losses(tmp_path):
    model = Sequential([Dense(2, "sigmoid", input_shape=(3,))])
    model.compile("sgd", "bce")
    report = write_report(model, [1, 2, 3], to_file=tmp_path / "page.html")
    assert "received BinaryCrossentropy; use trace and explain" in report.left_out["Backward pass"]
