"""The bug zoo: every mistake is found by its tool, no healthy twin is accused, and the symptom is there to be seen."""

import numpy as np
import pytest
from legible import assert_legible
from networks import small_data, small_model

from scratchcnn import kernels, reference
from scratchcnn.inspection import bug_zoo
from scratchcnn.layers import Dense, Flatten
from scratchcnn.sequential import Sequential

ASKED_FOR = {
    "missing_1_over_n", "kernel_not_turned_round", "wrong_flatten_order", "dropout_not_scaled",
    "dropout_on_at_test_time", "adam_without_bias_correction", "bias_gradient_over_wrong_axes", "im2col_column_order",
    "pool_gradient_to_every_tie", "softmax_without_max", "unscaled_validation", "labels_off_by_one", "stale_cache",
}  # fmt: skip
IN_MODELS = [name for name in bug_zoo.names() if bug_zoo.exhibit(name).place == "model"]


@pytest.fixture(scope="module")
def healthy():
    return bug_zoo.healthy()


def test_the_classics_are_there():
    assert set(bug_zoo.names()) >= ASKED_FOR
    assert len(bug_zoo.names()) == len(set(bug_zoo.names())) >= 20


@pytest.mark.parametrize("name", bug_zoo.names())
def test_every_mistake_is_found_and_the_healthy_twin_is_not_accused(name, healthy):
    exhibit = bug_zoo.exhibit(name)
    found = exhibit.find()
    assert found.found, str(found)
    assert exhibit.tool in str(found)
    assert max(map(len, str(found).splitlines())) <= 120
    assert not exhibit.find(healthy).found


@pytest.mark.parametrize("name", bug_zoo.names())
def test_every_symptom_is_there_to_be_seen(name):
    symptom = bug_zoo.exhibit(name).symptom()
    assert symptom.visible, str(symptom)
    assert abs(symptom.sick - symptom.healthy) >= abs(bug_zoo.exhibit(name).shift)
    assert symptom.quantity in str(symptom)


@pytest.mark.parametrize("name", bug_zoo.names())
def test_every_description_says_what_is_wrong_and_how_to_find_it(name):
    text = bug_zoo.describe(name)
    for label in ("wrong", "right", "symptom", "hint", "tool"):
        assert sum(line.startswith(f"{label} ") for line in text.splitlines()) == 1
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", IN_MODELS)
def test_it_can_be_planted_in_a_model_of_ones_own(name):
    model = small_model(seed=0)
    if name == "kernel_not_turned_round":
        model = bug_zoo.healthy().model  # a second convolution is needed for dX to matter
    before = model.get_weights()
    sick = bug_zoo.plant(model, name)
    assert isinstance(sick, Sequential)
    assert sick is not model
    assert sick.input_shape == model.input_shape
    shapes = [[weight.shape for weight in each] for each in (before, sick.get_weights())]
    assert shapes[0] == shapes[1]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    if name != "zero_kernels":
        for old, new in zip(before, sick.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    shape = (8, *model.input_shape[1:])
    sick.train_on_batch(np.random.default_rng(0).random(shape), np.arange(8) % model.output_shape[-1])


def test_planting_changes_nothing_that_is_shared():
    before = [{name: getattr(room, name) for name in dir(room)} for room in (kernels, reference)]
    layers = {name: member for name, member in vars(Dense).items() if callable(member)}
    for name in bug_zoo.names():
        bug_zoo.planted(name)
    assert [{name: getattr(room, name) for name in dir(room)} for room in (kernels, reference)] == before
    assert {name: member for name, member in vars(Dense).items() if callable(member)} == layers


def test_symptoms_are_the_same_each_time():
    one, other = (bug_zoo.exhibit("dropout_on_at_test_time").symptom() for _ in range(2))
    assert (one.healthy, one.sick) == (other.healthy, other.sick)
    np.testing.assert_array_equal(one.sick_losses, other.sick_losses)


def test_what_cannot_be_planted():
    model = small_model(seed=0)
    with pytest.raises(ValueError, match=r"Did you mean 'stale_cache'\?"):
        bug_zoo.describe("stale_cash")
    with pytest.raises(ValueError, match="a mistake in the data, received a model"):
        bug_zoo.plant(model, "labels_off_by_one")
    with pytest.raises(TypeError, match="Expected a model or a Case"):
        bug_zoo.plant(small_data(3), "stale_cache")
    plain = Sequential([Flatten(input_shape=(9, 8, 1)), Dense(5, activation="softmax")], seed=0)
    plain.compile(optimizer="sgd", loss="categorical_crossentropy")
    for name, missing in (
        ("kernel_not_turned_round", "a Conv2D"), ("stale_cache", "a Dense"), ("dropout_not_scaled", "a Dropout"),
        ("uphill", "trained by Adam"), ("missing_1_over_n", "the loss 'sparse_categorical_crossentropy'"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=missing):
            bug_zoo.plant(plain, name)


@pytest.mark.parametrize("name", ["missing_1_over_n", "softmax_without_max", "uphill", "softmax_twice"])
def test_the_picture_of_a_symptom_can_be_read(name, tmp_path):
    symptom = bug_zoo.exhibit(name).symptom()
    figure = symptom.plot(tmp_path / "symptom.png")
    assert (tmp_path / "symptom.png").stat().st_size > 10_000
    axes = figure.axes[0]
    assert_legible(axes)
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), symptom.healthy_losses)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0] == "healthy"
    assert labels[1].startswith("with the mistake")
    assert any("NaN after" in label for label in labels) == (not np.isfinite(symptom.sick_losses).all())


def test_a_symptom_without_training_has_no_picture():
    with pytest.raises(ValueError, match="for which nothing is trained"):
        bug_zoo.exhibit("pool_gradient_to_every_tie").symptom().plot()
