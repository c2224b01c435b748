"""A trace has the bits of a training step, for any model, and neither changes later nor changes the model."""

import copy

import numpy as np
import pytest
from comparing import bits
from hypothesis import given, settings
from networks import article_model, sample_digits, small_data, small_model
from random_models import ENGINES, models

from scratchcnn import Sequential, kernels
from scratchcnn.inspection import trace
from scratchcnn.inspection.tracing import passes
from scratchcnn.layers import Conv2D, Dense, Flatten, Layer, MaxPooling2D, Rescaling
from scratchcnn.training import step

few = settings(max_examples=25)


class Halving(Layer):
    """A custom layer that overwrites its arguments."""

    def forward(self, x, ops, training, rng):
        x *= x.dtype.type(0.5)
        return x, None

    def backward(self, dy, cache, ops, input_gradient=True):
        dy *= dy.dtype.type(0.5)
        return dy, {}


def of_fit(model, x, y):
    """What a training step computes before the update: losses, probabilities, all gradients, the stages' outputs."""
    trainer = model.trainer
    targets = trainer.loss.encode(y, trainer.output_shape, trainer.dtype)
    images = np.ascontiguousarray(x, trainer.dtype)
    rng = copy.deepcopy(trainer.dropout_rng)
    with trainer.workspace.active():
        outputs, passed = step.forward(trainer.plan, images, True, rng)
        kept = {id(s.layers[-1]): each.output.copy() for s, each in zip(trainer.plan.stages, passed, strict=True)}
        losses, probabilities = trainer.loss.forward(outputs, targets, trainer.ops)
        d_outputs = trainer.loss.backward(probabilities, targets, trainer.ops)
        gradients = step.backward(trainer.plan, passed, d_outputs)
    return losses, probabilities, gradients, kept


def check_against_fit(model, x, y):
    found = trace(model, x, y, training=True)
    losses, probabilities, gradients, outputs = of_fit(model, x, y)
    assert bits(found.losses) == bits(losses)
    assert bits(found.probabilities) == bits(probabilities)
    traced = [array for layer in found if layer.layer.trainable for array in layer.gradients.values()]
    assert [array.tobytes() for array in traced] == [array.tobytes() for array in gradients]
    for layer in found.layers[:-1]:  # the last may have become probabilities
        assert id(layer.layer) not in outputs or bits(layer.output) == bits(outputs[id(layer.layer)]), layer.name
    step_losses, step_probabilities = step.train_step(
        model.trainer, np.ascontiguousarray(x, model.dtype), found.targets
    )
    assert (bits(step_losses), bits(step_probabilities)) == (bits(losses), bits(probabilities))
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_article_network_is_traced_with_the_bits_of_a_training_step(engine):
    (x, y), _ = sample_digits()
    count = 40 if engine == "kernels" else 3
    model = article_model(seed=3, engine=engine)
    for _ in range(2):  # from the first step and from the second, when the biases are no longer zero
        check_against_fit(model, x[:count], y[:count])


@few
@given(models())
def test_any_model_is_traced_with_the_bits_of_a_training_step(case):
    check_against_fit(*case)


@pytest.mark.parametrize("frozen", [0, 1, 4])
@pytest.mark.parametrize("engine", ENGINES)
def test_model_with_frozen_layers_is_traced_with_the_bits_of_a_training_step(engine, frozen):
    (x, y), _ = sample_digits()
    model = article_model(seed=3, engine=engine)
    for layer in model.layers[: frozen + 1]:
        layer.trainable = False
    found = check_against_fit(model, x[:3], y[:3])
    assert all(layer.gradients.keys() == layer.params.keys() for layer in found)


class OwnConv2D(Conv2D):
    """A subclass, which is never fused and whose algorithms do not depend on its neighbours."""


@pytest.mark.parametrize("engine", ENGINES)
def test_subclass_of_conv2d_is_traced_with_the_bits_and_the_algorithms_of_a_training_step(engine):
    (x, y), _ = sample_digits()
    layers = [Conv2D(16, 3, activation="relu", input_shape=(28, 28, 1)), OwnConv2D(16, 3, activation="relu")]
    model = Sequential([*layers, MaxPooling2D(2), Flatten(), Dense(10, activation="softmax")], engine=engine, seed=0)
    model.compile()
    found = check_against_fit(model, x[:3], y[:3])
    if engine == "reference":
        assert found[1].algorithm is None
        return
    algorithm = found[1].algorithm
    assert algorithm.kernel_gradient == "winograd_4x4"  # not 'winners', as for a Conv2D below a max pooling
    layer, traced = model.layers[1], found[1]
    geometry = (layer.strides, layer.padding, layer.dilation_rate)
    kernel, bias = traced.params.values()
    z = kernels.conv2d(traced.input, kernel, bias, *geometry, algorithm)
    assert bits(z) == bits(traced.preactivation)


@few
@given(models(engine="kernels"))
def test_output_of_each_layer_is_the_input_of_the_next(case):
    model, x, y = case
    found = trace(model, x, y, training=True, rng=5)
    assert bits(found[0].input) == bits(found.x)
    for one, after in zip(found.layers, found.layers[1:], strict=False):
        assert bits(after.input) == bits(one.output)
        if one.d_output is not None and after.d_input is not None:
            np.testing.assert_array_equal(after.d_input, one.d_output)
    for layer in found:
        if layer.activation == "relu":
            np.testing.assert_array_equal(layer.output, np.maximum(layer.preactivation, 0))
            np.testing.assert_array_equal(layer.d_preactivation, np.where(layer.output > 0, layer.d_output, 0))
        arrays = [layer.input, layer.output, layer.preactivation, layer.d_input, layer.d_preactivation]
        assert {array.dtype for array in arrays} == {model.dtype}
        assert layer.d_input.shape == layer.shapes.input
        assert layer.d_preactivation.shape == layer.preactivation.shape == layer.shapes.output


@pytest.mark.parametrize("engine", ENGINES)
def test_gradient_wrt_the_image_is_the_derivative_of_the_loss(engine):
    model = small_model(engine=engine, dtype="float64", seed=1)
    x, y = small_data(2)
    found = trace(model, x, y)
    rng = np.random.default_rng(3)
    for place in [tuple(rng.integers(0, length) for length in x.shape) for _ in range(12)]:
        losses = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * 1e-6
            losses.append(trace(model, moved, y).loss)
        assert found[0].d_input[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-5, abs=1e-9)
    assert np.abs(found[0].d_input).max() > 1e-4


def everything(found):
    arrays = [found.x, found.y, found.targets, found.losses, found.probabilities]
    for layer in found:
        arrays += [layer.input, layer.preactivation, layer.output, layer.d_output, layer.d_preactivation, layer.d_input]
        arrays += [*layer.params.values(), *layer.gradients.values(), layer.mask, layer.winners]
    return [array for array in arrays if array is not None]


def test_trace_does_not_change_while_training_continues():
    model, (x, y) = small_model(seed=2), small_data()
    x = x.astype(np.float32)
    found = trace(model, x, y, training=True)
    before = [array.tobytes() for array in everything(found)]
    x[:] = -1
    y[:] = 0
    for _ in range(3):
        model.train_on_batch(x, y)
    trace(model, x, y, training=True)
    assert [array.tobytes() for array in everything(found)] == before
    assert not np.array_equal(found["dense"].params["kernel"], model.layers[4].params["kernel"])


def test_tracing_does_not_change_the_model():
    one, other = small_model(seed=2), small_model(seed=2)
    x, y = small_data()
    for _ in range(3):
        trace(one, x, y, training=True)
        trace(one, x, training=True, rng=1)
        assert one.train_on_batch(x, y) == other.train_on_batch(x, y)
    assert [w.tobytes() for w in one.get_weights()] == [w.tobytes() for w in other.get_weights()]


def test_mask_exists_only_if_dropout_was_active():
    model, (x, y) = small_model(seed=2), small_data()
    still = trace(model, x, y)
    assert still["dropout"].mask is None
    assert bits(still["dropout"].output) == bits(still["dropout"].input)
    one, same, other = (trace(model, x, training=True, rng=rng)["dropout"].mask for rng in (1, 1, 2))
    assert bits(one) == bits(same)
    assert bits(one) != bits(other)
    assert 0.5 < one.mean() < 0.95
    drawn = trace(model, x, training=True, rng=np.random.default_rng(1))
    assert bits(drawn["dropout"].mask) == bits(one)


def test_layer_that_overwrites_its_input_does_not_change_the_trace():
    model = Sequential([Dense(4, input_shape=(3,)), Halving(), Dense(2, activation="softmax")], seed=0, dtype="float64")
    model.compile()
    x = np.array([[1.0, 2, 3]])
    found = trace(model, x, [1])
    np.testing.assert_allclose(found["dense"].output, x @ model.layers[0].params["kernel"], rtol=1e-13)
    np.testing.assert_array_equal(found["halving"].output, found["halving"].input / 2)
    np.testing.assert_array_equal(found["halving"].d_input, found["halving"].d_output / 2)
    assert found["halving"].flops is None
    np.testing.assert_array_equal(x, [[1, 2, 3]])


def test_final_softmax_has_logits_and_probabilities_with_and_without_labels():
    x, y = small_data(3)
    model = small_model(seed=1)
    with_labels, without = trace(model, x, y), trace(model, x)
    last, plain = with_labels[-1], without[-1]
    assert bits(last.preactivation) == bits(plain.preactivation)
    np.testing.assert_allclose(last.output, plain.output, rtol=1e-6)
    assert bits(plain.output) == bits(model.predict(x))
    assert last.d_output is None
    np.testing.assert_allclose(last.d_preactivation, (last.output - with_labels.targets) / 3, atol=1e-7)
    assert without.loss is None
    assert plain.d_preactivation is None
    assert with_labels.loss == model.loss_and_gradients(x, y)[0]


def test_uint8_images_are_converted_to_the_dtype_of_the_model():
    model = Sequential([Rescaling(1 / 255, input_shape=(4, 4, 3)), Flatten(), Dense(2, activation="softmax")], seed=0)
    found = trace(model, np.full((2, 4, 4, 3), 255, np.uint8))
    assert found.x.dtype == found["rescaling"].output.dtype == np.float32
    np.testing.assert_allclose(found["rescaling"].output, 1, rtol=1e-6)
    assert found["rescaling"].flops == 2 * 96


def test_flops_are_counted_by_the_formula():
    (x, _), _ = sample_digits()
    costs = [layer.flops for layer in trace(article_model(seed=0), x[:1], training=True)]
    assert costs == [
        26 * 26 * 32 * (2 * 9 + 1), 24 * 24 * 64 * (2 * 9 * 32 + 1), 12 * 12 * 64 * 3, 9216, 0,
        128 * (2 * 9216 + 1), 128, 10 * (2 * 128 + 5),
    ]  # fmt: skip


class Slow(Layer):
    """A layer whose first passes take 100 s on a fake clock, and all others 1 s."""

    now, calls = 0.0, 0

    def forward(self, x, ops, training, rng):
        self._advance()
        return x, None

    def backward(self, dy, cache, ops, input_gradient=True):
        self._advance()
        return dy, {}

    def _advance(self):
        Slow.now += 1 if Slow.calls >= 2 else 100  # one cold forward and one cold backward pass
        Slow.calls += 1


def test_times_are_those_of_a_warm_pass(monkeypatch):
    monkeypatch.setattr(passes.time, "perf_counter", lambda: Slow.now)
    monkeypatch.setattr(Slow, "now", 0.0)
    monkeypatch.setattr(Slow, "calls", 0)
    model = Sequential([Slow(input_shape=(3,)), Dense(2, activation="softmax")], seed=0)
    model.compile()
    assert trace(model, np.ones((1, 3)), [1])["slow"].seconds == (1, 1)
    assert Slow.calls == 4


def test_generator_advances_by_one_pass():
    model, (x, y) = small_model(seed=2), small_data()
    given, once = np.random.default_rng(5), np.random.default_rng(5)
    trace(model, x, y, training=True, rng=given)
    for _ in range(2):  # one key for each dropout layer
        once.integers(2**64, dtype=np.uint64)
    assert given.bit_generator.state == once.bit_generator.state


@pytest.mark.parametrize("labels", [True, False])
def test_trace_prints_as_a_table(labels):
    model, (x, y) = article_model(seed=0), small_data()
    (x, y), _ = sample_digits()
    found = trace(model, x[:2], y[:2] if labels else None)
    lines = str(found).splitlines()
    assert max(map(len, lines)) <= 120
    assert ("loss" in lines[0]) is labels
    rows = [line for line in lines if line.split(" ")[0] in found.names]
    assert [row.split()[0] for row in rows] == found.names
    assert "1,179,776" in rows[5]
    assert "winograd_4x4" in rows[1]
    assert f"{found['conv2d'].zeros:.0%}" in rows[0]


def test_layers_are_found_by_name_and_index():
    found = trace(small_model(seed=0), small_data()[0])
    assert found["dense_1"] is found[-1] is list(found)[-1]
    assert len(found) == 7
    with pytest.raises(ValueError, match=r"received 'conv2'. Did you mean 'conv2d'\?"):
        found["conv2"]
    with pytest.raises(ValueError, match=r"Expected layer as a number from 0 to 6, .* received 7"):
        found[7]
    with pytest.raises(TypeError, match=r"as a name, as 'conv2d', or a number, received 1\.0"):
        found[1.0]


def test_non_finite_values_are_traced():
    model, (x, y) = small_model(seed=0), small_data()
    weights = model.get_weights()
    weights[0][:] = 3e38
    model.set_weights(weights)
    with np.errstate(all="ignore"):
        found = trace(model, x, y)
    assert not np.isfinite(found.loss)
    assert "nan" in str(found)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (lambda: (3, 0), TypeError, "Expected a Sequential for trace, received int"),
        (lambda: (Sequential([Dense(3)]), 0), ValueError, "does not know the shape of its input"),
        (lambda: (Sequential(), 0), ValueError, "this one has no layers yet"),
        (lambda: (small_model(), np.zeros((9, 8, 1))), ValueError, r"use x\[None\]"),
        (lambda: (small_model(), np.zeros((2, 9, 8, 1)), [1]), ValueError, "labels of shape"),
        (lambda: (Sequential([Dense(3, input_shape=(2,))]), np.zeros((1, 2)), [1]), RuntimeError, "compile"),
    ],
)
def test_invalid_arguments_raise(arguments, error, message):
    with pytest.raises(error, match=message):
        trace(*arguments())


def test_negative_seed_raises():
    with pytest.raises(ValueError, match="Expected seed"):
        trace(small_model(), small_data()[0], training=True, rng=-1)


@pytest.mark.parametrize("training", ["yes", 1, None])
def test_training_that_is_not_a_boolean_raises(training):
    with pytest.raises(ValueError, match=f"Expected training as True or False, received {training!r}"):
        trace(small_model(), small_data()[0], training=training)
