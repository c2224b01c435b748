"""The worker and its client: requests and their answers, outdated images, long requests, and a network from scratch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from browser import complaints
from engine_page import Pair, ask, assert_equal, open_worker
from networks import sample_digits, set_random_weights

from scratchcnn import Sequential
from scratchcnn.inspection import occlusion, trace
from scratchcnn.inspection.laboratory.from_scratch import LAYERS, TRAINING
from scratchcnn.inspection.laboratory.network import network_data
from scratchcnn.inspection.laboratory.stored_weights import with_stored_weights
from scratchcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D

IMAGES, HELD_OUT = 600, 500
SECONDS = 60  # for a network from scratch; about 5 were measured


@pytest.fixture(scope="module", autouse=True)
def opened(driver) -> Any:
    open_worker(driver)
    yield
    assert complaints(driver) == []


@pytest.fixture(scope="module")
def model() -> Sequential:
    """A small network for images of digits, with the weights of its page."""
    model = Sequential(
        [Conv2D(4, 5, strides=2, activation="relu", input_shape=(28, 28, 1)), MaxPooling2D(), Dropout(0.5), Flatten(),
         Dense(10, "softmax")], dtype="float64", engine="reference", seed=0
    )  # fmt: skip
    model.compile("sgd", "sparse_categorical_crossentropy")
    set_random_weights(model, np.random.default_rng(2), 0.1)
    return with_stored_weights(model)


@pytest.fixture
def loaded(driver, model) -> Any:
    """The browser, with the network in the worker under the name 'digits'."""
    ask(driver, "return engine.ask('load', { name: 'digits', description: args[0] })", network_data(model))
    return driver


@pytest.fixture(scope="module")
def digits() -> Any:
    (x, y), (x_test, y_test) = sample_digits()
    return (x[:IMAGES].astype(np.float64), y[:IMAGES]), (x_test[:HELD_OUT].astype(np.float64), y_test[:HELD_OUT])


def flat(array: np.ndarray) -> list[float]:
    return array.ravel().tolist()


def test_load_returns_the_steps_without_their_weights(driver, model):
    found = ask(driver, "return engine.ask('load', { name: 'a', description: args[0] })", network_data(model))
    expected = network_data(model)["steps"]
    assert found["steps"] == [{name: step[name] for name in step if name != "parameters"} for step in expected]


def test_forward_and_backward_are_those_of_python(loaded, model, digits):
    (x, y), _ = digits
    seen = trace(model, x[:1], y[:1])
    found = ask(loaded, "return engine.forward('digits', args[0])", flat(x[0]))
    assert_equal([Pair("output", np.array(found["values"][-1]), seen.probabilities[0])])
    assert found["predictions"] == found["values"][-1]
    both = ask(loaded, "return engine.ask('backward', { name: 'digits', image: args[0], label: args[1] })",
               flat(x[0]), int(y[0]))  # fmt: skip
    assert both["loss"] == pytest.approx(seen.loss, rel=1e-12)
    assert both["values"] == found["values"]
    assert both["gradients"][-1] is None  # softmax and loss are one
    kernel = np.array(both["parameters"][0]["kernel"])
    assert_equal([Pair("kernel gradient", kernel, seen["conv2d"].gradients["kernel"].ravel())])
    image = np.array(both["gradients"][0])
    assert_equal([Pair("input gradient", image, seen["conv2d"].d_input.ravel())])


def test_outdated_images_are_dropped(loaded, digits):
    """The first image is computed at once; of the others, only the newest is, when the first is done."""
    (x, _), _ = digits
    found = ask(
        loaded,
        "const found = await Promise.all(args[0].map((image) => engine.forward('digits', image)));"
        "return found.map((each) => each && each.values[0]);",
        [flat(image) for image in x[:6]],
    )
    assert found == [flat(x[0]), None, None, None, None, flat(x[5])]


def test_images_of_another_network_are_not_outdated(loaded, model, digits):
    (x, _), _ = digits
    found = ask(
        loaded,
        "await engine.ask('load', { name: 'other', description: args[1] });"
        "const names = ['digits', 'other', 'digits', 'other'];"
        "return (await Promise.all(names.map((name) => engine.forward(name, args[0])))).map((each) => each !== null);",
        flat(x[0]), network_data(model),
    )  # fmt: skip
    assert found == [True] * 4


UNKNOWN = [{"type": "LSTM"}], [{"type": "Activation", "config": {"activation": "max"}}]


@pytest.mark.parametrize(
    ("kind", "request_", "message"),
    [
        ("forward", {"name": "unknown", "image": []}, "Expected the name of a loaded or created network, "),
        ("forwards", {"name": "digits"}, "Expected a kind among load, create, forward"),
        ("toString", {}, "Expected a kind among load"),
        ("forward", {"name": "digits", "image": [1, 2]}, "Expected 784 values for 1 images, received 2."),
        ("step", {"name": "digits", "images": [0.0] * 784, "labels": [1], "optimizer": {"name": "rmsprop"}},
         "Expected an optimizer among sgd, adam, received rmsprop."),
        ("create", {"name": "new", "inputShape": [3], "layers": UNKNOWN[0]}, "Expected a type among Conv2D"),
        ("create", {"name": "new", "inputShape": [3], "layers": UNKNOWN[1]}, "Expected an activation among linear"),
    ],
)  # fmt: skip
def test_errors_arrive_at_the_page(loaded, kind, request_, message):
    found = ask(
        loaded,
        "try { await engine.ask(args[0], args[1]); } catch (error) { return error.message; }",
        kind, request_,
    )  # fmt: skip
    assert found.startswith(message)


def test_predictions_and_accuracy_are_those_of_python(loaded, model, digits):
    x, y = digits[1]
    found = ask(
        loaded,
        "const [images, labels] = args, name = 'digits';"
        "const { accuracy, answers } = await engine.ask('evaluate', { name, images, labels });"
        "const { predictions } = await engine.ask('predict', { name, images });"
        "return { accuracy, answers, predictions };",
        flat(x[:70]), y[:70].tolist(),
    )  # fmt: skip
    expected = model.predict(x[:70], verbose=0)
    assert_equal([Pair("predictions", np.array(found["predictions"]), expected.ravel())])
    assert found["answers"] == expected.argmax(axis=1).tolist()
    assert found["accuracy"] == (expected.argmax(axis=1) == y[:70]).mean()


def test_steps_lower_the_loss_report_all_changes_and_can_be_reset(loaded, model, digits):
    (x, _), _ = digits
    found = ask(
        loaded,
        "const name = 'digits', optimizer = { name: 'sgd', learningRate: 0.05, momentum: 0.9 };"
        "const ask = (kind, request = {}) => engine.ask(kind, { name, ...request });"
        "const step = (steps) => ask('step', { images: args[0], labels: [7], optimizer, steps });"
        "const initial = await ask('parameters'), first = await step(1), second = await step(1);"
        "const now = await ask('parameters');"
        "await ask('reset');"
        "return { initial, first, second, now, reset: await ask('parameters'), both: await step(2) };",
        flat(x[0]),
    )
    assert found["first"]["after"] < found["first"]["before"] == found["first"]["losses"][0]
    assert found["reset"] == found["initial"]
    # The state of the optimizer is kept from step to step, and reset with the parameters.
    assert found["both"]["losses"] == [*found["first"]["losses"], found["second"]["after"]]
    exact = model.clone()
    exact.layers[2].rate = 0.0
    gradient = trace(exact, x[:1], np.array([7]))["conv2d"].gradients["kernel"].ravel()
    change = np.array(found["first"]["changes"][0]["kernel"])
    assert np.abs(change + 0.05 * gradient).max() < 1e-12
    total = change + np.array(found["second"]["changes"][0]["kernel"])
    moved = [np.array(found[when][0]["kernel"]) for when in ("now", "initial")]
    assert np.abs(moved[0] - moved[1] - total).max() < 1e-14


def test_occlusion_is_that_of_python(loaded, model, digits):
    (x, y), _ = digits
    expected = occlusion(model, x[3], int(y[3]), size=(6, 5), stride=4, fill=0.5)
    found = ask(
        loaded,
        "const request = { name: 'digits', image: args[0], label: args[1], size: [6, 5], stride: 4, fill: 0.5 };"
        "return engine.ask('occlusion', request);",
        flat(x[3]), int(y[3]),
    )  # fmt: skip
    assert found["baseline"] == pytest.approx(expected.baseline[y[3]], rel=1e-12)
    assert_equal([Pair("map", np.array(found["map"]), expected.map.ravel())])


def test_ascent_reaches_the_class_within_the_range_of_pixels(loaded, model, digits):
    (x, y), _ = digits
    target = (int(y[0]) + 5) % 10
    found = ask(
        loaded,
        "const frames = [];"
        "const request = { name: 'digits', image: args[0], label: args[1], until: 0.4, steps: 60 };"
        "const { done } = engine.start('ascend', request, ({ image, predictions, loss }) =>"
        "    frames.push({ image, predictions, loss }));"
        "return { ...(await done), seen: frames };",
        flat(x[0]), target,
    )  # fmt: skip
    frames = found["seen"]
    assert found["frames"] == len(frames) <= 61
    assert frames[0]["image"] == flat(x[0])
    assert min(min(each["image"]) for each in frames) >= 0
    assert max(max(each["image"]) for each in frames) <= 1
    assert frames[0]["predictions"][target] < 0.4 <= frames[-1]["predictions"][target]
    assert all(each["predictions"][target] < 0.4 for each in frames[:-1])
    last = np.reshape(frames[-1]["image"], (1, 28, 28, 1))
    assert_equal([Pair("last frame", np.array(frames[-1]["predictions"]), model.predict(last, verbose=0)[0])])


TRAIN = """
    const [[images, labels], [heldOutImages, heldOutLabels], layers, settings, stopAfter] = args;
    const name = 'scratch', heldOut = { images: heldOutImages, labels: heldOutLabels };
    await engine.ask('create', { name, inputShape: [28, 28, 1], layers, seed: 1 });
    const progress = [], answers = [];
    const training = engine.start('train', { name, images, labels, heldOut, ...settings }, (each) => {
        progress.push({ ...each, at: performance.now() });
        if (each.step === 3) engine.forward(name, images.slice(0, 784)).then(() => answers.push(progress.length));
        if (each.step === stopAfter) training.stop();
    });
    return { ...(await training.done), progress, answers };
"""


def train(driver: Any, digits: Any, settings: dict[str, Any], stop_after: int | None = None) -> dict[str, Any]:
    arrays = [[flat(x), y.tolist()] for x, y in digits]
    return ask(driver, TRAIN, *arrays, LAYERS, settings, stop_after)


def test_network_from_scratch_reads_nine_of_ten_held_out_digits_within_a_minute(driver, digits):
    found = train(driver, digits, {**TRAINING, "every": 100})
    assert found["accuracy"] >= 0.9
    assert not found["stopped"]
    progress = found["progress"]
    times = np.diff([each["at"] for each in progress]) / 1000
    assert np.median(times) * len(progress) < SECONDS  # a busy machine delays some of the steps
    assert [each["step"] for each in progress] == list(range(1, 8 * 38 + 1))
    assert [each["step"] for each in progress if each["accuracy"] is not None] == list(range(100, 305))
    losses = [each["loss"] for each in progress]
    assert np.mean(losses[-30:]) < 0.3 * np.mean(losses[:30])
    assert len(found["answers"]) == 1
    assert found["answers"][0] < len(progress) / 2  # the worker answers between two steps


@pytest.mark.parametrize("kind", ["occlusion", "ascend", "train"])
def test_vectors_are_no_images(driver, kind):
    """Neither patches nor strokes nor shifts exist for a network whose input is a vector."""
    found = ask(
        driver,
        "const layers = [{ type: 'Dense', config: { units: 3, activation: 'softmax' } }], name = 'vectors';"
        "await engine.ask('create', { name, inputShape: [4], layers });"
        "const values = [1, 2, 3, 4], request = { name, image: values, label: 0, images: values, labels: [0] };"
        "try { await engine.ask(args[0], { ...request, augmentation: {} }); } catch (error) { return error.message; }",
        kind,
    )
    assert found == "Expected images, received samples of shape 4."


def test_seed_determines_dropout_in_steps_with_training(loaded, digits):
    (x, y), _ = digits
    found = ask(
        loaded,
        "const name = 'digits', optimizer = { name: 'sgd', learningRate: 1 }, losses = [];"
        "for (const [training, seed] of [[true, 1], [true, 1], [true, 2], [false, 1], [false, 2]]) {"
        "    await engine.ask('reset', { name });"
        "    const request = { name, images: args[0], labels: args[1], optimizer, training, seed };"
        "    losses.push((await engine.ask('step', request)).after);"
        "}"
        "return losses;",
        flat(x[:2]), y[:2].tolist(),
    )  # fmt: skip
    assert found[0] == found[1] != found[2]
    assert found[3] == found[4] not in (found[0], found[2])


def test_long_requests_use_the_network_as_it_was_and_let_others_in(loaded, model, digits):
    """An evaluation of 100 images is asked for before a step; an image is classified before either is done."""
    x, y = digits[1]
    found = ask(
        loaded,
        "const [images, labels] = args, name = 'digits', order = [];"
        "const noted = (what) => (result) => { order.push(what); return result; };"
        "const evaluation = engine.ask('evaluate', { name, images, labels }).then(noted('evaluation'));"
        "const optimizer = { name: 'sgd', learningRate: 1 };"
        "const steps = engine.ask('step', { name, images, labels, optimizer, steps: 2 }).then(noted('steps'));"
        "const image = engine.forward(name, images.slice(0, 784)).then(noted('image'));"
        "const [{ predictions }] = await Promise.all([evaluation, steps, image]);"
        "return { predictions, order };",
        flat(x[:100]), y[:100].tolist(),
    )  # fmt: skip
    assert_equal([Pair("predictions", np.array(found["predictions"]), model.predict(x[:100], verbose=0).ravel())])
    assert found["order"][0] == "image"


def test_steps_can_be_stopped(loaded, digits):
    (x, y), _ = digits
    found = ask(
        loaded,
        "const request = { name: 'digits', images: args[0], labels: args[1], steps: 10000 };"
        "const steps = engine.start('step', request, ({ step }) => { if (step === 3) steps.stop(); });"
        "return (await steps.done).losses;",
        flat(x[:1]), y[:1].tolist(),
    )  # fmt: skip
    assert 4 <= len(found) < 1000
    assert found[-1] < found[0]


def test_training_stops_after_the_current_step(driver, digits):
    found = train(driver, digits, {"epochs": 50, "batchSize": 16}, stop_after=5)
    assert found["stopped"]
    assert 5 <= len(found["progress"]) < found["progress"][0]["steps"] / 2
    assert 0 <= found["accuracy"] <= 1
