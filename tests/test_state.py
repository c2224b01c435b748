"""Layers and models keep nothing of a pass: passes may be interleaved in any order."""

import copy

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.operations import engine

LAYERS = [
    (Conv2D(3, 3, activation="relu"), (6, 5, 2)),
    (MaxPooling2D(2), (6, 5, 2)),
    (Dense(4, activation="softmax"), (7,)),
    (Dropout(0.5), (7,)),
    (Flatten(), (6, 5, 2)),
]


@pytest.mark.parametrize(("template", "input_shape"), LAYERS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("engine_name", ["kernels", "reference"])
def test_forward_a_forward_b_backward_a_equals_forward_a_backward_a(template, input_shape, engine_name):
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
    assert set(vars(layer)) == attributes, "a pass left something on the layer"


def test_two_models_side_by_side_train_as_each_would_alone():
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


def test_one_optimizer_may_train_two_models():
    x, y = small_data()
    from scratchcnn.optimizers import Adam

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


def test_predict_and_evaluate_inside_training_change_nothing():
    x, y = small_data()
    undisturbed, disturbed = small_model(seed=1), small_model(seed=1)
    for start in range(0, 40, 8):
        batch = x[start : start + 8], y[start : start + 8]
        disturbed.predict(x)
        disturbed.evaluate(x, y, verbose=0)
        disturbed.loss_and_gradients(*batch)
        assert undisturbed.train_on_batch(*batch) == disturbed.train_on_batch(*batch)
    for a, b in zip(undisturbed.get_weights(), disturbed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_arrays_that_a_model_gave_are_never_written_to_again():
    x, y = small_data(400)
    model = small_model(seed=1)
    _, gradients = model.loss_and_gradients(x, y)
    prediction, weights = model.predict(x), model.get_weights()
    kept = [array.copy() for array in (*gradients, prediction, *weights)]
    model.fit(x, y, epochs=2, verbose=0)
    model.predict(x)
    for array, copied in zip((*gradients, prediction, *weights), kept, strict=True):
        np.testing.assert_array_equal(array, copied)


def test_memory_of_an_array_that_is_held_is_not_used_again():
    from scratchcnn.kernels.runtime.workspace import Workspace, empty

    workspace = Workspace()
    with workspace.active():
        held = empty((300, 300), np.float32)
        view = held[10:20]
        address = held.ctypes.data
        assert address % 64 == 0
        del held
        assert empty((300, 300), np.float32).ctypes.data != address, "a view still holds the memory"
        del view
        both = [empty((300, 300), np.float32), empty((300, 300), np.float32)]
        assert both[1].ctypes.data == address, "of two free blocks the one that was lent last comes first"
    assert empty((300, 300), np.float32).ctypes.data != address


def test_what_a_workspace_lends_is_a_plain_array_that_a_view_of_a_view_holds():
    from scratchcnn.kernels.runtime.workspace import Workspace, empty

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
