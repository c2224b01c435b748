"""Passes store no state on layers or models, so they may be interleaved in any order."""

import copy

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn.kernels.runtime.workspace import Workspace, empty
from scratchcnn.layers import AveragePooling2D, Conv2D, Dense, Dropout, Flatten, GlobalMaxPooling2D, MaxPooling2D
from scratchcnn.operations import engine
from scratchcnn.optimizers import Adam

LAYERS = [
    (Conv2D(3, 3, activation="relu"), (6, 5, 2)),
    (MaxPooling2D(2), (6, 5, 2)),
    (AveragePooling2D(2), (6, 5, 2)),
    (GlobalMaxPooling2D(), (6, 5, 2)),
    (Dense(4, activation="softmax"), (7,)),
    (Dropout(0.5), (7,)),
    (Flatten(), (6, 5, 2)),
]


@pytest.mark.parametrize(("template", "input_shape"), LAYERS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("engine_name", ["kernels", "reference"])
def test_interleaved_passes_equal_separate_passes(template, input_shape, engine_name):
    layer, ops, rng = copy.deepcopy(template), engine(engine_name), np.random.default_rng(0)
    output_shape = layer.build(input_shape, rng, np.dtype(np.float64))
    a, b = rng.standard_normal((2, 3, *input_shape))
    upstream = rng.standard_normal((3, *output_shape))

    def forward(x):
        return layer.forward(x, ops, training=True, rng=np.random.default_rng(1))

    alone = layer.backward(upstream, forward(a)[1], ops)
    attributes = set(vars(layer))
    cache_a = forward(a)[1]
    forward(b)
    interleaved = layer.backward(upstream, cache_a, ops)
    np.testing.assert_array_equal(alone[0], interleaved[0])
    for name in layer.params:
        np.testing.assert_array_equal(alone[1][name], interleaved[1][name])
    assert set(vars(layer)) == attributes, "a pass stored an attribute on the layer"


def test_models_trained_in_turn_equal_models_trained_separately():
    x, y = small_data()

    def weights_after(models):
        for start in range(0, 40, 8):
            for model in models:
                model.train_on_batch(x[start : start + 8], y[start : start + 8])
        return [model.get_weights() for model in models]

    together = weights_after([small_model(seed=1), small_model(seed=2)])
    alone = weights_after([small_model(seed=1)]) + weights_after([small_model(seed=2)])
    for one, other in zip(together, alone, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_models_that_share_an_optimizer_have_separate_state():
    x, y = small_data()
    shared = Adam(0.01)
    models = [small_model(seed=1), small_model(seed=1), small_model(seed=1)]
    for model, optimizer in zip(models, [shared, shared, Adam(0.01)], strict=True):
        model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer)
    for _ in range(3):
        for model in models:
            model.train_on_batch(x, y)
    for a, b, c in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, c)


def test_inference_between_training_steps_does_not_change_training():
    x, y = small_data()
    alone, interleaved = small_model(seed=1), small_model(seed=1)
    for start in range(0, 40, 8):
        batch = x[start : start + 8], y[start : start + 8]
        interleaved.predict(x)
        interleaved.evaluate(x, y, verbose=0)
        interleaved.loss_and_gradients(*batch)
        assert alone.train_on_batch(*batch) == interleaved.train_on_batch(*batch)
    for a, b in zip(alone.get_weights(), interleaved.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_returned_arrays_are_not_overwritten_later():
    x, y = small_data(400)
    model = small_model(seed=1)
    _, gradients = model.loss_and_gradients(x, y)
    prediction, weights = model.predict(x), model.get_weights()
    kept = [array.copy() for array in (*gradients, prediction, *weights)]
    model.fit(x, y, epochs=2, verbose=0)
    model.predict(x)
    for array, copied in zip((*gradients, prediction, *weights), kept, strict=True):
        np.testing.assert_array_equal(array, copied)


def test_workspace_reuses_memory_only_when_no_array_refers_to_it():
    workspace = Workspace()
    with workspace.active():
        held = empty((300, 300), np.float32)
        view = held[10:20]
        address = held.ctypes.data
        assert address % 64 == 0
        del held
        assert empty((300, 300), np.float32).ctypes.data != address, "a view still refers to the memory"
        del view
        both = [empty((300, 300), np.float32), empty((300, 300), np.float32)]
        assert both[1].ctypes.data == address, "the block used last is reused first"
    assert empty((300, 300), np.float32).ctypes.data != address


def test_workspace_returns_plain_arrays_whose_memory_views_of_views_keep():
    with Workspace().active():
        first = empty((200, 100, 4), np.float64)
        assert type(first) is np.ndarray
        assert first.flags.c_contiguous
        assert first.flags.writeable
        first[...] = 1.0
        view = first.reshape(-1)[5:].reshape(5, -1, order="F")[1:]
        del first
        second = empty((200, 100, 4), np.float64)
        second[...] = 2.0
        assert not np.shares_memory(view, second)
        assert (view == 1.0).all()
