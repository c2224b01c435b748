"""Mean squared error: the loss of regression; and its gradient."""

from __future__ import annotations

from scratchcnn.operands import Array, expect


def mean_squared_error(outputs: Array, targets: Array) -> Array:
    """Compute the mean squared error of each sample.

        losses[n] = (sum over j of (outputs[n, j] - targets[n, j])**2) / J

    Parameters
    ----------
    outputs : (N, J), float32 or float64
    targets : (N, J), the dtype of outputs

    Returns
    -------
    (N,), the dtype of outputs

    Notes
    -----
    Cost: 3 FLOPs per element; reads both arrays.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> mean_squared_error(np.array([[1.0, 3.0]]), np.array([[0.0, 1.0]]))
    array([2.5])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 5.1.4.
    """
    expect(outputs=(outputs, (None, None)), targets=(targets, outputs.shape))
    losses: Array = ((outputs - targets) ** 2).mean(axis=1)  # (N,)
    return losses


def mean_squared_error_gradient(outputs: Array, targets: Array, scale: float) -> Array:
    """Compute the gradient of scale * sum(losses) with respect to the outputs.

        doutputs[n, j] = scale * 2 * (outputs[n, j] - targets[n, j]) / J

    Parameters
    ----------
    outputs : (N, J), float32 or float64
    targets : (N, J), the dtype of outputs
    scale : float
        1 / N if the objective is the mean over the batch.

    Returns
    -------
    (N, J), the dtype of outputs

    Notes
    -----
    Cost: 2 FLOPs per element; reads both arrays, writes one.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> mean_squared_error_gradient(np.array([[1.0, 3.0]]), np.array([[0.0, 1.0]]), 1.0)
    array([[1., 2.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 5.1.4.
    """
    expect(outputs=(outputs, (None, None)), targets=(targets, outputs.shape))
    doutputs: Array = (outputs - targets) * outputs.dtype.type(2 * scale / outputs.shape[1])  # (N, J)
    return doutputs
