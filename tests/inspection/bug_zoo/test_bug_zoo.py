"""The bug zoo: every bug is found by its check, the healthy model passes it, and the symptom is visible."""

import functools

import numpy as np
import pytest
from legible import assert_legible
from networks import small_data, small_model

from scratchcnn import kernels, reference
from scratchcnn.inspection import bug_zoo
from scratchcnn.layers import Dense, Flatten
from scratchcnn.sequential import Sequential

CLASSICS = {
    "missing_1_over_n", "kernel_not_flipped", "wrong_flatten_order", "dropout_not_scaled",
    "dropout_on_at_test_time", "adam_without_bias_correction", "bias_gradient_over_wrong_axes", "im2col_column_order",
    "pool_gradient_to_every_tie", "softmax_without_max", "unscaled_validation", "labels_off_by_one", "stale_cache",
}  # fmt: skip
IN_MODELS = [name for name in bug_zoo.names() if not bug_zoo.exhibit(name).in_data]


@pytest.fixture(scope="module")
def healthy():
    return bug_zoo.healthy()


@pytest.fixture(scope="module")
def found_when_healthy(healthy):
    """Whether the check of an exhibit finds a bug in the healthy case; many exhibits have the same check."""
    found = {}

    def found_by(exhibit):
        if exhibit.check not in found:
            found[exhibit.check] = exhibit.find(healthy).found
        return found[exhibit.check]

    return found_by


@functools.cache
def symptom_of(name):
    """Two trainings, one with the bug."""
    return bug_zoo.exhibit(name).symptom()


def test_exhibits_include_the_classic_bugs():
    assert set(bug_zoo.names()) >= CLASSICS
    assert len(bug_zoo.names()) == len(set(bug_zoo.names())) >= 20


@pytest.mark.parametrize("name", bug_zoo.names())
def test_check_finds_the_bug_and_passes_the_healthy_case(name, found_when_healthy):
    exhibit = bug_zoo.exhibit(name)
    found = exhibit.find()
    assert found.found, str(found)
    assert exhibit.check.call in str(found)
    assert max(map(len, str(found).splitlines())) <= 120
    assert not found_when_healthy(exhibit)


@pytest.mark.parametrize("name", bug_zoo.names())
def test_symptom_is_visible(name):
    symptom = symptom_of(name)
    assert symptom.visible, str(symptom)
    assert abs(symptom.faulty - symptom.healthy) >= abs(bug_zoo.exhibit(name).shift)
    assert symptom.quantity in str(symptom)


@pytest.mark.parametrize("name", bug_zoo.names())
def test_description_has_bug_fix_symptom_hint_and_check(name):
    text = bug_zoo.describe(name)
    for label in ("bug", "fix", "symptom", "hint", "check"):
        assert sum(line.startswith(f"{label} ") for line in text.splitlines()) == 1
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", IN_MODELS)
def test_bug_can_be_planted_in_another_model(name):
    model = small_model(seed=0)
    if name == "kernel_not_flipped":
        model = bug_zoo.healthy().model  # only a second convolution computes an input gradient
    before = model.get_weights()
    faulty = bug_zoo.plant(model, name)
    assert isinstance(faulty, Sequential)
    assert faulty is not model
    assert faulty.input_shape == model.input_shape
    shapes = [[weight.shape for weight in each] for each in (before, faulty.get_weights())]
    assert shapes[0] == shapes[1]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    if name != "zero_kernels":
        for old, new in zip(before, faulty.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    shape = (8, *model.input_shape[1:])
    faulty.train_on_batch(np.random.default_rng(0).random(shape), np.arange(8) % model.output_shape[-1])


def test_planting_changes_neither_engines_nor_layer_classes(healthy):
    before = [{name: getattr(engine, name) for name in dir(engine)} for engine in (kernels, reference)]
    layers = {name: member for name, member in vars(Dense).items() if callable(member)}
    for name in bug_zoo.names():
        bug_zoo.exhibit(name).plant(healthy)
    assert [{name: getattr(engine, name) for name in dir(engine)} for engine in (kernels, reference)] == before
    assert {name: member for name, member in vars(Dense).items() if callable(member)} == layers


def test_symptoms_are_reproducible():
    name = "dropout_on_at_test_time"
    one, other = symptom_of(name), bug_zoo.exhibit(name).symptom()
    assert (one.healthy, one.faulty) == (other.healthy, other.faulty)
    np.testing.assert_array_equal(one.faulty_losses, other.faulty_losses)


def test_invalid_arguments_are_errors():
    model = small_model(seed=0)
    with pytest.raises(ValueError, match=r"Did you mean 'stale_cache'\?"):
        bug_zoo.describe("stale_cash")
    with pytest.raises(ValueError, match="a bug in the data, received a model"):
        bug_zoo.plant(model, "labels_off_by_one")
    with pytest.raises(TypeError, match="Expected a model or a Case"):
        bug_zoo.plant(small_data(3), "stale_cache")
    plain = Sequential([Flatten(input_shape=(9, 8, 1)), Dense(5, activation="softmax")], seed=0)
    plain.compile(optimizer="sgd", loss="categorical_crossentropy")
    for name, missing in (
        ("kernel_not_flipped", "a Conv2D"), ("stale_cache", "a Dense"), ("dropout_not_scaled", "a Dropout"),
        ("uphill", "Adam as optimizer"), ("missing_1_over_n", "SparseCategoricalCrossentropy as loss"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=missing):
            bug_zoo.plant(plain, name)


@pytest.mark.parametrize("name", ["missing_1_over_n", "softmax_without_max", "uphill", "softmax_twice"])
def test_figure_of_a_symptom_is_legible(name, tmp_path):
    symptom = symptom_of(name)
    figure = symptom.plot(tmp_path / "symptom.png")
    assert (tmp_path / "symptom.png").stat().st_size > 10_000
    axes = figure.axes[0]
    assert_legible(axes)
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), symptom.healthy_losses)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0] == "healthy"
    assert labels[1].startswith("with the bug")
    assert any("NaN after" in label for label in labels) == (not np.isfinite(symptom.faulty_losses).all())


def test_symptom_without_training_has_no_figure():
    with pytest.raises(ValueError, match="which is measured without it"):
        bug_zoo.exhibit("pool_gradient_to_every_tie").symptom().plot()
