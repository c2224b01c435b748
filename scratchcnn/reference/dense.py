"""Dense layer: each output is a weighted sum of all inputs, and its gradients."""

from __future__ import annotations

from scratchcnn.operands import Array, expect


def dense(x: Array, kernel: Array, bias: Array | None) -> Array:
    """Multiply the inputs by a weight matrix and add a bias.

        y[n, j] = bias[j] + sum over i of x[n, i] * kernel[i, j]

    Parameters
    ----------
    x : (N, I), float32 or float64
    kernel : (I, J), the dtype of x
    bias : (J,), the dtype of x, or None

    Returns
    -------
    (N, J), the dtype of x

    Notes
    -----
    Cost: 2 * N * I * J FLOPs; reads x and the kernel, writes y.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> dense(np.array([[1.0, 2.0]]), np.array([[1.0, 10.0], [2.0, 20.0]]), np.array([0.5, 0.0]))
    array([[ 5.5, 50. ]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 6.1 and 6.5.
    """
    expect(kernel=(kernel, (None, None)), x=(x, (None, len(kernel))))
    y: Array = x @ kernel  # (N, J)
    if bias is not None:
        expect(x=(x, x.shape), bias=(bias, (kernel.shape[1],)))
        y = y + bias
    return y


def dense_kernel_gradient(dy: Array, x: Array) -> Array:
    """Compute the gradient of the loss with respect to the kernel.

        dkernel[i, j] = sum over n of x[n, i] * dy[n, j]

    Parameters
    ----------
    dy : (N, J), float32 or float64
        Gradient of the loss with respect to the output.
    x : (N, I), the dtype of dy
        Input of the forward pass.

    Returns
    -------
    (I, J), the dtype of x

    Notes
    -----
    Cost: 2 * N * I * J FLOPs; reads x and dy, writes dkernel.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> dense_kernel_gradient(np.array([[1.0, 10.0]]), np.array([[2.0, 3.0]]))
    array([[ 2., 20.],
           [ 3., 30.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.5.
    """
    expect(x=(x, (None, None)), dy=(dy, (len(x), None)))
    dkernel: Array = x.T @ dy  # (I, J)
    return dkernel


def dense_input_gradient(dy: Array, kernel: Array) -> Array:
    """Compute the gradient of the loss with respect to the input.

        dx[n, i] = sum over j of dy[n, j] * kernel[i, j]

    Parameters
    ----------
    dy : (N, J), float32 or float64
        Gradient of the loss with respect to the output.
    kernel : (I, J), the dtype of dy

    Returns
    -------
    (N, I), the dtype of dy

    Notes
    -----
    Cost: 2 * N * I * J FLOPs; reads dy and the kernel, writes dx.

    Raises
    ------
    ValueError, TypeError
        The shapes do not match, or the dtypes differ.

    Examples
    --------
    >>> dense_input_gradient(np.array([[1.0, 10.0]]), np.array([[2.0, 3.0], [4.0, 5.0]]))
    array([[32., 54.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.5.
    """
    expect(kernel=(kernel, (None, None)), dy=(dy, (None, kernel.shape[-1])))
    dx: Array = dy @ kernel.T  # (N, I)
    return dx
