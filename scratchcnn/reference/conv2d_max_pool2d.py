"""A convolution with a max-pooling after it: the two formulas one after the other, and back.

They are an operation of their own because the kernels gain by knowing of both: forward, the output of the convolution
need not be written down; backward, most of its gradient is zero.
"""

from __future__ import annotations

from scratchcnn.algorithms import Algorithm
from scratchcnn.geometry import Padding, Pair
from scratchcnn.operands import Array, conv2d_windows
from scratchcnn.reference.bias import bias_gradient
from scratchcnn.reference.conv2d import conv2d, conv2d_input_gradient, conv2d_kernel_gradient
from scratchcnn.reference.max_pool2d import max_pool2d, max_pool2d_gradient
from scratchcnn.reference.relu import relu_gradient


def conv2d_max_pool2d(
    x: Array,
    kernel: Array,
    bias: Array | None,
    pool_size: Pair,
    pool_strides: Pair,
    pool_padding: Padding,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    relu: bool = False,
    algorithm: Algorithm = "auto",
) -> tuple[Array, Array]:
    """The largest output of the convolution in every window of the pooling.

        y, winners = max_pool2d(conv2d(x, kernel, bias))

    Parameters
    ----------
    x, kernel, bias, strides, padding, dilation_rate, relu, algorithm
        As for `conv2d`.
    pool_size, pool_strides, pool_padding
        As for `max_pool2d`.

    Returns
    -------
    y : (N, PH, PW, F), the dtype of x
    winners : (N, PH, PW, F), as `max_pool2d` gives them

    Notes
    -----
    Cost: 2 * N * OH * OW * KH * KW * C * F FLOPs, and a comparison for each number in each window of the pooling; the
    output of the convolution is written to memory and read again. (The kernels need not.)

    Raises
    ------
    ValueError, TypeError
        As `conv2d` and `max_pool2d`.

    Examples
    --------
    >>> x = np.arange(1.0, 17.0).reshape(1, 4, 4, 1)
    >>> y, winners = conv2d_max_pool2d(x, np.full((1, 1, 1, 1), -1.0), None, (2, 2), (2, 2), "valid")
    >>> y.reshape(-1), winners.reshape(-1)
    (array([ -1.,  -3.,  -9., -11.]), array([0, 0, 0, 0], dtype=uint8))

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.3.
    """
    y = conv2d(x, kernel, bias, strides, padding, dilation_rate, relu)
    return max_pool2d(y, pool_size, pool_strides, pool_padding)


def conv2d_pooled_gradients(
    values: Array,
    winners: Array,
    outputs: Array | None,
    x: Array,
    kernel: Array,
    pool_size: Pair,
    pool_strides: Pair,
    pool_padding: Padding,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm = "auto",
    input_relu: bool = False,
    overwrite_x: bool = False,
) -> tuple[Array, Array, Array]:
    """Gradients of the loss by input, kernel and bias, where a max-pooling follows the convolution.

    Each pooling window sends its gradient to the one output that won. With values = relu_gradient(values, outputs), if
    a ReLU stood in between, and dy = max_pool2d_gradient(values, winners),

        dx = conv2d_input_gradient(dy, kernel),   dkernel = conv2d_kernel_gradient(dy, x),   dbias = bias_gradient(dy)

    Parameters
    ----------
    values : (N, PH, PW, F), gradient of the loss by the output of each pooling window's winner
    winners : (N, PH, PW, F), as `max_pool2d` gave them
    outputs : (N, PH, PW, F), the output of the pooling of a ReLU, or None if there was no ReLU
    x : (N, H, W, C), what the forward pass was given
    kernel : (KH, KW, C, F)
    pool_size, pool_strides, pool_padding
        Of the pooling.
    strides, padding, dilation_rate, algorithm
        Of the convolution.
    input_relu : bool
        Whether x is the output of a ReLU, and dx is to be the gradient by what went into that: zero where x is.
    overwrite_x : bool
        Whether dx may take the memory of x. (Here it never does.)

    Returns
    -------
    dx : (N, H, W, C), the dtype of x
    dkernel : (KH, KW, C, F), the dtype of x
    dbias : (F,), the dtype of x

    Notes
    -----
    Cost: 4 * N * OH * OW * KH * KW * C * F FLOPs; the gradient by the convolution's output is written to memory, zeros
    and all. (The kernels multiply by its winners alone.)

    Raises
    ------
    ValueError, TypeError
        As `conv2d` and `max_pool2d_gradient`; outputs are not of the shape of values.

    Examples
    --------
    >>> x, kernel = np.arange(4.0).reshape(1, 2, 2, 1), np.full((1, 1, 1, 1), 2.0)
    >>> y, winners = conv2d_max_pool2d(x, kernel, None, (2, 2), (2, 2), "valid")
    >>> values = np.full((1, 1, 1, 1), 10.0)
    >>> dx, dkernel, dbias = conv2d_pooled_gradients(values, winners, None, x, kernel, (2, 2), (2, 2), "valid")
    >>> dx.reshape(-1), dkernel.item(), dbias.item()  # only the last pixel won
    (array([ 0.,  0.,  0., 20.]), 30.0, 10.0)

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 9.3 and 9.5.
    """
    windows = conv2d_windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    output_shape = (len(x), windows.rows.output, windows.columns.output, kernel.shape[3])
    values = values if outputs is None else relu_gradient(values, outputs)
    dy = max_pool2d_gradient(values, winners, output_shape, pool_size, pool_strides, pool_padding)
    dx = conv2d_input_gradient(dy, kernel, x.shape, strides, padding, dilation_rate)
    dkernel = conv2d_kernel_gradient(dy, x, (kernel.shape[0], kernel.shape[1]), strides, padding, dilation_rate)
    return relu_gradient(dx, x) if input_relu else dx, dkernel, bias_gradient(values)
