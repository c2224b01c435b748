"""What the tests share: Keras's backend, hypothesis without a clock, random numbers, the bound on rounding errors."""

import os
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import settings

# Read when Keras and JAX are first imported, which only tests/keras does.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "true")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")  # every model is compiled for a handful of calls

# The first call of a kernel may compile it, so no single example has a time limit.
settings.register_profile("scratchcnn", deadline=None)
settings.load_profile("scratchcnn")

RoundingBound = Callable[..., np.ndarray]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


@pytest.fixture(scope="session")
def rounding_bound() -> RoundingBound:
    return _rounding_bound


def _rounding_bound(magnitude, terms: int, dtype, peer_dtype=np.float64) -> np.ndarray:
    """How far a sum of products in `dtype` may lie from the same sum in `peer_dtype`.

    With unit roundoff u = eps / 2, a sum of n products is off by at most gamma_n * sum |a_i * b_i|, where
    gamma_n = n * u / (1 - n * u), in any order of summation, whether or not multiply and add are fused (Higham
    2002, "Accuracy and stability of numerical algorithms", section 3.1 and equation 3.4). Either side may be off by its
    own gamma. What underflows on the way loses at most the smallest normal number for each term.

    Parameters
    ----------
    magnitude : array
        The same operation on absolute values: sum |a_i * b_i|.
    terms : int
        n: terms of the sum. Three more are allowed for a bias, a scale, and the rounding of `magnitude` itself.
    """
    n = terms + 3
    gammas, tiny = 0.0, 0.0
    for each in (np.dtype(dtype), np.dtype(peer_dtype)):
        u = np.finfo(each).eps / 2
        gammas += n * u / (1 - n * u)
        tiny = max(tiny, n * float(np.finfo(each).tiny))
    return gammas * np.asarray(magnitude, np.float64) + tiny


@pytest.fixture(autouse=True, scope="module")
def _jax_forgets_compiled_programs():
    """Programs that JAX compiled for one module are of no use to the next, and fill gigabytes in a long run."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
