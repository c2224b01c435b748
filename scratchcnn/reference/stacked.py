"""Two convolutions and a max-pooling: three formulas one after the other, and back.

They are an operation of their own because the kernels gain by knowing of all three: the images between the two
convolutions need not be kept.
"""

from __future__ import annotations

from scratchcnn.algorithms import Algorithm
from scratchcnn.geometry import Padding, Pair
from scratchcnn.operands import Array, Convolution
from scratchcnn.reference.conv2d import conv2d, conv2d_parameter_gradients
from scratchcnn.reference.conv2d_max_pool2d import conv2d_max_pool2d, conv2d_pooled_gradients


def stacked_conv2d_max_pool2d(
    x: Array,
    below: Convolution,
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
    """The largest output of the second convolution in every window of the pooling.

        y, winners = conv2d_max_pool2d(relu(conv2d(x, below.kernel, below.bias)), kernel, bias)

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    below : Convolution
        The first, which a ReLU follows.
    kernel, bias, pool_size, pool_strides, pool_padding, strides, padding, dilation_rate, relu, algorithm
        Of the second, as for `conv2d_max_pool2d`.

    Returns
    -------
    y : (N, PH, PW, F), the dtype of x
    winners : (N, PH, PW, F), as `max_pool2d` gives them

    Notes
    -----
    Cost: that of `conv2d` and of `conv2d_max_pool2d`, in FLOPs and in memory.

    Raises
    ------
    TypeError, ValueError
        As `conv2d` and `conv2d_max_pool2d`.

    Examples
    --------
    >>> below = Convolution(np.full((1, 1, 1, 1), 2.0), None)
    >>> x = np.array([-1.0, 1.0, 2.0, 3.0]).reshape(1, 2, 2, 1)
    >>> y, winners = stacked_conv2d_max_pool2d(x, below, np.full((1, 1, 1, 1), 5.0), None, (2, 2), (2, 2), "valid")
    >>> y.item(), winners.item()
    (30.0, 3)

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 9.3.
    """
    images = _between(x, below)
    pooling = (pool_size, pool_strides, pool_padding)
    return conv2d_max_pool2d(images, kernel, bias, *pooling, strides, padding, dilation_rate, relu, algorithm)


def stacked_pooled_gradients(
    values: Array,
    winners: Array,
    outputs: Array | None,
    x: Array,
    below: Convolution,
    kernel: Array,
    pool_size: Pair,
    pool_strides: Pair,
    pool_padding: Padding,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    algorithm: Algorithm = "auto",
) -> tuple[Array, Array, Array, Array]:
    """Gradients of the loss by kernel and bias of both convolutions.

    With images = relu(conv2d(x, below.kernel, below.bias)) and dx, dkernel, dbias = conv2d_pooled_gradients(values,
    winners, outputs, images, kernel), the gradient by what went into the ReLU is relu_gradient(dx, images); it is
    multiplied with x as that of any convolution.

    Parameters
    ----------
    values, winners, outputs, kernel, pool_size, pool_strides, pool_padding, strides, padding, dilation_rate, algorithm
        Of the second, as for `conv2d_pooled_gradients`.
    x : (N, H, W, C), what the forward pass was given
    below : Convolution
        The first, which a ReLU follows.

    Returns
    -------
    below_dkernel, below_dbias : the shapes of `below.kernel` and (its filters,), the dtype of x
    dkernel, dbias : the shapes of `kernel` and (F,), the dtype of x

    Notes
    -----
    Cost: that of `conv2d`, `conv2d_pooled_gradients` and `conv2d_parameter_gradients`, in FLOPs and in memory.

    Raises
    ------
    TypeError, ValueError
        As `conv2d` and `conv2d_pooled_gradients`.

    Examples
    --------
    >>> below, kernel = Convolution(np.full((1, 1, 1, 1), 2.0), None), np.full((1, 1, 1, 1), 5.0)
    >>> x = np.array([-1.0, 1.0, 2.0, 3.0]).reshape(1, 2, 2, 1)
    >>> y, winners = stacked_conv2d_max_pool2d(x, below, kernel, None, (2, 2), (2, 2), "valid")
    >>> gradients = stacked_pooled_gradients(np.ones_like(y), winners, None, x, below, kernel, (2, 2), (2, 2), "valid")
    >>> [gradient.item() for gradient in gradients]  # y = 5 * 2 * 3: by the 2, its bias, the 5, its bias
    [15.0, 5.0, 6.0, 1.0]

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 9.3 and 9.5.
    """
    images = _between(x, below)
    dx, dkernel, dbias = conv2d_pooled_gradients(
        values, winners, outputs, images, kernel, pool_size, pool_strides, pool_padding,
        strides, padding, dilation_rate, algorithm, input_relu=True,
    )  # fmt: skip
    kernel_size = (below.kernel.shape[0], below.kernel.shape[1])
    geometry = (below.strides, below.padding, below.dilation_rate)
    return *conv2d_parameter_gradients(dx, None, x, kernel_size, *geometry), dkernel, dbias


def _between(x: Array, below: Convolution) -> Array:
    return conv2d(x, below.kernel, below.bias, below.strides, below.padding, below.dilation_rate, relu=True)
