"""Ablation measures what really zeroing a filter's kernel and bias would, and leaves the model alone."""

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
    """A model of the same weights, in which one column of a layer's kernel and bias is zero."""
    model = randomized(make(**options))
    for array in next(each for each in model.layers if each.name == layer).params.values():
        array[..., number] = 0
    return model


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize(
    ("make", "layer"), [(grey, "conv2d"), (grey, "dense"), (colour, "conv2d"), (colour, "conv2d_1"), (logits, "conv2d"),
                        (dense, "dense")]
)  # fmt: skip
def test_loss_and_accuracy_are_those_of_a_model_with_a_zeroed_filter(make, layer, engine):
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
    assert np.ptp(found.losses) > 1e-6  # or every filter would be the same one


def test_filters_are_ranked_by_the_rise_of_the_loss():
    model = randomized(grey())
    found = filter_ablation(model, 0, *data(model))
    assert sorted(found.order.tolist()) == [0, 1, 2, 3]
    assert (np.diff(found.rises[found.order]) <= 0).all()
    ranked = [int(line.split()[1]) for line in str(found).splitlines() if line.lstrip()[:1].isdigit()]
    assert ranked == found.order.tolist()


def test_a_dead_filter_does_nothing_to_the_bit():
    model = randomized(grey())
    model.layers[0].params["bias"][2] = -100
    found = filter_ablation(model, "conv2d", *data(model))
    assert found.rises[2] == 0
    assert found.active[2] == 0
    assert (found.active[[0, 1, 3]] > 0).all()
    assert "does nothing   1 of 4 filters" in str(found)


def test_the_active_share_is_that_of_outputs_above_zero():
    model = Sequential([Conv2D(1, 1, activation="relu", input_shape=(1, 4, 1)), Flatten(), Dense(2, "softmax")])
    model.layers[0].params["kernel"][...] = 1
    found = filter_ablation(
        model, 0, np.array([[[[1], [-1], [1], [1]]], [[[0], [-1], [-1], [1]]]]), [0, 1], batch_size=1
    )
    assert found.active.tolist() == [0.5]


def test_a_class_that_was_not_there_has_no_recall():
    model = randomized(grey())
    x, y = data(model)
    found = filter_ablation(model, 0, x, np.where(y == 4, 3, y))
    assert np.isnan(found.recall_falls[:, 4]).all()
    assert not np.isnan(found.recall_falls[:, :4]).any()
    assert "nan" not in str(found)


def test_the_model_is_unchanged_also_after_an_error():
    model = grey()
    weights = [w.tobytes() for w in model.get_weights()]
    x, y = data(model)
    filter_ablation(model, 0, x, y)
    rest = model.layers[-1].forward
    calls = []

    def fails(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise FloatingPointError("halfway")
        return rest(*arguments, **options)

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


def test_what_is_zeroed_is_the_output_not_the_weights():
    class Shifted(ActivationFunction):
        name = "shifted"

        def forward(self, x, ops):
            return x + 1

    model = Sequential([Dense(2, Shifted(), input_shape=(3,)), Dense(2, "softmax")], seed=0, dtype="float64")
    x, y = np.ones((1, 3)), [0]
    found = filter_ablation(model, 0, x, y)
    hidden = x @ model.get_weights()[0] + 1
    hidden[:, 0] = 0  # after the activation, which would make 1 of it
    scores = hidden @ model.get_weights()[2]
    assert found.losses[0] == pytest.approx(np.log(np.exp(scores).sum()) - scores[0, 0])


def test_many_filters_are_told_from_both_ends():
    model = Sequential(
        [Conv2D(40, 3, activation="relu", input_shape=(9, 8, 1)), Flatten(), Dense(5, "softmax")], seed=0
    )
    text = str(filter_ablation(model, 0, *data(model)))
    assert "22 more between" in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("layer", "message"),
    [(-1, "a layer before the last, received 'dense_1'"), ("conv", "Did you mean 'conv2d'"), (6, "from 0 to 5")],
)
def test_a_wrong_layer_is_refused(layer, message):
    model = grey()
    with pytest.raises(ValueError, match=message):
        filter_ablation(model, layer, *data(model))


def test_the_logits_before_a_softmax_layer_are_the_answer_too():
    model = colour()
    with pytest.raises(ValueError, match="whose outputs are the answer; choose"):
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
def test_data_that_does_not_fit_is_refused(change, message):
    model = grey()
    with pytest.raises(ValueError, match=message):
        filter_ablation(model, 0, *change(*data(model)))
