"""Models inside models: the same bits as the flat model of the same layers, shared layers, names, and errors."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nesting import nested
from networks import small_data, small_model
from rows import rows, sparse_batch

from scratchcnn import Sequential, models
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, Input, Layer, MaxPooling2D, ReLU

X, Y = small_data(20)
TAIL = [Flatten(), Dropout(0.3), Dense(4, activation="relu"), Dense(3, activation="softmax")]


def both(draw, layers, shape, **options):
    """The flat model, and one with inner models, of copies of the same layers."""
    made = [[layer.unbuilt() for layer in layers] for _ in range(2)]
    flat = Sequential([Input(shape), *made[0]], **options)
    return flat, Sequential([Input(shape), *nested(draw, made[1])], **options)


def bits(arrays):
    return [array.tobytes() for array in arrays]


@settings(max_examples=40, deadline=None)
@given(rows(), st.data(), st.integers(0, 99), st.sampled_from(["kernels", "kernels", "reference"]))
def test_inner_models_change_no_bit(row, data, seed, engine):
    shape = row[0].input_shape
    count = 2 if engine == "reference" else 5
    flat, inner = both(
        lambda limit: data.draw(st.integers(0, limit - 1)), [*row, *copy.deepcopy(TAIL)], shape,
        engine=engine, seed=seed,
    )  # fmt: skip
    x, y = sparse_batch((count, *shape), seed, "float32"), np.arange(count) % 3
    assert bits(inner.get_weights()) == bits(flat.get_weights())
    assert [type(stage) for stage in inner.plan.stages] == [type(stage) for stage in flat.plan.stages]
    assert [stage.choices for stage in inner.plan.stages] == [stage.choices for stage in flat.plan.stages]
    for model in (flat, inner):
        model.compile(metrics="accuracy")
        model.leaf_layers[0].trainable = seed % 2 == 0
        model.fit(x, y, batch_size=2, epochs=2, verbose=0)
    assert inner.history.history == flat.history.history
    assert bits(inner.get_weights()) == bits(flat.get_weights())
    assert inner.predict(x).tobytes() == flat.predict(x).tobytes()
    assert inner.evaluate(x, y, verbose=0) == flat.evaluate(x, y, verbose=0)
    assert bits(inner.loss_and_gradients(x, y)[1]) == bits(flat.loss_and_gradients(x, y)[1])


def transfer(name="base"):
    """A base with weights of its own, and a model that ends with new layers."""
    base = Sequential([Input((9, 8, 1)), Conv2D(4, 3, activation="relu"), MaxPooling2D(), Flatten()], name=name)
    model = Sequential([base, Dense(8, activation="relu"), Dense(5, activation="softmax")], seed=1)
    model.compile(metrics="accuracy")
    return base, model


def test_fused_stages_cross_the_boundary_of_an_inner_model():
    body = Sequential([Conv2D(20, 3, activation="relu")])
    model = Sequential([Input((14, 13, 1)), Conv2D(16, 3, activation="relu"), body, MaxPooling2D()])
    assert [type(stage).__name__ for stage in model.plan.stages] == ["Conv2DConv2DMaxPooling2D"]


def test_inner_model_shares_its_parameters():
    base, model = transfer()
    before, kept = base.predict(X), base.get_weights()
    model.fit(X, Y, verbose=0)
    assert not (base.predict(X) == before).all()
    base.set_weights(kept)
    assert (base.predict(X) == before).all()
    assert all(mine is inner for mine, inner in zip(model.weights, base.weights, strict=False))


def test_frozen_inner_model_is_not_trained_and_can_be_unfrozen():
    base, model = transfer()
    before, count = base.get_weights(), len(base.weights)
    base.trainable = False
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (len(model.weights) - count, count)
    model.fit(X, Y, verbose=0)
    assert bits(base.weights) == bits(before)
    model.trainable = True
    assert base.trainable
    model.fit(X, Y, verbose=0)
    assert bits(base.weights) != bits(before)


def test_layers_are_those_that_were_added():
    base, model = transfer()
    assert [type(layer) for layer in model.layers] == [Sequential, Dense, Dense]
    assert model.layers[0] is model.get_layer("base") is model.get_layer(index=0) is base
    assert model.get_layer("base").get_layer("conv2d") is model.leaf_layers[0]
    assert (model.input_shape, model.output_shape) == ((None, 9, 8, 1), (None, 5))
    assert model.count_params() == base.count_params() + sum(layer.count_params() for layer in model.layers[1:])
    assert model.pop() is not None
    assert model.pop().name == "dense"
    assert model.pop() is base
    assert model.layers == []


def test_default_names_are_unique_also_of_inner_models():
    models_inside = [Sequential([Dense(2), Dense(2)]) for _ in range(2)]
    model = Sequential([Input((2,)), *models_inside, Dense(2)])
    assert [layer.name for layer in model.layers] == ["sequential", "sequential_1", "dense_2"]
    assert model.leaf_paths == [
        "sequential/dense", "sequential/dense_1", "sequential_1/dense", "sequential_1/dense_1", "dense_2",
    ]  # fmt: skip
    assert model.leaf_names == [*model.leaf_paths[:4], "dense_2"]


@given(st.data())
def test_names_of_leaf_layers_are_unique_and_count_as_layers(data):
    layers = [ReLU() if data.draw(st.booleans()) else Dense(2) for _ in range(data.draw(st.integers(1, 8)))]
    model = Sequential([Input((2,)), *nested(lambda limit: data.draw(st.integers(0, limit - 1)), layers)])
    assert all(mine is added for mine, added in zip(model.leaf_layers, layers, strict=True))
    assert len(set(model.leaf_names)) == len(set(model.leaf_paths)) == len(layers)


def test_unbuilt_inner_model_is_built_with_the_outer_one():
    inner = Sequential([Conv2D(3, 3), Flatten()])
    outer = Sequential([inner, Dense(2)])
    assert (inner.output_shape, outer.output_shape) == (None, None)
    outer.build((None, 5, 5, 1))
    assert (inner.input_shape, inner.output_shape, outer.output_shape) == ((None, 5, 5, 1), (None, 27), (None, 2))
    fitted = Sequential([Sequential([Conv2D(3, 3), Flatten()]), Dense(5, activation="softmax")])
    fitted.compile()
    fitted.fit(X, Y, verbose=0)
    assert fitted.output_shape == (None, 5)


def test_copies_share_nothing():
    base, model = transfer()
    model.fit(X, Y, verbose=0)
    before = model.predict(X)
    for copied in (model.clone(), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert copied.predict(X).tobytes() == before.tobytes()
        assert copied.leaf_paths == model.leaf_paths
        copied.layers[0].set_weights([0 * array for array in base.weights])
        assert copied.predict(X).tobytes() != before.tobytes()
    assert model.predict(X).tobytes() == before.tobytes()
    new = models.clone_model(model)
    assert new.leaf_paths == model.leaf_paths
    assert bits(new.weights) != bits(model.weights)


def test_copied_model_resumes_training_exactly():
    _, model = transfer()
    model.fit(X, Y, verbose=0)
    other = copy.deepcopy(model)
    for each in (model, other):
        each.fit(X, Y, verbose=0)
    assert bits(other.weights) == bits(model.weights)


def test_clone_replaces_a_layer_of_an_inner_model():
    _, model = transfer()
    changed = model.clone({0: Conv2D(4, 3)})
    assert changed.get_layer("base").get_layer("conv2d").activation.name == "linear"
    assert bits(changed.weights) == bits(model.weights)


def test_optimizer_state_is_kept_when_an_inner_model_is_unfrozen():
    base, model = transfer()
    base.trainable = False
    model.fit(X, Y, verbose=0)
    base.trainable = True
    assert [len(slots) for slots in model.optimizer_state.slots] == [2] * len(model.weights)
    assert not model.optimizer_state.slots[0][0].any()
    assert model.optimizer_state.slots[-1][0].any()


def test_summary_shows_one_row_or_the_layers_of_an_inner_model():
    _, model = transfer()
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    rows_of = [line.split() for line in lines if "(" in line][1:]
    assert [row[0] for row in rows_of] == ["base", "dense", "dense_1"]
    assert rows_of[0] == ["base", "(Sequential)", "(None,", "36)", "40"]
    expanded: list[str] = []
    model.summary(print_fn=expanded.append, expand_nested=True)
    found = [line for line in expanded if "└" in line]
    assert [line.split()[1] for line in found] == ["conv2d", "max_pooling2d", "flatten"]
    assert all(line.startswith("   └ ") for line in found)
    assert [line for line in expanded if "params" in line] == [line for line in lines if "params" in line]
    with pytest.raises(ValueError, match="expand_nested as True or False"):
        model.summary(expand_nested="yes")


def contains_itself():
    outer = Sequential([Input((2,)), Sequential([Dense(2)])])
    outer.layers[0].add(outer)


def added_twice():
    base, model = transfer()
    model.add(base)


def shares_a_layer():
    base, _ = transfer()
    Sequential([Sequential([base]), base.layers[0]])


ERRORS = {
    "itself": (lambda: (model := transfer()[1]).add(model), "contains this one; add its clone"),
    "in a circle": (contains_itself, r"received 'sequential' \(Sequential\), which contains this one"),
    "no layers": (lambda: Sequential([Sequential()]), "inner model with layers, .*which has none; add some"),
    "twice": (added_twice, r"received 'base' \(Sequential\), which already belongs to it; add a copy of it"),
    "shared layer": (shares_a_layer, r"received 'conv2d' \(Conv2D\), which already belongs to it; make a new layer"),
    "other shape": (lambda: Sequential([Input((9, 8, 2)), transfer()[0]]), r"shape \(9, 8, 1\) .*received \(9, 8, 2\)"),
    "other dtype": (lambda: Sequential([transfer()[0]], dtype="float64"), "dtype float64, .*'base' .* of float32"),
    "unbuilt, other dtype": (lambda: Sequential([Sequential([ReLU()])], dtype="float64"), "dtype float64"),
    "same name": (lambda: Sequential([*(transfer()[0].clone() for _ in range(2))]), "unique name .* 'base' twice"),
    "wrong inside": (lambda: Sequential([Input((3,)), Sequential([Dense(2), Conv2D(2, 2)])]), r"'conv2d'.*\(2,\)"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), ERRORS.values(), ids=ERRORS)
def test_impossible_inner_models_are_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_refused_inner_model_leaves_both_unchanged():
    outer, inner = Sequential([Input((3,)), Dense(2)]), Sequential([Dense(2), Conv2D(2, 2)], name="inner")
    with pytest.raises(ValueError, match="conv2d"):
        outer.add(inner)
    assert (len(outer.layers), inner.input_shape, inner.weights) == (1, None, [])
    with pytest.raises(ValueError, match="conv2d"):
        Sequential([inner]).build((None, 3))
    assert (inner.input_shape, inner.weights) == (None, [])


def test_model_of_which_a_layer_cannot_be_built_can_be_built_later():
    class Limited(Dense):
        is_possible = False

        def initial_params(self, input_shape, rng, dtype):
            if not Limited.is_possible:
                raise MemoryError
            return super().initial_params(input_shape, rng, dtype)

    inner = Sequential([Flatten(), Limited(2)], name="inner")
    outer = Sequential([Input((2, 3))])
    with pytest.raises(MemoryError):
        outer.add(inner)
    assert (outer.layers, inner.input_shape, inner.output_shape) == ([], None, None)
    Limited.is_possible = True
    outer.add(inner)
    assert (inner.input_shape, outer.output_shape) == ((None, 2, 3), (None, 2))


def test_change_of_an_inner_model_that_does_not_fit_is_an_error_until_it_is_undone():
    base, model = transfer()
    before, layer = model.predict(X), Dense(7)
    base.add(layer)
    with pytest.raises(ValueError, match=r"outputs of shape \(36,\) before layer 'dense'.*received \(7,\) of layer"):
        model.predict(X)
    with pytest.raises(ValueError, match=r"'dense' \(Dense\) was built for samples of shape \(36,\), but receives"):
        model.fit(X, Y)
    base.pop()
    assert model.predict(X).tobytes() == before.tobytes()


def test_layer_of_the_outer_model_that_is_added_to_an_inner_one_is_an_error_until_it_is_removed():
    inner = Sequential([Dense(3)])
    model = Sequential([Input((3,)), inner, Dense(3, name="last")])
    model.compile(loss="mse")
    inner.add(model.layers[-1])
    x = np.ones((2, 3))
    for use in (lambda: model.predict(x), lambda: model.train_on_batch(x, x)):
        with pytest.raises(ValueError, match=r"each layer once, received 'last' \(Dense\) twice; undo the change"):
            use()
    inner.pop()
    assert model.predict(x).shape == (2, 3)


def test_change_of_an_inner_model_that_fits_takes_effect():
    base, model = transfer()
    base.add(ReLU())
    assert model.leaf_names == ["conv2d", "max_pooling2d", "flatten", "re_lu", "dense", "dense_1"]
    model.fit(X, Y, verbose=0)
    assert len(model.plan.layers) == 6


def test_built_layers_are_shared_as_in_keras():
    base = small_model(seed=0)
    model = Sequential([*base.layers[:-1], Dense(3, activation="softmax")], seed=0)
    assert [layer.name for layer in model.layers] == [layer.name for layer in base.layers[:-1]] + ["dense_1"]
    assert model.layers[0].kernel is base.layers[0].kernel
    with pytest.raises(ValueError, match=r"'dense' \(Dense\) was built for samples of shape .* make a new layer"):
        Sequential([Input((3,)), base.get_layer("dense")])
    with pytest.raises(ValueError, match="dtype float64, as in this model, received 'conv2d'"):
        Sequential([base.layers[0]], dtype="float64")


def test_subclass_of_layer_works_inside():
    class Scale(Layer):
        def compute_output_shape(self, input_shape):
            return input_shape

        def forward(self, x, ops, training, rng):
            return 2 * x, None

        def backward(self, dy, cache, ops, input_gradient=True):
            return (2 * dy if input_gradient else None), {}

    model = Sequential([Input((3,)), Sequential([Scale()])])
    assert (model(np.ones((1, 3))) == 2).all()
