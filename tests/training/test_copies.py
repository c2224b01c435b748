"""Copies of a model by copy.deepcopy and pickle: independent, complete, and training continues with the same bits."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import small_data, small_model

from scratchcnn import Sequential
from scratchcnn.layers import Dense
from scratchcnn.optimizers import SGD, Adam

X, Y = small_data(20)
WAYS = {"deepcopy": copy.deepcopy, "pickle": lambda model: pickle.loads(pickle.dumps(model))}


def assert_same(one, other):
    assert one.history.history == other.history.history
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.optimizer_state.iterations == other.optimizer_state.iterations
    for a, b in zip(one.optimizer_state.slots, other.optimizer_state.slots, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@settings(max_examples=12, deadline=None)
@given(
    before=st.integers(0, 2), frozen=st.sets(st.integers(0, 6)), freeze_after=st.booleans(), amsgrad=st.booleans(),
    momentum=st.booleans(), dtype=st.sampled_from(["float32", "float64"]),
    engine=st.sampled_from(["kernels", "reference"]),
)  # fmt: skip
def test_copy_continues_training_with_the_same_bits(
    way, before, frozen, freeze_after, amsgrad, momentum, dtype, engine
):
    frozen -= {6}  # at least one layer is trained
    model = small_model(seed=3, dtype=dtype, engine=engine)
    model.compile(SGD(0.1, momentum=0.9) if momentum else Adam(amsgrad=amsgrad), metrics=["accuracy"])

    def freeze():
        for index in frozen:
            model.layers[index].trainable = False

    freeze() if not freeze_after else None
    for _ in range(before):
        model.fit(X, Y, batch_size=7, verbose=0)
    freeze() if freeze_after else None
    other = way(model)
    assert [layer.trainable for layer in other.layers] == [layer.trainable for layer in model.layers]
    for each in (model, other):
        each.fit(X, Y, batch_size=7, epochs=2, verbose=0)
    assert_same(model, other)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_copy_shares_nothing_that_training_changes(way):
    model = small_model(seed=0)
    model.fit(X, Y, verbose=0)
    other, before = way(model), model.get_weights()
    other.fit(X, Y, epochs=2, verbose=0)
    other.optimizer.learning_rate = 0.5
    assert model.optimizer.learning_rate == 0.001
    assert model.history.epoch == [0]
    assert model.optimizer_state.iterations == 1
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_model_without_layers_shapes_or_compilation_can_be_copied(way):
    assert way(Sequential()).layers == []
    other = way(Sequential([Dense(3)], name="head", seed=0))
    assert (other.name, other.output_shape, other.compiled) == ("head", None, None)
    other.build((None, 4))
    model = Sequential([Dense(3)], seed=0)
    model.build((None, 4))
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
