"""What explain shows adds up to the stored number, for any number of any model; and says where each term is from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import article_model, sample_digits
from random_models import models

from scratchcnn.inspection import explain, trace

some = settings(max_examples=60)
WHATS = ["output", "preactivation", "d_output", "d_preactivation", "d_input"]


def largest_of_source(found):
    if "," in found.terms.source:
        return np.abs(found.inputs).max()
    name, field = found.terms.source.split(".")
    return np.abs(getattr(found.trace[name], field)).max()


def check(found):
    """The terms are where they are said to be, and add up within a bound that is not vacuous."""
    terms = found.terms
    if found.known:
        assert found.adds_up, f"{found!r}: {found.output} against {found.stored}, allowed {found.bound}"
        scale = largest_of_source(found) * np.abs(terms.weights).sum() + abs(found.bias)
        assert terms.bound <= 3e-3 * scale + 1e-30, "the bound says nothing"
    else:
        assert found.adds_up is None
    assert found.inputs.shape == found.weights.shape == found.products.shape == terms.sources.shape[:-1]
    if "," not in terms.source:
        name, field = terms.source.split(".")
        array = getattr(found.trace[name], field)
        inside = terms.sources[terms.inside]
        np.testing.assert_array_equal(array[tuple(np.moveaxis(inside, -1, 0))], terms.inputs[terms.inside])


@some
@given(models(), st.data())
def test_the_arithmetic_adds_up_for_any_number_of_any_model(case, data):
    model, x, y = case
    found = trace(model, x, y, training=data.draw(st.booleans()), rng=1)
    for _ in range(6):
        layer = data.draw(st.sampled_from(found.layers))
        what = data.draw(st.sampled_from(WHATS))
        if what == "d_output" and layer.d_output is None:
            continue
        array = getattr(layer, what)
        place = tuple(data.draw(st.integers(0, length - 1)) for length in array.shape)
        check(explain(found, layer.name, place, what))
    for layer in found:
        for name, array in layer.gradients.items():
            place = tuple(data.draw(st.integers(0, length - 1)) for length in array.shape)
            check(explain(found, layer, place, "gradient", parameter=name))


@pytest.mark.parametrize("count", [1, 5])
def test_the_arithmetic_adds_up_in_the_articles_network(count):
    (x, y), _ = sample_digits()
    model = article_model(seed=3)
    for _ in range(2):
        model.train_on_batch(x[:50], y[:50])
    found, rng = trace(model, x[:count], y[:count], training=True), np.random.default_rng(0)
    assert found["conv2d_1"].algorithm.forward == "winograd_4x4"
    for layer in found:
        for what in WHATS:
            for _ in range(3 if (array := getattr(layer, what)) is not None else 0):
                check(explain(found, layer, tuple(rng.integers(0, array.shape)), what))
        for name, array in layer.gradients.items():
            for _ in range(3):
                check(explain(found, layer, tuple(rng.integers(0, array.shape)), "gradient", parameter=name))
