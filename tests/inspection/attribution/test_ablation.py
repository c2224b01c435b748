"""Filter ablation equals zeroing the kernel and bias of a filter, and leaves the model unchanged."""

import numpy as np
import pytest
from small_networks import colour, dense, grey, images, logits, randomized

from scratchcnn import Sequential
from scratchcnn.activations import ActivationFunction
from scratchcnn.inspection import filter_ablation
from scratchcnn.layers import Conv2D, Dense, Flatten
from scratchcnn.losses import SparseCategoricalCrossentropy


def data(model, count=23, seed=1):
    rng = np.random.default_rng(seed)
    return images(model, count, seed), rng.integers(0, model.output_shape[-1], count)


def evaluated(model, x, y):
    from_logits = getattr(model.layers[-1], "activation", None).name == "linear"
    model.compile("sgd", SparseCategoricalCrossentropy(from_logits=from_logits), ["accuracy"])
    return model.evaluate(x, y, verbose=0)


def without(make, options, layer, number):
    """Return a model with the same weights, except that the kernel and bias of one filter are zero."""
    model = randomized(make(**options))
    for array in next(each for each in model.layers if each.name == layer).params.values():
        array[..., number] = 0
    return model


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize(
    ("make", "layer"), [(grey, "conv2d"), (grey, "dense"), (colour, "conv2d"), (colour, "conv2d_1"), (logits, "conv2d"),
                        (dense, "dense")]
)  # fmt: skip
def test_loss_and_accuracy_equal_those_of_a_model_with_a_zeroed_filter(make, layer, engine):
    options = {"dtype": "float64", "engine": engine}
    model = randomized(make(**options))
    x, y = data(model)
    found = filter_ablation(model, layer, x, y, batch_size=10)
    loss, accuracy = evaluated(model, x, y)
    assert found.loss == pytest.approx(loss, rel=1e-10)
    assert found.accuracy == pytest.approx(accuracy)
    for number in range(len(found.losses)):
        zeroed = without(make, options, layer, number)
        loss, accuracy = evaluated(zeroed, x, y)
        assert found.losses[number] == pytest.approx(loss, rel=1e-10)
        assert found.accuracies[number] == pytest.approx(accuracy)
        answers = zeroed.predict(x).argmax(axis=1)
        assert found.right[number].tolist() == [
            int(((answers == y) & (y == j)).sum()) for j in range(len(found.images))
        ]
    assert np.ptp(found.losses) > 1e-6  # the filters differ


def test_filters_are_ranked_by_the_increase_of_the_loss():
    model = randomized(grey())
    found = filter_ablation(model, 0, *data(model))
    assert sorted(found.order.tolist()) == [0, 1, 2, 3]
    assert (np.diff(found.rises[found.order]) <= 0).all()
    ranked = [int(line.split()[1]) for line in str(found).splitlines() if line.lstrip()[:1].isdigit()]
    assert ranked == found.order.tolist()


def test_dead_filter_has_exactly_no_effect():
    model = randomized(grey())
    model.layers[0].params["bias"][2] = -100
    found = filter_ablation(model, "conv2d", *data(model))
    assert found.rises[2] == 0
    assert found.active[2] == 0
    assert (found.active[[0, 1, 3]] > 0).all()
    assert "no effect     1 of 4 filters" in str(found)


def test_active_is_the_fraction_of_nonzero_outputs():
    model = Sequential([Conv2D(1, 1, activation="relu", input_shape=(1, 4, 1)), Flatten(), Dense(2, "softmax")])
    model.layers[0].params["kernel"][...] = 1
    found = filter_ablation(
        model, 0, np.array([[[[1], [-1], [1], [1]]], [[[0], [-1], [-1], [1]]]]), [0, 1], batch_size=1
    )
    assert found.active.tolist() == [0.5]


def test_recall_of_a_class_without_images_is_nan():
    model = randomized(grey())
    x, y = data(model)
    found = filter_ablation(model, 0, x, np.where(y == 4, 3, y))
    assert np.isnan(found.recall_falls[:, 4]).all()
    assert not np.isnan(found.recall_falls[:, :4]).any()
    expected = [np.mean(model.predict(x[y == j]).argmax(axis=1) == j) for j in range(3)]
    np.testing.assert_allclose(found.recall[:3], expected)
    assert np.isnan(found.recall[4])
    assert "nan" not in str(found)


def test_model_is_unchanged_even_after_an_error():
    model = grey()
    weights = [w.tobytes() for w in model.get_weights()]
    x, y = data(model)
    filter_ablation(model, 0, x, y)
    calls = []

    class Failing(ActivationFunction):
        name = "failing"

        def forward(self, x, ops):
            calls.append(1)
            if len(calls) == 3:
                raise FloatingPointError("halfway")
            return x

    model.layers[-2].activation = Failing()
    with pytest.raises(FloatingPointError, match="halfway"):
        filter_ablation(model, 0, x, y)
    assert [w.tobytes() for w in model.get_weights()] == weights


def test_output_is_zeroed_after_the_activation():
    class Shifted(ActivationFunction):
        name = "shifted"

        def forward(self, x, ops):
            return x + 1

    model = Sequential([Dense(2, Shifted(), input_shape=(3,)), Dense(2, "softmax")], seed=0, dtype="float64")
    x, y = np.ones((1, 3)), [0]
    found = filter_ablation(model, 0, x, y)
    hidden = x @ model.get_weights()[0] + 1
    hidden[:, 0] = 0  # before the activation, it would become 1
    scores = hidden @ model.get_weights()[2]
    assert found.losses[0] == pytest.approx(np.log(np.exp(scores).sum()) - scores[0, 0])


def test_table_of_many_filters_lists_the_first_and_the_last():
    model = Sequential(
        [Conv2D(40, 3, activation="relu", input_shape=(9, 8, 1)), Flatten(), Dense(5, "softmax")], seed=0
    )
    text = str(filter_ablation(model, 0, *data(model)))
    assert "22 more" in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("layer", "message"),
    [(-1, "a layer before the last, received 'dense_1'"), ("conv", "Did you mean 'conv2d'"), (6, "from 0 to 5")],
)
def test_unknown_or_last_layer_raises(layer, message):
    model = grey()
    with pytest.raises(ValueError, match=message):
        filter_ablation(model, layer, *data(model))


def test_layer_before_a_separate_softmax_counts_as_the_last():
    model = colour()
    with pytest.raises(ValueError, match="whose outputs are the predictions; choose"):
        filter_ablation(model, "dense", *data(model))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x[0], y), "one sample without a batch axis"),
        (lambda x, y: (x, y[:-1]), "one label for each of the 23 images, received 22"),
        (lambda x, y: (x, y + 5), "Expected y from 0 to 4, one of 5 classes"),
        (lambda x, y: (x, np.eye(5)[y]), r"use y.argmax\(axis=1\)"),
        (lambda x, y: (x[:0], y[:0]), "at least one sample"),
    ],
)
def test_images_or_labels_that_do_not_fit_raise(change, message):
    model = grey()
    with pytest.raises(ValueError, match=message):
        filter_ablation(model, 0, *change(*data(model)))
