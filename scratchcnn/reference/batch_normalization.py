"""Batch normalization: each channel is shifted and scaled to mean 0 and variance 1; and its gradients."""

from __future__ import annotations

import numpy as np

from scratchcnn.operands import Array, expect, expect_normalization


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """Compute the mean and the variance of each channel over a batch.

        mean[c] = 1/M * sum over all other axes of x[..., c]
        variance[c] = 1/M * sum over all other axes of (x[..., c] - mean[c])^2

    where M is the number of values of one channel: N for (N, C), N * H * W for images (N, H, W, C).

    Parameters
    ----------
    x : (..., C), float32 or float64
        At least one value of each channel.

    Returns
    -------
    mean, variance : (C,), float64

    Notes
    -----
    Cost: 4 FLOPs per element; reads x once or twice.

    Numerics: computed in float64, also for float32, in two passes, so that a mean far from zero costs no digits: the
    variance as the mean of x^2 minus mean^2 would lose all of them, and could become negative. The variance is the
    "biased" one, divided by M, and not by M - 1.

    Raises
    ------
    ValueError, TypeError
        There are no values, or x is not a float array.

    Examples
    --------
    >>> batch_statistics(np.array([[1.0, 7.0], [3.0, 7.0]]))
    (array([2., 7.]), array([1., 0.]))

    References
    ----------
    Ioffe & Szegedy 2015, "Batch normalization", arXiv 1502.03167, algorithm 1.
    """
    expect(x=(x, x.shape))
    others = tuple(range(x.ndim - 1))
    if x[..., :1].size == 0:
        raise ValueError(f"Expected at least one value of each channel, received shape {x.shape}; pass a sample.")
    mean = x.mean(axis=others, dtype=np.float64)  # (C,)
    variance = ((x - mean) ** 2).mean(axis=others)  # (C,); x - mean is float64
    return mean, variance


def batch_normalization(
    x: Array, mean: Array, variance: Array, gamma: Array | None, beta: Array | None, epsilon: float
) -> Array:
    """Normalize each channel with a mean and a variance, and scale and shift the result.

        normalized[..., c] = (x[..., c] - mean[c]) / sqrt(variance[c] + epsilon)
        y[..., c] = gamma[c] * normalized[..., c] + beta[c]

    Parameters
    ----------
    x : (..., C), float32 or float64
    mean, variance : (C,), float64
        In training those of x, from `batch_statistics`; in inference moving averages of them.
    gamma, beta : (C,), the dtype of x, or None
        None is the same as ones, or as zeros.
    epsilon : float
        Keeps a channel of constant values from being divided by zero.

    Returns
    -------
    The shape and dtype of x

    Notes
    -----
    Cost: 3 FLOPs per element; reads x and writes y once.

    Numerics: computed in float64 and rounded once, at the end.

    Backward, if mean and variance are constants, as in inference: dx = dy * gamma / sqrt(variance + epsilon), which is
    this function of dy with a mean of 0 and no beta. If they are those of x: `batch_normalization_input_gradient`.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes do not fit.

    Examples
    --------
    >>> x = np.array([[1.0, 7.0], [3.0, 7.0]])
    >>> batch_normalization(x, *batch_statistics(x), None, None, epsilon=3.0)
    array([[-0.5,  0. ],
           [ 0.5,  0. ]])
    >>> batch_normalization(x, *batch_statistics(x), np.array([2.0, 2.0]), np.array([0.0, 5.0]), epsilon=3.0)
    array([[-1.,  5.],
           [ 1.,  5.]])

    References
    ----------
    Ioffe & Szegedy 2015, "Batch normalization", arXiv 1502.03167, algorithms 1 and 2.
    """
    expect_normalization(x, mean, variance, gamma, beta)
    normalized = (x - mean) / np.sqrt(variance + epsilon)
    y = (1.0 if gamma is None else gamma) * normalized + (0.0 if beta is None else beta)
    return y.astype(x.dtype)


def batch_normalization_parameter_gradients(
    dy: Array, x: Array, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, Array]:
    """Compute the gradients of the loss with respect to gamma and beta.

        dgamma[c] = sum over all other axes of dy[..., c] * normalized[..., c]
        dbeta[c] = sum over all other axes of dy[..., c]

    with the normalized values of `batch_normalization`.

    Parameters
    ----------
    dy : (..., C), float32 or float64
        Gradient of the loss with respect to the output.
    x, mean, variance, epsilon
        As in the forward pass.

    Returns
    -------
    dgamma, dbeta : (C,), the dtype of dy

    Notes
    -----
    Cost: 4 FLOPs per element; reads dy and x once.

    Numerics: the sums are computed in float64 and rounded once, at the end.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes do not fit.

    Examples
    --------
    >>> x, dy = np.array([[1.0], [3.0]]), np.array([[5.0], [6.0]])
    >>> batch_normalization_parameter_gradients(dy, x, *batch_statistics(x), epsilon=0.0)
    (array([1.]), array([11.]))

    References
    ----------
    Ioffe & Szegedy 2015, "Batch normalization", arXiv 1502.03167, section 3.
    """
    expect_normalization(x, mean, variance, None, None)
    expect(x=(x, x.shape), dy=(dy, x.shape))
    others = tuple(range(x.ndim - 1))
    normalized = (x - mean) / np.sqrt(variance + epsilon)
    dgamma, dbeta = (dy * normalized).sum(axis=others), dy.sum(axis=others, dtype=np.float64)  # (C,)
    return dgamma.astype(dy.dtype), dbeta.astype(dy.dtype)


def batch_normalization_input_gradient(
    dy: Array,
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None,
    epsilon: float,
    dgamma: Array,
    dbeta: Array,
) -> Array:
    """Compute the gradient of the loss with respect to the input, if mean and variance are those of x.

        dx[..., c] = gamma[c] / sqrt(variance[c] + epsilon)
                     * (dy[..., c] - dbeta[c] / M - normalized[..., c] * dgamma[c] / M)

    A value changes the mean and the variance, and so every output of its channel: the two terms that are subtracted
    are the effects through the mean and through the variance. Adding a constant to all values of a channel changes no
    output, so its gradients have the sum 0.

    Parameters
    ----------
    dy : (..., C), float32 or float64
        Gradient of the loss with respect to the output.
    x, gamma, epsilon
        As in the forward pass.
    mean, variance : (C,), float64
        From `batch_statistics` of x.
    dgamma, dbeta : (C,), the dtype of dy
        From `batch_normalization_parameter_gradients`, also for a layer without gamma or beta.

    Returns
    -------
    The shape and dtype of dy

    Notes
    -----
    Cost: 6 FLOPs per element; reads dy and x and writes dx once.

    Numerics: computed in float64 and rounded once, at the end.

    Raises
    ------
    ValueError, TypeError
        The shapes or dtypes do not fit.

    Examples
    --------
    >>> x, dy = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [0.0], [0.0]])
    >>> mean, variance = batch_statistics(x)
    >>> sums = batch_normalization_parameter_gradients(dy, x, mean, variance, epsilon=0.0)
    >>> batch_normalization_input_gradient(dy, x, mean, variance, None, 0.0, *sums).round(3)
    array([[ 0.204],
           [-0.408],
           [ 0.204]])

    References
    ----------
    Ioffe & Szegedy 2015, "Batch normalization", arXiv 1502.03167, section 3.
    """
    expect_normalization(x, mean, variance, gamma, None)
    expect(x=(x, x.shape), dy=(dy, x.shape), dgamma=(dgamma, mean.shape), dbeta=(dbeta, mean.shape))
    count = x.size // x.shape[-1]  # M
    deviation = np.sqrt(variance + epsilon)  # (C,)
    normalized = (x - mean) / deviation
    through_statistics = (dbeta + normalized * dgamma) / count
    dx = (1.0 if gamma is None else gamma) / deviation * (dy - through_statistics)
    return dx.astype(dy.dtype)
