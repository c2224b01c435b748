"""A seed determines a training run bit for bit, in any process and for any number of threads."""

import hashlib
import subprocess
import sys

import numba
import numpy as np
import pytest
from networks import article_model, sample_digits, small_data, small_model

from scratchcnn import get_threads, set_threads


def fingerprint(model, history):
    digest = hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights()))
    digest.update(repr(sorted(history.history.items())).encode())
    return digest.hexdigest()


def train(seed, **options):
    (x, y), test = sample_digits()
    model = article_model(seed=seed, **options)
    history = model.fit(x[:600], y[:600], batch_size=128, epochs=2, verbose=0, validation_data=test)
    return fingerprint(model, history)


def test_seeded_run_is_bit_identical_in_another_process():
    code = "import test_reproducibility as t; print(t.train(seed=7))"
    paths = [__file__.rsplit("/", 1)[0], *sys.path]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}; {code}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == train(seed=7)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
def test_seeded_run_is_bit_identical_for_one_and_two_threads():
    before = get_threads()
    try:
        set_threads(1)
        assert get_threads() == 1
        with_one = train(seed=7)
        set_threads(2)
        assert train(seed=7) == with_one
    finally:
        set_threads(before)


def test_runs_differ_with_the_seed_and_are_random_without_one():
    x, y = small_data()
    fingerprints = set()
    for seed in (1, 2, None, None):
        model = small_model(seed=seed)
        fingerprints.add(fingerprint(model, model.fit(x, y, verbose=0)))
    assert len(fingerprints) == 4


def test_both_engines_train_equally_with_dropout():
    x, y = small_data()
    kernels, reference = small_model(seed=1, dtype="float64"), small_model(seed=1, dtype="float64", engine="reference")
    histories = [model.fit(x, y, batch_size=8, epochs=3, verbose=0).history for model in (kernels, reference)]
    # Each of 15 steps adds about 50 float64 products; where gradients are small, Adam's quotient amplifies the rounding
    # errors of 1e-16 about a thousand times.
    for a, b in zip(kernels.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11)
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=0, atol=1e-11)


def test_evaluation_does_not_depend_on_the_batch_size():
    x, y = small_data(101)
    model = small_model(seed=1)
    values = {tuple(model.evaluate(x, y, batch_size=size, verbose=0)) for size in (1, 7, 32, 101, 1000)}
    assert len(values) == 1
    predictions = [model.predict(x, batch_size=size) for size in (1, 7, 101)]
    np.testing.assert_array_equal(predictions[0], predictions[1])
    np.testing.assert_array_equal(predictions[0], predictions[2])
