"""The engine in a browser: values and gradients of every layer, activation and loss equal those of Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from browser import chromium
from engine_page import Pair, open_engine, pairs_of, run_pass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_models import models

from scratchcnn import Sequential
from scratchcnn.inspection import trace
from scratchcnn.inspection.laboratory.network import network_data
from scratchcnn.inspection.laboratory.stored_weights import with_stored_weights
from scratchcnn.layers import Dropout

# Both sides compute in float64, from the same float16 weights. A sum of K products has a rounding error of at most K u
# times the sum of their magnitudes, u = 2^-53. With K below 10,000 and at most 40 steps that is 4e-11, if the sums of
# magnitudes are not much larger than the largest result. This leaves a factor of 25 for those that are.
RELATIVE = 1e-9
# A gradient may be zero except for rounding, as that of a bias before a batch normalization: its terms cancel. The
# terms are not larger than the largest gradient of the network, and the rounding error is K u times their number.
CANCELLED = 1e-12


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Any:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        open_engine(driver)
        yield driver


def assert_equal(pairs: list[Pair]) -> None:
    """All arrays agree relative to their largest magnitude."""
    largest = max((np.abs(pair.python).max(initial=0) for pair in pairs), default=0)
    for name, engine, python in pairs:
        assert engine.shape == python.shape, name
        bound = RELATIVE * np.abs(python).max(initial=0) + CANCELLED * largest
        assert np.abs(engine - python).max(initial=0) <= bound, name


def compare(driver: Any, model: Sequential, x: np.ndarray, y: np.ndarray | None, training: bool, seed: int = 0) -> None:
    """The engine's pass and that of Python, in float64, have the same values, gradients, losses and statistics."""
    exact = with_stored_weights(model)
    generator = np.random.default_rng(seed)
    dropouts = [layer for layer in model.leaf_layers if isinstance(layer, Dropout) and layer.rate and training]
    keys = [generator.integers(2**64, dtype=np.uint64) for _ in dropouts]
    expected = trace(exact, x, y, training=training, rng=np.random.default_rng(seed))
    found = run_pass(driver, model, x, y, training, keys)
    values, gradients = pairs_of(found, network_data(model)["steps"], expected)
    assert_equal(values)
    assert_equal([Pair("predictions", np.array(found["predictions"]), expected.probabilities.ravel())])
    if y is not None:
        assert_equal(gradients)
        assert_equal([Pair("losses", np.array(found["losses"]), expected.losses)])


@given(case=models(engine="reference", own_activation=False, dtypes=("float64",)), training=st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_random_models_have_the_values_and_gradients_of_python(driver, case, training):
    model, x, y = case
    compare(driver, model, x, y, training)
