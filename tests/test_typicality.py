"""Typicality: uniform scores of held-out digits, low ones of pictures without a digit, the formula, invalid input."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from non_digits import LOOK_ALIKES, drawings, letters, noise, read_all

from scratchcnn import Sequential
from scratchcnn.datasets import mnist
from scratchcnn.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.typicality import RARE, RIDGE, Typicality

WHOLE = Path(os.environ.get("MNIST_FOLDER", "no folder"))


def floats(images):
    return images[..., None] / np.float32(255)


@pytest.fixture(scope="module")
def sample():
    (x_train, y_train), (x_test, _) = mnist.load_sample()
    return floats(x_train), y_train, floats(x_test)


@pytest.fixture(scope="module")
def model(sample):
    model = Sequential(
        [
            Conv2D(16, 3, activation="relu", input_shape=(28, 28, 1)),
            MaxPooling2D(),
            Conv2D(32, 3, activation="relu"),
            MaxPooling2D(),
            Flatten(),
            Dropout(0.5),
            Dense(64, activation="relu"),
            Dense(10, activation="softmax"),
        ],
        seed=0,
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    model.fit(*sample[:2], batch_size=32, epochs=6, verbose=0)
    return model


@pytest.fixture(scope="module")
def typicality(model):
    return Typicality(model)


def largest_difference(scores, others):
    """Kolmogorov and Smirnov's distance: the largest difference of two empirical distribution functions."""
    both = np.concatenate([scores, others])
    return max(abs((scores <= value).mean() - (others <= value).mean()) for value in both)


def test_scores_of_held_out_digits_are_uniform(model, sample):
    """The calibration has n = 500 images, and m = 500 others follow the same distribution.

    Smirnov (1948): distances above sqrt(-ln(alpha / 2) / 2 · (n + m) / (n m)) have probability alpha, here 1e-4.
    """
    x_train, y_train, x_test = sample
    scores = Typicality(model, (x_train, y_train), x_test[:500]).score(x_test[500:])
    critical = np.sqrt(-np.log(1e-4 / 2) / 2 * 1000 / 500**2)
    assert largest_difference(scores, np.arange(1, 502) / 501) < critical
    assert largest_difference(scores**2, np.arange(1, 502) / 501) > critical  # so the bound is not an empty one


@pytest.mark.skipif(not WHOLE.is_dir(), reason="MNIST_FOLDER is not a folder with all of MNIST")
def test_one_percent_of_the_test_digits_is_flagged(typicality):
    """Given n = 1,000 calibration images, the probability of a score below 1 % follows Beta(10, 991).

    Bates et al. (2023), section 2. Its quantiles at 0.0005 and 0.9995 are 0.24 % and 2.4 %, and the fraction of 10,000
    images has a standard deviation of 0.1 %.
    """
    _, (x_test, _) = mnist.load_data(WHOLE)
    assert 0.002 < np.mean(typicality.score(floats(x_test)) < RARE) < 0.025


def test_noise_is_flagged_more_often_than_by_the_probability(model, typicality, rng):
    images = read_all(noise(20, rng))
    assert len(images) > 15
    flagged = np.mean(typicality.score(images) < RARE)
    assert flagged > 0.95
    assert flagged > np.mean(model.predict(images).max(axis=1) < 0.9)


def test_most_drawings_are_refused_or_flagged(typicality, rng):
    pictures = list(drawings(3, rng))
    taken_for_digits = np.sum(typicality.score(read_all(pictures)) >= RARE)
    assert taken_for_digits < 0.2 * len(pictures)


def test_letters_are_refused_or_flagged_unless_they_look_like_a_digit(typicality, rng):
    pictures = [picture for picture in letters(1, rng) if picture.name.split(" ", 1)[1] in ("written", "Serif")]
    alike = [picture for picture in pictures if picture.name[0] in LOOK_ALIKES]
    others = [picture for picture in pictures if picture.name[0] not in LOOK_ALIKES]
    assert np.sum(typicality.score(read_all(others)) >= RARE) < 0.3 * len(others)
    assert np.sum(typicality.score(read_all(alike)) >= RARE) > 0.6 * len(alike)


def test_scores_have_a_range_dtype_and_shape(typicality, sample):
    for count in (1, 7):
        scores = typicality.score(sample[0][:count])
        assert scores.shape == (count,)
        assert scores.dtype == np.float64
        assert ((scores >= 1 / 1001) & (scores <= 1)).all()
    ramp = np.linspace(0, 1, 784).reshape(1, 28, 28, 1)
    assert typicality.score(ramp) == 1 / 1001  # the smallest


def test_score_is_the_rank_among_the_held_out_images(model, typicality, sample):
    """The held-out images themselves have every rank once."""
    assert sorted(typicality.score(sample[2]) * 1001) == pytest.approx(list(range(2, 1002)))
    few = Typicality(model, sample[:2], sample[2][:9])
    assert sorted(few.score(sample[2][:9]) * 10) == pytest.approx(list(range(2, 11)))


def test_scores_depend_on_each_image_alone(typicality, sample, rng):
    images = sample[0][:300]
    distances, order = typicality.distance(images), rng.permutation(300)
    # The features are the same bits, as `predict` does not depend on the batch. Their products with W, sums of 112
    # terms in float64, are rounded in another order in another place: far below 1e-9.
    np.testing.assert_allclose(typicality.distance(images[order]), distances[order], rtol=1e-9)
    np.testing.assert_allclose(typicality.distance(images[17:18]), distances[17:18], rtol=1e-9)
    np.testing.assert_array_equal(typicality.distance(images), distances)


def test_a_new_object_has_the_same_scores(model, typicality, sample):
    np.testing.assert_array_equal(Typicality(model).score(sample[0][:50]), typicality.score(sample[0][:50]))


def test_scores_are_those_of_the_weights_at_construction(sample):
    model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(8, activation="relu"), Dense(10)], seed=0)
    typicality = Typicality(model)
    before = typicality.score(sample[2][:20])
    model.set_weights([np.zeros_like(weights) for weights in model.get_weights()])
    np.testing.assert_array_equal(typicality.score(sample[2][:20]), before)


def distance_by_definition(blocks, labels, of_images):
    """The squared Mahalanobis distance, from the outputs of each block: of training images, and of the images."""
    features, queries = [], []
    for outputs, others in zip(blocks, of_images, strict=True):
        values, other = (np.sign(a) * np.sqrt(abs(a)) for a in (outputs.astype(float), others.astype(float)))
        residuals = np.stack(
            [value - values[labels == label].mean(0) for value, label in zip(values, labels, strict=True)]
        )
        scale = np.sqrt((residuals**2).mean())
        features.append(values / scale)
        queries.append(other / scale)
    features, queries = np.hstack(features), np.hstack(queries)
    means = {label: features[labels == label].mean(0) for label in np.unique(labels)}
    covariance = sum(
        np.outer(row - means[label], row - means[label]) for row, label in zip(features, labels, strict=True)
    ) / len(features)
    inverse = np.linalg.inv(covariance + RIDGE * np.eye(len(covariance)))
    return [min((query - mean) @ inverse @ (query - mean) for mean in means.values()) for query in queries]


@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_distance_follows_its_definition(rng, engine):
    model = Sequential(
        [
            Conv2D(3, 3, input_shape=(8, 9, 2)),
            Activation("relu"),
            MaxPooling2D(),
            Dropout(0.5),
            Flatten(),
            Dense(5),  # its activation is a layer of its own
            Activation("relu"),
            Dense(3, activation="softmax"),
        ],
        engine=engine,
        dtype="float64",
        seed=1,
    )
    x, labels = rng.normal(size=(60, 8, 9, 2)), rng.integers(0, 3, 60) * 4 + 1  # classes 1, 5 and 9
    outputs = []
    for end in (3, 7):
        head = Sequential(
            [type(layer).from_config(layer.get_config()) for layer in model.layers[:end]], dtype="float64"
        )
        head.build((None, 8, 9, 2))
        head.set_weights(model.get_weights()[: 2 if end == 3 else 4])
        y = head.predict(x)
        outputs.append(y.mean(axis=(1, 2)) if end == 3 else y)
    expected = distance_by_definition([y[:50] for y in outputs], labels[:50], [y[50:] for y in outputs])
    typicality = Typicality(model, (x[:50], labels[:50]), x[:30])
    np.testing.assert_allclose(typicality.distance(x[50:]), expected, rtol=1e-9)
    held_out = typicality.distance(x[:30])
    for score, distance in zip(typicality.score(x[50:]), expected, strict=True):
        assert score == pytest.approx((1 + (held_out >= distance).sum()) / 31)


def test_a_normalization_is_part_of_the_block_before_it(rng):
    """With moving averages of 0 and 1 it changes nothing, so the distances are those of the network without it."""

    def network(*normalized):
        first = [Conv2D(3, 3, input_shape=(8, 9, 2)), *normalized[:1], Activation("relu"), Flatten(), Dense(5)]
        model = Sequential([*first, *normalized[1:], Activation("relu"), Dense(3)], dtype="float64", seed=1)
        return Typicality(model, (x[:50], labels), x[:30])

    x, labels = rng.normal(size=(60, 8, 9, 2)), rng.integers(0, 3, 50)
    plain, normalized = network(), network(BatchNormalization(epsilon=1e-12), BatchNormalization(epsilon=1e-12))
    np.testing.assert_allclose(normalized.distance(x[50:]), plain.distance(x[50:]), rtol=1e-9)


def test_a_network_without_a_hidden_layer_is_judged_by_its_pixels(sample, rng):
    model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(10, activation="softmax")], seed=0)
    typicality = Typicality(model)
    np.testing.assert_array_equal(typicality.score(rng.random((20, 28, 28, 1))), 1 / 1001)
    assert np.median(typicality.score(sample[0][:200])) > 0.4


def test_dead_units_have_no_influence(sample):
    model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(8, activation="relu"), Dense(10)], seed=0)
    weights = model.get_weights()
    weights[0][:, :5] = 0
    model.set_weights(weights)
    few = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(3, activation="relu"), Dense(10)], seed=0)
    few.set_weights([weights[0][:, 5:], weights[1][5:], weights[2][5:], weights[3]])
    scores = [Typicality(network).score(sample[2]) for network in (model, few)]
    assert np.corrcoef(scores)[0, 1] > 0.99  # not equal: the ridge is relative to the mean variance of all units
    weights[0][:] = 0
    model.set_weights(weights)
    np.testing.assert_array_equal(Typicality(model).score(sample[2][:5]), 1)


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("images", "kind", "message"),
    [
        (np.zeros((28, 28, 1)), ValueError, r"images of shape \(samples, 28, 28, 1\), .* use x\[None\]"),
        (np.zeros((2, 28, 28)), ValueError, r"received \(2, 28, 28\). It has as many elements: use x.reshape"),
        (np.zeros((0, 28, 28, 1)), ValueError, "at least one sample"),
        (np.zeros((2, 28, 28, 3)), ValueError, r"received \(2, 28, 28, 3\)"),
        (np.full((2, 28, 28, 1), "a"), TypeError, "images as integers or floats"),
        (
            changed(np.zeros((2, 28, 28, 1)), (1, 3, 4, 0), np.nan),
            ValueError,
            r"nan in sample 1 at position \(3, 4, 0\)",
        ),
        (np.full((2, 28, 28, 1), 255, np.uint8), ValueError, r"in \[0, 1\], received 255 to 255; use normalizer"),
        (changed(np.zeros((2, 28, 28, 1)), 0, -0.5), ValueError, r"in \[0, 1\], received -0.5 to 0; "),
    ],
)
def test_invalid_images_are_rejected(typicality, images, kind, message):
    for method in (typicality.score, typicality.distance):
        with pytest.raises(kind, match=message):
            method(images)


SMALL = np.zeros((6, 4))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((), ValueError, r"a model for images \(28, 28, 1\), received one for \(4,\); give training and held_out"),
        (((SMALL, np.arange(6)),), ValueError, "together, received no held_out; give both or neither"),
        ((None, SMALL), ValueError, "together, received no training; give both or neither"),
        ((SMALL, SMALL), TypeError, r"training as \(images, labels\), received ndarray; give a pair"),
        (((SMALL, np.arange(5)), SMALL), ValueError, "received 6 images and 5 labels"),
        (((SMALL, np.arange(6.0)), SMALL), TypeError, "training labels as integers, received dtype float64"),
        (
            ((SMALL[:, 1:], np.arange(6)), SMALL),
            ValueError,
            r"training images of shape \(samples, 4\), received \(6, 3\)",
        ),
        (((SMALL, np.arange(6)), SMALL[:, 1:]), ValueError, r"held_out of shape \(samples, 4\), received \(6, 3\)"),
    ],
)
def test_invalid_data_are_rejected(arguments, kind, message):
    with pytest.raises(kind, match=message):
        Typicality(Sequential([Dense(3, input_shape=(4,)), Dense(2)]), *arguments)


def test_a_model_of_unknown_shape_is_rejected():
    with pytest.raises(ValueError, match="a model of known shape for Typicality"):
        Typicality(Sequential([Dense(3)]))
