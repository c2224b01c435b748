"""A convolution, optionally with a ReLU, and the max pooling that follows; and the gradients of all of them.

    conv2d_max_pool2d             y, winners  =  max_pool2d(relu(conv2d(x, kernel, bias)))
    conv2d_max_pool2d_gradients   dy  =  relu_gradient(max_pool2d_gradient(dL/dy, winners), relu(conv2d(...)))
                                  dx, dkernel, dbias  =  the three gradients of the convolution for dy

Both return the same bits as this composition of primitive kernels with the same algorithms. `winners` are the argmax
indices: which element of each window is its maximum.

Why it is faster: the output of the convolution has four times as many elements as that of a 2 x 2 pooling. Winograd's
tiles and bands of interleaved images are pooled while they are cached, so that output is never written to memory or
read again. Backward, sparse gradients ('winners') read the pooled gradient, one element and one argmax index per
window, and neither build nor compress the dense one; interleaved images build a band of the dense one at a time. The
ReLU masks the pooled gradient too: at the argmax its output is the output of the pooling.
With other algorithms, or other poolings, the primitive operations are called one after the other.

Cost: forward the FLOPs of the convolution, and one comparison per element of each pooling window; backward those of
the algorithms.
"""

from __future__ import annotations

from scratchcnn.algorithms import expect_accepted, halves
from scratchcnn.geometry import Windows
from scratchcnn.kernels.conv2d import interleaved, sparse_gradients, winograd
from scratchcnn.kernels.conv2d.dispatch import WINOGRAD_TILES
from scratchcnn.kernels.conv2d.interleaved import are_few
from scratchcnn.kernels.conv2d.interleaved_kernel_gradient import conv2d_max_pool2d_parameter_gradients
from scratchcnn.kernels.fused.conv2d_relu import conv2d_relu, conv2d_relu_gradients
from scratchcnn.kernels.max_pool2d import max_pool2d, max_pool2d_gradient
from scratchcnn.kernels.relu import relu_gradient
from scratchcnn.operands import Array, Convolution, PooledGradient, Pooling, Shape, expect


def conv2d_max_pool2d(x: Array, convolution: Convolution, pooling: Pooling) -> tuple[Array, Array]:
    """Convolve images, apply the ReLU if there is one, and keep the maximum of every window.

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    convolution : Convolution
    pooling : Pooling

    Returns
    -------
    y : (N, PH, PW, F), the dtype of x
    winners : (N, PH, PW, F)
        Argmax indices, as `max_pool2d` returns them.
    """
    pool = pooling.windows(convolution.output_shape(x.shape))
    kernel, bias, _, padding, _, relu, choice = convolution
    if choice.forward in WINOGRAD_TILES and halves(pool):
        expect_accepted(choice.forward, convolution.problem(x.shape))
        tile_size = WINOGRAD_TILES[choice.forward]
        return winograd.conv2d_max_pool2d(tile_size, x, kernel, bias, padding, relu)
    if choice.forward == "interleaved" and not are_few(len(x), x.dtype):
        return interleaved.conv2d_max_pool2d(x, convolution, pool)
    return max_pool2d(conv2d_relu(x, convolution), *pooling)


def conv2d_max_pool2d_gradients(
    gradient: PooledGradient,
    x: Array,
    convolution: Convolution,
    pooling: Pooling,
    input_gradient: bool = True,
    input_relu: bool = False,
) -> tuple[Array | None, Array, Array]:
    """Gradients of the loss w.r.t. the input, the kernel and the bias of a convolution that is pooled.

    Parameters
    ----------
    gradient : PooledGradient
    x : (N, H, W, C)
        Input of the convolution.
    convolution : Convolution
    pooling : Pooling
    input_gradient : bool
        Whether dx is needed.
    input_relu : bool
        Whether x is the output of a ReLU, and dx is to be the gradient w.r.t. the input of that ReLU. The memory of x
        may then be reused for dx: x must not be needed afterwards.

    Returns
    -------
    dx : (N, H, W, C) or None
    dkernel : (KH, KW, C, F)
    dbias : (F,)
    """
    kernel, choice = convolution.kernel, convolution.choice
    output_shape = convolution.output_shape(x.shape)
    expect(x=(x, x.shape), kernel=(kernel, kernel.shape), gradient=(gradient.values, gradient.values.shape))
    gradient.check(pooling.output_shape(output_shape), pooling.pool_size)
    if (choice.kernel_gradient, choice.input_gradient) == ("winners", "winners"):
        pool = expect_pool(x.shape, convolution, pooling)
        windows = convolution.windows(x.shape)
        slices = sparse_gradients.slices_of(windows, kernel.shape, x.itemsize)
        of_windows = sparse_gradients.pooled_windows(gradient, convolution.relu, pool, windows, slices)
        dx, dkernel, dbias = sparse_gradients.gradients(
            of_windows, slices, kernel.shape, x, kernel if input_gradient else None, input_relu
        )
        return dx.reshape(x.shape) if input_gradient else None, dkernel, dbias
    pool = pooling.windows(output_shape)
    is_interleaved = choice.kernel_gradient == "interleaved" and not are_few(len(x), x.dtype)
    if is_interleaved and not input_gradient and pool.rows.stride >= pool.rows.kernel:
        return None, *conv2d_max_pool2d_parameter_gradients(gradient, x, convolution, pool)
    values = relu_gradient(gradient.values, gradient.outputs) if convolution.relu else gradient.values
    dy = max_pool2d_gradient(values, gradient.winners, output_shape, *pooling)
    dense_dx, dkernel, dbias = conv2d_relu_gradients(dy, None, x, convolution, input_gradient)
    return relu_gradient(dense_dx, x) if input_relu and dense_dx is not None else dense_dx, dkernel, dbias


def expect_pool(input_shape: Shape, convolution: Convolution, pooling: Pooling) -> Windows:
    """The windows of the pooling, after checking that the algorithms were chosen for them.

    Raises
    ------
    ValueError
        They were chosen for another pooling or another convolution.
    """
    pool = pooling.windows(convolution.output_shape(input_shape))
    expect_accepted("winners", convolution.problem(input_shape, pool))
    if pool != convolution.choice.pool:
        raise ValueError(
            f"Expected algorithms that were chosen for a pooling over {pool}, received some for "
            f"{convolution.choice.pool}; give `choose` a `Problem` with the windows of this pooling."
        )
    return pool
