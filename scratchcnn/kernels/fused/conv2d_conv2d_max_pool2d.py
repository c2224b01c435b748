"""Fused conv–conv–pool: two convolutions and a max pooling, where the output of the first is recomputed, never stored.

    conv2d_conv2d_max_pool2d             images     =  relu(conv2d(x, first kernel, first bias))
                                         y, winners =  max_pool2d(relu(conv2d(images, second kernel, second bias)))
    conv2d_conv2d_max_pool2d_gradients   the gradients of both kernels and both biases

Both return the same bits as this composition of primitive kernels with the same algorithms. The second convolution may
be without ReLU.

Why it is faster: the first convolution must be cheap (`algorithms.recomputes`); `recompute` explains the idea. Forward,
Winograd's tiles of the second convolution are cut from images that were just recomputed. Backward, for each slice of
channels of an image:

    recompute the slice of the image                                          (H, W, slice channels)
    add the sparse gradient w.r.t. the slice of the second kernel             as in `sparse_gradients`
    compute the sparse gradient w.r.t. the slice of the image                 (H, W, slice channels)
    mask it by the first ReLU, and multiply it by x: the gradient w.r.t. the slice of the first kernel

Neither the images nor the gradients with respect to them ever leave the cache.

Cost: that of the primitive operations, and the first convolution once more. Numerics: as the primitive operations.
"""

from __future__ import annotations

import numpy as np

from scratchcnn.algorithms import recomputes
from scratchcnn.kernels.bias import sum_of_images
from scratchcnn.kernels.conv2d import winograd
from scratchcnn.kernels.conv2d.dispatch import WINOGRAD_TILES
from scratchcnn.kernels.conv2d.implicit_gemm import room_for_gradient
from scratchcnn.kernels.conv2d.sparse_gradients import (
    add_slice_input_gradient,
    add_slice_kernel_gradient,
    compress,
    join_kernel,
    pooled_windows,
    room_for_columns,
    slices_of,
    split_kernel,
)
from scratchcnn.kernels.fused.conv2d_max_pool2d import expect_pool
from scratchcnn.kernels.fused.recompute import add_slice_gradient, compute_slice, recomputation, room_for_source
from scratchcnn.kernels.runtime.copying import empty_aligned, fill
from scratchcnn.kernels.runtime.groups import sum_of_groups
from scratchcnn.kernels.runtime.jit import group_count
from scratchcnn.kernels.runtime.loops import parallel_jobs
from scratchcnn.kernels.runtime.workspace import empty
from scratchcnn.operands import Array, Convolution, PooledGradient, Pooling, Shape, expect


def conv2d_conv2d_max_pool2d(
    x: Array, first: Convolution, second: Convolution, pooling: Pooling
) -> tuple[Array, Array]:
    """Convolve images twice, and keep the maximum of every window.

    Parameters
    ----------
    x : (N, H, W, C), float32 or float64
    first : Convolution
        With a ReLU.
    second : Convolution
    pooling : Pooling

    Returns
    -------
    y : (N, PH, PW, F), the dtype of x
    winners : (N, PH, PW, F)
        Argmax indices, as `max_pool2d` returns them.

    Raises
    ------
    ValueError
        Shapes do not fit, or the first convolution is not to be recomputed (`algorithms.recomputes`).
    """
    _expect_recomputation(x, first, second, pooling)
    images = recomputation(x, first, first.kernel.shape[3])
    tile_size = WINOGRAD_TILES[second.choice.forward]
    return winograd.conv2d_max_pool2d(tile_size, images, second.kernel, second.bias, second.padding, second.relu)


def conv2d_conv2d_max_pool2d_gradients(
    gradient: PooledGradient, x: Array, first: Convolution, second: Convolution, pooling: Pooling
) -> tuple[Array, Array, Array, Array]:
    """Gradients of the loss w.r.t. the kernels and biases of two convolutions, of which the second is pooled.

    Parameters
    ----------
    gradient : PooledGradient
    x, first, second, pooling
        As in the forward pass.

    Returns
    -------
    first_dkernel, first_dbias, second_dkernel, second_dbias : arrays of the shapes of the parameters

    Raises
    ------
    ValueError
        As `conv2d_conv2d_max_pool2d`.
    """
    between = _expect_recomputation(x, first, second, pooling)
    dtype = x.dtype
    expect(x=(x, x.shape), gradient=(gradient.values, gradient.values.shape))
    gradient.check(pooling.output_shape(second.output_shape(between)), pooling.pool_size)
    pool, windows = expect_pool(between, second, pooling), second.windows(between)
    slices = slices_of(windows, second.kernel.shape, x.itemsize)
    count = group_count(len(x), second.kernel.nbytes)
    groups, image_sums = empty((count, second.kernel.size), dtype), np.zeros((len(x), slices.filters), np.float64)
    first_groups, first_image_sums = np.zeros((count, first.kernel.size), dtype), np.zeros((len(x), between[3]))
    operands = (
        pooled_windows(gradient, second.relu, pool, windows, slices), slices,
        recomputation(x, first, slices.channels), split_kernel(second.kernel, slices.channels),
        groups, image_sums, first_groups, first_image_sums,
    )  # fmt: skip
    _gradients_of_group(count, *operands)
    return (
        sum_of_groups(first_groups).reshape(first.kernel.shape),
        sum_of_images(first_image_sums, dtype),
        join_kernel(sum_of_groups(groups), second.kernel.shape, slices.channels),
        sum_of_images(image_sums, dtype),
    )


def _expect_recomputation(x: Array, first: Convolution, second: Convolution, pooling: Pooling) -> Shape:
    """The shape of the images between the convolutions, after checking that they are to be recomputed."""
    expect(x=(x, x.shape), first=(first.kernel, first.kernel.shape), second=(second.kernel, second.kernel.shape))
    between = first.output_shape(x.shape)
    problem = second.problem(between, pooling.windows(second.output_shape(between)))
    if not first.relu or not recomputes(first.problem(x.shape), first.choice, problem, second.choice):
        raise ValueError(
            "Expected a cheap convolution with a ReLU, and one by Winograd and 'winners' with a 2 x 2 max pooling, for "
            f"which `algorithms.recomputes` is true; received {first.choice} for a kernel of {first.kernel.shape}"
            f"{'' if first.relu else ' without ReLU'}, {second.choice} for one of {second.kernel.shape} and {pooling}; "
            "call conv2d_relu and conv2d_max_pool2d."
        )
    expect_pool(between, second, pooling)
    return between


@parallel_jobs
def _gradients_of_group(group, windows, slices, recomputed, kernel, groups, image_sums, first_groups, first_image_sums):
    images, dtype = len(windows.values), groups.dtype
    fill(groups[group], 0, groups.shape[1], 0)
    columns = room_for_columns(windows)
    padded = room_for_source(recomputed)
    part_size = slices.pixels * slices.channels
    part, gradient = empty_aligned(part_size, dtype), empty_aligned(part_size, dtype)
    room = room_for_gradient(recomputed.corners.size, slices.channels, True, kernel)
    for image in range(images * group // len(groups), images * (group + 1) // len(groups)):
        compress(windows, image, columns, image_sums[image])
        for s in range(slices.number):
            compute_slice(recomputed, image, s, padded, part, 0)
            add_slice_kernel_gradient(columns, slices, s, part, groups[group])
            fill(gradient, 0, part_size, 0)
            add_slice_input_gradient(columns, slices, s, gradient, kernel)
            add_slice_gradient(
                recomputed, image, s, padded, gradient, part, room, first_groups[group], first_image_sums[image]
            )
