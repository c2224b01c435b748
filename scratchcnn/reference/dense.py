"""The dense layer: every output is a weighted sum of every input."""

from __future__ import annotations

from scratchcnn.operands import Array, expect
from scratchcnn.reference.relu import relu as rectified


def dense(x: Array, kernel: Array, bias: Array | None, relu: bool = False) -> Array:
    """Multiply by a matrix and add a bias.

        y[n, j] = bias[j] + sum over i of x[n, i] * kernel[i, j]

    Parameters
    ----------
    x : (N, I), float32 or float64
    kernel : (I, J), the dtype of x
    bias : (J,) or None
    relu : bool
        Whether negative results become zero, as `relu` does.

    Returns
    -------
    (N, J), the dtype of x

    Notes
    -----
    Cost: 2 * N * I * J FLOPs; reads x and the kernel, writes y.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

    Examples
    --------
    >>> dense(np.array([[1.0, 2.0]]), np.array([[1.0, 10.0], [2.0, 20.0]]), np.array([0.5, 0.0]))
    array([[ 5.5, 50. ]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 6.1 and 6.5.
    """
    expect(kernel=(kernel, (None, None)), x=(x, (None, len(kernel))))
    y: Array = x @ kernel
    if bias is not None:
        expect(x=(x, x.shape), bias=(bias, (kernel.shape[1],)))
        y = y + bias
    return rectified(y) if relu else y


def dense_kernel_gradient(dy: Array, x: Array) -> Array:
    """Gradient of the loss by the kernel.

        dkernel[i, j] = sum over n of x[n, i] * dy[n, j]

    Parameters
    ----------
    dy : (N, J), gradient of the loss by the output
    x : (N, I), what the forward pass was given

    Returns
    -------
    (I, J), the dtype of x

    Notes
    -----
    Cost: 2 * N * I * J FLOPs; reads x and dy, writes the gradient.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

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
    gradient: Array = x.T @ dy
    return gradient


def dense_input_gradient(dy: Array, kernel: Array) -> Array:
    """Gradient of the loss by the input.

        dx[n, i] = sum over j of dy[n, j] * kernel[i, j]

    Parameters
    ----------
    dy : (N, J), gradient of the loss by the output
    kernel : (I, J)

    Returns
    -------
    (N, I), the dtype of dy

    Notes
    -----
    Cost: 2 * N * I * J FLOPs; reads dy and the kernel, writes dx.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes do not fit each other.

    Examples
    --------
    >>> dense_input_gradient(np.array([[1.0, 10.0]]), np.array([[2.0, 3.0], [4.0, 5.0]]))
    array([[32., 54.]])

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.5.
    """
    expect(kernel=(kernel, (None, None)), dy=(dy, (None, kernel.shape[-1])))
    dx: Array = dy @ kernel.T
    return dx
