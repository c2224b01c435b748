"""Losses and metrics of regression and of yes-or-no outputs: targets, class weights, and combination with a sigmoid."""

import numpy as np
import pytest

from scratchcnn import Sequential, layers, losses, metrics
from scratchcnn.inspection import check_gradients, check_loss, overfit_one_batch

X = np.random.default_rng(5).standard_normal((12, 4))


def model_of(units, last=None, loss="mse", **options):
    model = Sequential([layers.Dense(units, last, input_shape=(4,))], seed=0, **options)
    model.compile("sgd", loss, "accuracy")
    return model


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_targets_of_a_single_output_may_have_one_axis(loss):
    y = np.arange(12) % 2
    one, other = model_of(1, "sigmoid", loss), model_of(1, "sigmoid", loss)
    assert one.fit(X, y, verbose=0).history == other.fit(X, y[:, None], verbose=0).history


TARGETS = [
    ("mse", 3, np.zeros((12, 2)), r"targets of shape \(12, 3\), one for each output of the 12 samples, .* \(12, 2\)"),
    ("mse", 3, np.zeros(12, int), r"shape \(12,\). For class numbers, use loss='sparse_categorical_crossentropy', .*"
     r"utils.to_categorical\(y, 3\)"),
    ("mse", 1, np.zeros(11), r"shape \(12, 1\), .* received shape \(11,\)"),
    ("mse", 1, np.full(12, np.nan), r"finite targets, received \[?nan\]? at index 0"),
    ("mse", 1, np.full(12, "a"), "targets as numbers"),
    ("bce", 3, np.zeros(12, int), "For class numbers, use loss='sparse_categorical_crossentropy'"),
    ("bce", 1, np.arange(12), r"labels from 0 to 1, .* received 2 at index 2; use loss='sparse_categorical_cross"),
    ("bce", 2, np.eye(2)[np.arange(12) % 2] * 2 - 1, r"labels from 0 to 1, .* received -1.0 at index \(0, 1\)"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "units", "y", "message"), TARGETS)
def test_targets_that_do_not_fit_raise_and_change_nothing(loss, units, y, message):
    model, other = model_of(units, "sigmoid", loss), model_of(units, "sigmoid", loss)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X, y, verbose=0)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [(12,), (12, 1)])
def test_class_weights_of_a_single_output_are_sample_weights(shape):
    y = np.arange(12) % 3 == 0
    one, other = model_of(1, "sigmoid", "bce"), model_of(1, "sigmoid", "bce")
    found = one.fit(X, y.reshape(shape), class_weight={0: 0.5, 1: 3}, verbose=0, shuffle=False).history
    expected = other.fit(X, y, sample_weight=np.where(y, 3.0, 0.5), verbose=0, shuffle=False).history
    assert found == expected
    with pytest.raises(ValueError, match="classes from 0 to 1 in class_weight, received 2"):
        one.fit(X, y, class_weight={2: 1.0}, verbose=0)
    with pytest.raises(ValueError, match=r"labels 0 and 1 with class_weight, received 0.5; use sample_weight"):
        one.fit(X, np.full(12, 0.5), class_weight={1: 2.0}, verbose=0)


@pytest.mark.parametrize("last", [layers.Dense(3, "sigmoid"), layers.Activation("sigmoid")])
def test_final_sigmoid_is_part_of_binary_cross_entropy(last):
    model = Sequential([layers.Dense(3, input_shape=(4,)), last])
    model.compile("sgd", losses.BinaryCrossentropy(label_smoothing=0.2))
    assert (model.trainer.loss.from_logits, model.trainer.loss.label_smoothing) == (True, 0.2)
    assert not model.compiled.loss.from_logits
    assert model.predict(X).min() >= 0


class Scaled(layers.Dense):
    """A subclass, whose output may be anything."""


def test_sigmoid_of_a_subclass_stays_in_the_layer():
    model = Sequential([Scaled(1, "sigmoid", input_shape=(4,))])
    model.compile("sgd", "bce")
    assert not model.trainer.loss.from_logits


def test_outputs_that_are_no_probabilities_raise_a_warning():
    with pytest.warns(UserWarning, match=r"ends in sigmoid, or a loss with from_logits=True, received neither"):
        _ = model_of(2, None, "bce").trainer
    with pytest.warns(UserWarning, match="received both: sigmoid is applied twice"):
        _ = model_of(2, "sigmoid", losses.BinaryCrossentropy(from_logits=True)).trainer


@pytest.mark.parametrize("last", ["sigmoid", "softmax"])
def test_probabilities_raise_no_warning(last, recwarn):
    _ = model_of(2, last, "bce").trainer
    _ = model_of(2, None, losses.BinaryCrossentropy(from_logits=True)).trainer
    assert not recwarn.list


LOSSES = [
    losses.MeanSquaredError(), losses.BinaryCrossentropy(), losses.BinaryCrossentropy(label_smoothing=0.3),
    losses.BinaryCrossentropy(from_logits=True),
]  # fmt: skip


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 2, 3)])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{type(loss).__name__}{loss.get_config()}")
def test_gradients_equal_differences(rng, loss, shape, engine):
    last = None if getattr(loss, "from_logits", True) else "sigmoid"
    if len(shape) == 3:
        model = Sequential([layers.Conv2D(3, 3, activation=last, input_shape=(4, 4, 1))], engine=engine, seed=1)
    else:
        model = Sequential([layers.Flatten(input_shape=(4, 4, 1)), layers.Dense(*shape, last)], engine=engine, seed=1)
    model.compile("sgd", loss)
    assert check_gradients(model, rng.random((5, 4, 4, 1)), rng.random((5, *shape)), seed=2).ok


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("classes", [1, 10])
def test_check_loss_finds_nothing_wrong(loss, classes):
    for engine in ("kernels", "reference"):
        found = check_loss(loss, classes=classes, engine=engine)
        assert found.ok, str(found)


class WithoutMean(losses.MeanSquaredError):
    def backward(self, predictions, targets, ops):
        return 2 * (predictions - targets)


class Asymmetric(losses.BinaryCrossentropy):
    def forward(self, outputs, targets, ops):
        of_samples, predictions = super().forward(outputs, targets, ops)
        return of_samples + outputs.mean(axis=1) * 0.1, predictions


class OverflowingExponential(losses.BinaryCrossentropy):
    def forward(self, outputs, targets, ops):
        z = outputs
        return (np.log1p(np.exp(z)) - targets * z).mean(axis=1), 1 / (1 + np.exp(-z))


class Power(losses.Loss):
    def forward(self, outputs, targets, ops):
        return ((outputs - targets) ** 4).sum(axis=1), outputs

    def backward(self, predictions, targets, ops):
        return 4 * (predictions - targets) ** 3 / len(targets)


@pytest.mark.parametrize(
    ("loss", "point"),
    [(WithoutMean(), "gradient"), (Asymmetric(), "opposite"), (OverflowingExponential(), "large logits")],
    ids=["WithoutMean", "Asymmetric", "OverflowingExponential"],
)
def test_check_loss_finds_bugs(loss, point):
    assert next(each.name for each in check_loss(loss).points if each.ok is False) == point


def test_check_loss_accepts_a_loss_of_your_own():
    assert check_loss(Power()).ok
    with pytest.raises(TypeError, match=r"call the class: Power\(\)"):
        check_loss(Power)


@pytest.mark.parametrize(("units", "name"), [(1, "BinaryAccuracy"), (3, "CategoricalAccuracy")])
def test_accuracy_depends_on_the_number_of_outputs(rng, units, name):
    outputs, targets = rng.random((20, units)), np.eye(units)[rng.integers(0, units, 20)]
    targets[:, 0] *= rng.integers(0, 2, 20) if units == 1 else 1
    found = metrics.get("accuracy").of_samples(targets, outputs)
    np.testing.assert_array_equal(found, getattr(metrics, name)().of_samples(targets, outputs))
    assert metrics.get("acc").name == "acc"


@pytest.mark.parametrize(("units", "last", "loss"), [(1, "sigmoid", "bce"), (2, "tanh", "mse")])
def test_one_batch_is_memorized(rng, units, last, loss):
    model = Sequential([
        layers.Dense(40, "relu", kernel_regularizer="l2", input_shape=(4,)), layers.Dense(units, last),
    ], seed=0)  # fmt: skip
    model.compile("adam", loss)
    found = overfit_one_batch(model, X, rng.integers(0, 2, (12, units)), learning_rate=0.02)
    assert found.ok, str(found)
    assert model.layers[0].kernel_regularizer is not None


@pytest.mark.parametrize(
    "loss", [losses.SparseCategoricalCrossentropy(), losses.BinaryCrossentropy(), losses.MeanSquaredError()]
)
def test_loss_of_outputs_is_that_of_evaluate(loss):
    units = 1 if isinstance(loss, losses.BinaryCrossentropy) else 2
    model = model_of(units, "sigmoid" if units == 1 else "softmax", loss, dtype="float64")
    y = np.arange(12) % 2 if not isinstance(loss, losses.MeanSquaredError) else X[:, :2]
    assert loss(y, model.predict(X, verbose=0)) == pytest.approx(model.evaluate(X, y, verbose=0)[0], rel=1e-12)


@pytest.mark.parametrize(("targets", "outputs", "message"), [
    ([1], [0.5, 0.5], r"y_pred as the outputs of a model, \(N, ...\), received shape \(2,\)"),
    ([1, 0], [[0.5, 0.5]], "received"),
    ([2], [[0.5, 0.5]], "received"),
    ([1], [[np.nan, 0.5]], "finite y_pred"),
    ([], np.zeros((0, 2)), r"received shape \(0, 2\)"),
])  # fmt: skip
def test_call_of_a_loss_with_outputs_that_do_not_fit_is_an_error(targets, outputs, message):
    with pytest.raises(ValueError, match=message):
        losses.SparseCategoricalCrossentropy()(targets, outputs)
