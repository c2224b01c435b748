"""Training in the browser: random numbers, optimizers, steps and new networks, compared with Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_page import Pair, assert_equal, open_engine
from networks import set_random_weights

from scratchcnn import Sequential, initializers, reference
from scratchcnn.inspection.laboratory.network import network_data
from scratchcnn.inspection.laboratory.stored_weights import with_stored_weights
from scratchcnn.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from scratchcnn.optimizers import SGD, Adam

KEYS = [0, 3, 2**32 - 1, 2**63 + 12345, 2**64 - 1]


@pytest.fixture(scope="module", autouse=True)
def opened(driver) -> None:
    open_engine(driver)


@pytest.mark.parametrize("key", KEYS)
def test_random_bits_are_those_of_python(driver, key):
    highs, lows = driver.execute_script(
        "const highs = new Int32Array(500), lows = new Int32Array(500);"
        "engine.randomBits({ high: arguments[0], low: arguments[1] }, highs, lows);"
        "return [Array.from(highs, (bits) => bits >>> 0), Array.from(lows, (bits) => bits >>> 0)];",
        key >> 32, key & 0xFFFFFFFF,
    )  # fmt: skip
    found = (np.array(highs, np.uint64) << np.uint64(32)) | np.array(lows, np.uint64)
    assert (found == reference.random_bits(key, 500)).all()


def test_generator_is_uniform_and_determined_by_its_seed(driver):
    draw = (
        "const random = engine.createRandom(arguments[0]);"
        "return Array.from({ length: 20000 }, () => random.uniform());"
    )  # fmt: skip
    first, again, other = (np.array(driver.execute_script(draw, seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).all()
    counts = np.bincount((first * 20).astype(int), minlength=20)
    # The statistic has a chi-squared distribution with 19 degrees of freedom, whose 0.9999 quantile is 50.8.
    assert ((counts - 1000) ** 2 / 1000).sum() < 50.8
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 4 / np.sqrt(20000)


def test_permutations_contain_every_index_once(driver):
    found = driver.execute_script(
        "const random = engine.createRandom(5);"
        "return [1, 2, 300].map((count) => Array.from(random.permutation(count)));"
    )
    assert [sorted(each) for each in found] == [[0], [0, 1], list(range(300))]
    assert found[2] != sorted(found[2])


STEPS = """
    const [description, images, labels, name, settings, count, training] = arguments;
    const network = engine.createNetwork(description), optimizer = engine.createOptimizer(name, settings);
    const losses = Array.from({ length: count }, () =>
        engine.trainStep(network, optimizer, Float64Array.from(images), labels, { training }));
    return [losses, network.steps.map(({ parameters }) => parameters)];
"""


@pytest.mark.parametrize(
    ("optimizer", "name", "settings"),
    [
        (SGD(), "sgd", {}),
        (SGD(0.1, momentum=0.9), "sgd", {"learningRate": 0.1, "momentum": 0.9}),
        (Adam(), "adam", {}),
        (Adam(0.02, 0.8, 0.95, 0.1), "adam", {"learningRate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.1}),
    ],
    ids=["sgd", "momentum", "adam", "other adam"],
)
def test_training_steps_are_those_of_python(driver, optimizer, name, settings, rng):
    model = Sequential(
        [Conv2D(3, 2, activation="relu", input_shape=(6, 5, 1)), BatchNormalization(momentum=0.7), MaxPooling2D(),
         Flatten(), Dense(8, "tanh", name="frozen"), Dense(4, "softmax")], dtype="float64", engine="reference", seed=1
    )  # fmt: skip
    model.compile(optimizer, "sparse_categorical_crossentropy")
    set_random_weights(model, rng, 0.5)
    model.layers[4].trainable = False
    x, y = rng.standard_normal((7, 6, 5, 1)), rng.integers(0, 4, 7)
    description, exact = network_data(model), with_stored_weights(model)
    expected = [exact.train_on_batch(x, y) for _ in range(4)]
    losses, parameters = driver.execute_script(
        STEPS, description, x.ravel().tolist(), y.tolist(), name, settings, 4, True
    )
    assert_equal([Pair("losses", np.array(losses), np.ravel(expected))])
    by_layer = {step["layer"]: found for step, found in zip(description["steps"], parameters, strict=True) if found}
    for before, layer in zip(with_stored_weights(model).layers, exact.layers, strict=True):
        for key, array in layer.params.items():
            start = before.params[key].ravel()
            change = np.array(by_layer[layer.name][key]) - start
            assert_equal([Pair(f"change of {layer.name}/{key}", change, array.ravel() - start)])
            assert change.any() != (layer.name == "frozen")


def test_step_without_training_leaves_dropout_and_statistics_out(driver, rng):
    model = Sequential(
        [Dense(9, input_shape=(5,)), BatchNormalization(), Dropout(0.5), Dense(3, "softmax")], dtype="float64", seed=1
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    set_random_weights(model, rng)
    x, y = rng.standard_normal((6, 5)), rng.integers(0, 3, 6)
    description, exact = network_data(model), with_stored_weights(model)
    losses, parameters = driver.execute_script(
        STEPS, description, x.ravel().tolist(), y.tolist(), "sgd", {"learningRate": 0.1}, 1, False
    )
    assert losses[0] == pytest.approx(exact.evaluate(x, y, verbose=0), rel=1e-12)
    assert parameters[1]["moving_mean"] == exact.layers[1].params["moving_mean"].tolist()


def design(driver: Any, layers: list[dict[str, Any]], input_shape: list[int], seed: int = 0) -> list[dict[str, Any]]:
    """The steps of a new network, with their parameters as lists."""
    return driver.execute_script(
        "const [layers, inputShape, seed] = arguments;"
        "return engine.designNetwork({ layers, inputShape, seed }).steps;",
        layers, input_shape, seed,
    )  # fmt: skip


SMALL = [
    {"type": "Conv2D", "config": {"filters": 20, "kernel_size": [5, 5], "activation": "relu"}},
    {"type": "BatchNormalization"},
    {"type": "MaxPooling2D"},
    {"type": "Flatten"},
    {"type": "Dense", "config": {"units": 10, "activation": "softmax"}},
]


def test_new_network_has_glorot_uniform_kernels(driver):
    steps = design(driver, SMALL, [28, 28, 3])
    assert [step["type"] for step in steps] == [
        "Conv2D", "Activation", "BatchNormalization", "MaxPooling2D", "Flatten", "Dense", "Activation",
    ]  # fmt: skip
    assert steps[-1]["outputShape"] == [10]
    for step, shape in ((steps[0], (5, 5, 3, 20)), (steps[5], (12 * 12 * 20, 10))):
        kernel = np.array(step["parameters"]["kernel"])
        like = initializers.get("glorot_uniform")(shape, np.random.default_rng(0), np.dtype("float64"))
        assert kernel.size == like.size
        assert np.abs(kernel).max() <= (limit := np.abs(like).max() * 1.01)
        assert abs(kernel.mean()) < 5 * limit / np.sqrt(3 * kernel.size)
        assert kernel.std() == pytest.approx(like.std(), rel=5 / np.sqrt(kernel.size))
        assert not np.any(step["parameters"]["bias"])
    normalization = steps[2]["parameters"]
    assert normalization["gamma"] == normalization["moving_variance"] == [1] * 20
    assert normalization["beta"] == normalization["moving_mean"] == [0] * 20


def test_seed_determines_a_new_network(driver):
    first, again, other = (design(driver, SMALL, [9, 9, 1], seed)[0]["parameters"]["kernel"] for seed in (4, 4, 5))
    assert first == again
    assert first != other


def test_layer_that_does_not_fit_is_an_error(driver):
    message = driver.execute_script(
        "try { engine.designNetwork({ layers: arguments[0], inputShape: [4, 4, 1] }); }"
        "catch (error) { return error.message; }",
        SMALL,
    )
    assert message == "Expected an input that fits 1 Conv2D, received one of shape 4 × 4 × 1."


AUGMENT = """
    const [image, shape, settings, seed] = arguments;
    return engine.augmentImages(Float64Array.from(image), 1, shape, engine.createRandom(seed), settings);
"""


def test_augmentation_without_change_returns_the_image(driver, rng):
    image = rng.random((6, 5, 2))
    settings = {"shift": 0, "degrees": 0, "zoom": 0}
    found = driver.execute_script(AUGMENT, image.ravel().tolist(), [6, 5, 2], settings, 0)
    assert np.allclose(np.reshape(found, image.shape), image, rtol=0, atol=1e-14)


def test_augmentation_moves_the_image_at_most_by_the_shift(driver):
    """The centre of gravity of one pixel moves by the shift, as bilinear interpolation keeps it."""
    image = np.zeros((15, 15))
    image[7, 7] = 1
    moves = []
    for seed in range(20):
        settings = {"shift": 3, "degrees": 40, "zoom": 0}  # the angle does not move the middle
        found = np.reshape(
            driver.execute_script(AUGMENT, image.ravel().tolist(), [15, 15, 1], settings, seed), (15, 15)
        )
        assert 0.5 < found.sum() < 1.5
        rows, columns = np.indices((15, 15)) - 7
        moves.append(((found * rows).sum() / found.sum(), (found * columns).sum() / found.sum()))
    assert np.abs(moves).max() < 3.5
    assert np.ptp(moves, axis=0).min() > 2


def test_training_run_sees_every_image_once_an_epoch(driver, rng):
    """With a learning rate of 0, the mean of the batches' losses is the loss of all images."""
    model = Sequential(
        [Flatten(input_shape=(3, 3, 1)), Dense(4, "softmax")], dtype="float64", engine="reference", seed=0
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = rng.standard_normal((21, 3, 3, 1)), rng.integers(0, 4, 21)
    progress = driver.execute_script(
        "const [description, images, labels] = arguments, network = engine.createNetwork(description);"
        "const settings = { epochs: 2, batchSize: 8, optimizer: { name: 'sgd', learningRate: 0 }, seed: 3 };"
        "return Array.from(engine.trainingSteps(network, Float64Array.from(images), labels, settings));",
        network_data(model), x.ravel().tolist(), y.tolist(),
    )  # fmt: skip
    assert [each["step"] for each in progress] == [1, 2, 3, 4, 5, 6]
    assert {each["steps"] for each in progress} == {6}
    assert [each["epoch"] for each in progress] == [0, 0, 0, 1, 1, 1]
    losses = np.array([each["loss"] for each in progress]).reshape(2, 3)
    whole = with_stored_weights(model).evaluate(x, y, verbose=0)
    assert (losses @ [8, 8, 5] / 21).tolist() == pytest.approx([whole, whole], rel=1e-12)
    assert losses[0, 0] != losses[1, 0]  # another order
