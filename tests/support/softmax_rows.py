"""Rows of logits, and a bound on the rounding error of their softmax."""

import numpy as np


def rows_of_logits(rng, samples, classes, dtype, spread, layout):
    return layout((rng.standard_normal((samples, classes)) * spread).astype(dtype))


def softmax_relative_error(logits):
    """Bound on the relative error of each softmax probability, in units of roundoff.

    Let z be the difference to the largest logit. Rounding z changes exp(z) by |z| roundoffs, and evaluating exp by a
    few more. The sum of J exponentials adds J roundoffs, and the errors of its terms at most one more for each, since
    exp(-|z|) * |z| <= 1.
    """
    z = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return abs(z) + 2 * logits.shape[1] + 12
