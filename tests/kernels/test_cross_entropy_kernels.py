"""Cross-entropy of probabilities and of logits with its gradients, compared with the reference."""

import numpy as np
from comparing import (
    DTYPES,
    ENGINES,
    LAYOUTS,
    SEEDS,
    assert_within,
    check,
    each,
    in_float64,
    run,
    with_non_finite,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from softmax_rows import rows_of_logits, softmax_relative_error

from scratchcnn import reference

few = settings(max_examples=75)
some = settings(max_examples=150)


@some
@given(
    st.integers(1, 40), st.integers(1, 30), DTYPES, SEEDS, st.sampled_from([0.1, 5.0, 80.0, 1e4]), LAYOUTS,
    st.booleans(),
)  # fmt: skip
def test_softmax_cross_entropy_and_gradient_match_reference_for_any_logits(
    rounding_bound, samples, classes, dtype, seed, spread, layout, one_hot
):
    rng = np.random.default_rng(seed)
    logits = rows_of_logits(rng, samples, classes, dtype, spread, layout)
    targets = np.eye(classes)[rng.integers(classes, size=samples)] if one_hot else rng.random((samples, classes))
    targets = layout(targets.astype(dtype))
    eps, tiny = np.finfo(dtype).eps, float(np.finfo(dtype).tiny)
    exact_losses, exact = reference.softmax_cross_entropy(*in_float64([logits, targets]))
    error = softmax_relative_error(logits)
    # A relative error of the sum of exponentials is an absolute error of its logarithm; then J products are added.
    loss_bound = eps * (targets * (error + 2 * classes * (1 + error))).sum(axis=1, dtype=np.float64)
    for engine in ENGINES:
        losses, probabilities = run(engine, "softmax_cross_entropy", [logits, targets])
        assert losses.dtype == probabilities.dtype == dtype
        assert np.isfinite(losses).all()
        assert_within(losses, exact_losses, loss_bound, "loss")
        assert_within(probabilities, exact, eps * error * exact + 2 * tiny, "probabilities")
    given_back = layout(exact.astype(dtype))
    magnitude = (given_back.astype(np.float64) * targets.sum(axis=1, keepdims=True) + targets) / samples
    arguments = [given_back, targets, 1 / samples]
    check("softmax_cross_entropy_gradient", arguments, rounding_bound(magnitude, classes + 1, dtype))


@some
@given(st.integers(1, 40), st.integers(1, 30), DTYPES, SEEDS, LAYOUTS, st.booleans())
def test_cross_entropy_and_gradient_match_reference(samples, classes, dtype, seed, layout, one_hot):
    rng = np.random.default_rng(seed)
    # Far from the clipping limits, or beyond them: at a limit, a rounding decides whether there is a gradient.
    values = rng.uniform(0.01, 1, (samples, classes)) * rng.choice([1, 1, 1e-12, 0], (samples, classes))
    values[np.arange(samples), rng.integers(classes, size=samples)] = 0.5
    probabilities = layout(values.astype(dtype))
    targets = np.eye(classes)[rng.integers(classes, size=samples)] if one_hot else rng.random((samples, classes))
    targets = layout(targets.astype(dtype))
    q, t = in_float64([probabilities, targets])
    eps, total = np.finfo(dtype).eps, q.sum(axis=1, keepdims=True)
    share = q / total
    assume((abs(share - 1e-7) > 1e-8).all())
    assume(((share > 1 - 1e-9) | (share < 1 - 1e-6)).all())
    # J + 1 roundings in the sum and the quotient become an absolute error of the logarithm, which is rounded itself;
    # adding J terms rounds J more times.
    surprise = abs(np.log(np.clip(share, 1e-7, 1)))
    loss_bound = eps * (t * (2 * classes + 4 + (classes + 4) * surprise)).sum(axis=1)
    check("cross_entropy", [probabilities, targets], loss_bound)
    inside = (share >= 1e-7) & (share <= 1 - 1e-7)
    dshare = np.where(inside, t / np.where(inside, share, 1), 0) / samples
    magnitude = (dshare + (dshare * share).sum(axis=1, keepdims=True)) / total
    check("cross_entropy_gradient", [probabilities, targets, 1 / samples], eps * (4 * classes + 12) * magnitude)


@few
@given(st.integers(1, 9), st.integers(1, 12), DTYPES, SEEDS)
def test_non_finite_values_propagate_through_softmax_and_losses(samples, classes, dtype, seed):
    rng = np.random.default_rng(seed)
    logits = with_non_finite(rng, rng.standard_normal((samples, classes)).astype(dtype), 0.2)
    targets = np.eye(classes, dtype=dtype)[rng.integers(classes, size=samples)]
    with np.errstate(all="ignore"):
        for engine in ENGINES:
            broken = np.isnan(logits).any(axis=1)
            assert np.isnan(engine.softmax(logits)[broken]).all()
            assert np.isnan(engine.softmax_cross_entropy(logits, targets)[0][broken]).all()
            assert np.isnan(engine.cross_entropy(logits, targets)[broken]).all()
        for name, arguments in [
            ("softmax", [logits]),
            ("softmax_gradient", [logits, targets]),
            ("softmax_cross_entropy", [logits, targets]),
            ("softmax_cross_entropy_gradient", [logits, targets, 0.5]),
            ("cross_entropy", [abs(logits), targets]),
            ("cross_entropy_gradient", [abs(logits), targets, 0.5]),
        ]:
            one, other = (each(run(engine, name, arguments)) for engine in ENGINES)
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(np.isnan(a), np.isnan(b), err_msg=name)
                np.testing.assert_array_equal(np.isposinf(a), np.isposinf(b), err_msg=name)
