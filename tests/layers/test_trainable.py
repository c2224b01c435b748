"""Frozen layers: no update, no optimizer state, and gradients still flow through them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import small_data, small_model
from rows import rows, sparse_batch

from scratchcnn import Sequential
from scratchcnn.layers import Conv2D, Dense, Flatten, MaxPooling2D

WITH_PARAMETERS = [0, 4, 6]  # of `small_model`: the convolution and the two dense layers


def bits(arrays):
    return [array.tobytes() for array in arrays]


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("frozen", [[0], [4], [6], [0, 4], [4, 6], [0, 4, 6]])
def test_frozen_parameters_are_not_updated_and_have_no_optimizer_state(frozen, engine):
    model, (x, y) = small_model(seed=1, engine=engine), small_data()
    for number in frozen:
        model.layers[number].trainable = False
    before = [bits(layer.params.values()) for layer in model.layers]
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    changed = [b != a for b, a in zip(before, (bits(layer.params.values()) for layer in model.layers), strict=True)]
    assert [number for number, moved in enumerate(changed) if moved] == [
        number for number in WITH_PARAMETERS if number not in frozen
    ]
    shapes = [m.shape for m, _ in model.optimizer_state.slots]
    expected = [a.shape for i, layer in enumerate(model.layers) if i not in frozen for a in layer.params.values()]
    assert shapes == expected
    assert model.optimizer_state.iterations == 10


@settings(max_examples=60, deadline=None)
@given(rows(), st.data())
def test_gradients_of_other_layers_do_not_depend_on_what_is_frozen(row, data):
    """Up to the rounding of other algorithms: a layer below which nothing is trained needs no input gradient."""
    seed = data.draw(st.integers(0, 99))
    model = Sequential([*row, Flatten(), Dense(3, activation="softmax")], dtype="float64", seed=seed)
    model.compile()
    x, y = sparse_batch((3, *row[0].input_shape), seed, "float64"), np.arange(3)
    loss, every = model.loss_and_gradients(x, y)
    with_parameters = [layer for layer in model.layers if layer.params]
    expected, place = [], 0
    for layer in with_parameters:
        layer.trainable = data.draw(st.booleans())
        expected += every[place : place + len(layer.params)] if layer.trainable else []
        place += len(layer.params)
    found_loss, found = model.loss_and_gradients(x, y)
    assert found_loss == loss
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12 * max(1e-3, np.abs(other).max()))


def test_freezing_and_unfreezing_keeps_the_optimizer_state_of_the_others():
    model, (x, y) = small_model(seed=1), small_data()
    model.train_on_batch(x[:8], y[:8])
    kept = [moment.copy() for moment, _ in model.optimizer_state.slots]
    model.layers[0].trainable = False
    model.trainer  # noqa: B018 - makes the new optimizer state
    assert bits(m for m, _ in model.optimizer_state.slots) == bits(kept[2:])
    assert model.optimizer_state.iterations == 1
    model.layers[0].trainable = True
    model.trainer  # noqa: B018
    slots = model.optimizer_state.slots
    assert not any(moment.any() for moment, _ in slots[:2])
    assert bits(m for m, _ in slots[2:]) == bits(kept[2:])


def test_callback_may_unfreeze_a_layer_during_training():
    from scratchcnn.callbacks import LambdaCallback

    model, (x, y) = small_model(seed=1), small_data()
    model.layers[0].trainable = False
    kernels = []

    def on_epoch_begin(epoch, logs):
        kernels.append(model.get_weights()[0])
        model.layers[0].trainable = epoch == 1

    callback = LambdaCallback(on_epoch_begin=on_epoch_begin)
    model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=callback)
    kernels.append(model.get_weights()[0])
    assert [(a != b).any() for a, b in itertools.pairwise(kernels)] == [False, True, False]


def test_model_trainable_freezes_every_layer():
    model, (x, y) = small_model(seed=1), small_data()
    model.trainable = False
    assert not model.trainable
    assert not any(layer.trainable for layer in model.layers)
    before = bits(model.get_weights())
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert bits(model.get_weights()) == before
    assert len(history["loss"]) == 2
    assert model.optimizer_state.slots == []
    model.trainable = True
    assert model.trainable
    model.fit(x, y, verbose=0)
    assert bits(model.get_weights()) != before


def test_summary_counts_frozen_parameters():
    model, lines = small_model(seed=1), []
    model.layers[0].trainable = False
    model.summary(print_fn=lines.append)
    assert lines[-4:-1] == ["Total params: 381", "Trainable params: 341", "Non-trainable params: 40"]


@pytest.mark.parametrize("value", [0, "no", None])
def test_trainable_must_be_a_boolean(value):
    model = small_model(seed=1)
    for thing in (model, model.layers[0]):
        with pytest.raises(ValueError, match="Expected trainable as True or False, received"):
            thing.trainable = value
        assert thing.trainable is True


def test_clone_keeps_what_is_frozen():
    model = small_model(seed=1)
    model.layers[4].trainable = False
    clone = model.clone({4: Dense(8, activation="relu")})
    assert [layer.trainable for layer in clone.layers] == [number != 4 for number in range(7)]


@pytest.mark.parametrize("below", ["first", "second"])
def test_frozen_convolution_in_front_of_a_pooling(below):
    """Of two convolutions that are computed together, one may be frozen."""
    layers = [Conv2D(16, 3, activation="relu", input_shape=(12, 12, 1), name="first"),
              Conv2D(16, 3, activation="relu", name="second"), MaxPooling2D(), Flatten(),
              Dense(3, activation="softmax")]  # fmt: skip
    model = Sequential(layers, seed=0)
    model.compile("sgd")
    frozen = next(layer for layer in layers if layer.name == below)
    x, y = np.random.default_rng(0).random((8, 12, 12, 1)), np.arange(8) % 3
    every = model.loss_and_gradients(x, y)[1]
    frozen.trainable = False
    found = model.loss_and_gradients(x, y)[1]
    expected = every[2:] if below == "first" else every[:2] + every[4:]
    tolerance = 64 * np.finfo(np.float32).eps  # another algorithm may compute the kernel gradient
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(other).max())
