"""Kernels and reference reject operands whose shapes or dtypes do not fit."""

import numpy as np
import pytest
from comparing import ENGINES


def f32(*shape):
    return np.ones(shape, np.float32)


def f64(*shape):
    return np.ones(shape, np.float64)


def integers(*shape):
    return np.ones(shape, np.int64)


CONV = ((1, 1), "valid", (1, 1))


POOL = ((2, 2), (2, 2), "valid")


WINNERS = np.zeros((1, 2, 2, 1), np.uint8)


ADAM = (1, 0.1, 0.9, 0.99, 1e-7)


BAD_SHAPES = {
    "images of rank 3": ("conv2d", f32(5, 5, 1), f32(3, 3, 1, 2), None),
    "a kernel of rank 3": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 2), None),
    "other number of channels": ("conv2d", f32(1, 5, 5, 3), f32(3, 3, 1, 2), None),
    "a kernel larger than the image": ("conv2d", f32(1, 5, 2, 1), f32(3, 3, 1, 2), None),
    "a dilated kernel larger than the image": (
        "conv2d",
        f32(1, 5, 5, 1),
        f32(3, 3, 1, 2),
        None,
        (1, 1),
        "valid",
        (3, 1),
    ),
    "a bias of another length": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), f32(3), *CONV),
    "a bias of rank 2": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), f32(1, 2), *CONV),
    "an unknown padding": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), None, (1, 1), "full", (1, 1)),
    "a stride of zero": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), None, (0, 1), "valid", (1, 1)),
    "a negative dilation": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), None, (1, 1), "valid", (1, -1)),
    "three strides": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), None, (1, 1, 1), "valid", (1, 1)),
    "an image without rows": ("conv2d", f32(1, 0, 5, 1), f32(3, 3, 1, 2), None, (1, 1), "same", (1, 1)),
    "dy of another size, kernel gradient": ("conv2d_kernel_gradient", f32(1, 2, 3, 2), f32(1, 5, 5, 1), (3, 3)),
    "another number of images in dy, kernel gradient": (
        "conv2d_kernel_gradient",
        f32(2, 3, 3, 2),
        f32(1, 5, 5, 1),
        (3, 3),
    ),
    "dy of rank 3, kernel gradient": ("conv2d_kernel_gradient", f32(3, 3, 2), f32(1, 5, 5, 1), (3, 3)),
    "images of rank 2, kernel gradient": ("conv2d_kernel_gradient", f32(1, 3, 3, 2), f32(5, 5), (3, 3)),
    "dy of another size, input gradient": ("conv2d_input_gradient", f32(1, 2, 3, 2), f32(3, 3, 1, 2), (1, 5, 5, 1)),
    "another number of filters in dy, input gradient": (
        "conv2d_input_gradient",
        f32(1, 3, 3, 4),
        f32(3, 3, 1, 2),
        (1, 5, 5, 1),
    ),
    "an input shape of rank 3": ("conv2d_input_gradient", f32(1, 3, 3, 2), f32(3, 3, 1, 2), (5, 5, 1)),
    "im2col of rank 3": ("im2col", f32(5, 5, 1), (2, 2)),
    "im2col of an image smaller than the window": ("im2col", f32(1, 2, 5, 1), (3, 1)),
    "im2col with unknown padding": ("im2col", f32(1, 5, 5, 1), (3, 1), (1, 1), "SAME"),
    "columns of another shape": ("col2im", f32(4, 3), (1, 3, 3, 1), (2, 2)),
    "columns for a shape of rank 3": ("col2im", f32(4, 4), (3, 3, 1), (2, 2)),
    "pooling of rank 3": ("max_pool2d", f32(4, 4, 1)),
    "pooling of an image smaller than the window": ("max_pool2d", f32(1, 1, 4, 1)),
    "pooling with unknown padding": ("max_pool2d", f32(1, 4, 4, 1), (2, 2), (2, 2), "full"),
    "pooling with stride zero": ("max_pool2d", f32(1, 4, 4, 1), (2, 2), (2, 0)),
    "dy of another size, pooling gradient": ("max_pool2d_gradient", f32(1, 2, 1, 1), WINNERS, (1, 4, 4, 1)),
    "argmax indices of another size": ("max_pool2d_gradient", f32(1, 2, 2, 1), WINNERS[:, :1], (1, 4, 4, 1)),
    "average pooling of rank 3": ("average_pool2d", f32(4, 4, 1)),
    "average pooling of an image smaller than the window": ("average_pool2d", f32(1, 1, 4, 1)),
    "average pooling with unknown padding": ("average_pool2d", f32(1, 4, 4, 1), (2, 2), (2, 2), "full"),
    "dy of another size, average pooling gradient": ("average_pool2d_gradient", f32(1, 2, 1, 1), (1, 4, 4, 1)),
    "an input shape of rank 3, average pooling gradient": ("average_pool2d_gradient", f32(1, 2, 2, 1), (4, 4, 1)),
    "zero padding of rank 3": ("zero_pad2d", f32(4, 4, 1)),
    "a negative padding": ("zero_pad2d", f32(1, 4, 4, 1), ((0, 0), (0, -1))),
    "three pairs of padding": ("zero_pad2d", f32(1, 4, 4, 1), ((0, 0), (1, 1), (0, 0))),
    "a padding beyond the gradient": ("zero_pad2d_gradient", f32(1, 4, 4, 1), ((0, 0), (2, 3))),
    "dense samples of rank 1": ("dense", f32(3), f32(3, 2), None),
    "a dense kernel of rank 1": ("dense", f32(2, 3), f32(3), None),
    "a dense kernel for another number of inputs": ("dense", f32(2, 3), f32(4, 2), None),
    "a dense bias of another length": ("dense", f32(2, 3), f32(3, 2), f32(3)),
    "another number of samples in dy, dense kernel gradient": ("dense_kernel_gradient", f32(2, 3), f32(3, 3)),
    "samples of rank 1, dense kernel gradient": ("dense_kernel_gradient", f32(2, 3), f32(2)),
    "another number of units in dy, dense input gradient": ("dense_input_gradient", f32(2, 3), f32(3, 2)),
    "a kernel of rank 1, dense input gradient": ("dense_input_gradient", f32(2, 3), f32(3)),
    "relu gradient, dy of another shape": ("relu_gradient", f32(3), f32(4)),
    "relu gradient, dy that would broadcast": ("relu_gradient", f32(3), f32(1)),
    "softmax of rank 1": ("softmax", f32(3)),
    "softmax gradient, dy of another shape": ("softmax_gradient", f32(2, 3), f32(2, 4)),
    "targets of another shape": ("softmax_cross_entropy", f32(2, 3), f32(2, 4)),
    "targets of rank 1": ("softmax_cross_entropy", f32(2, 3), f32(2)),
    "targets of another shape, gradient w.r.t. logits": ("softmax_cross_entropy_gradient", f32(2, 3), f32(2, 4), 1.0),
    "targets of another shape, probabilities": ("cross_entropy", f32(2, 3), f32(3, 3)),
    "targets of another shape, gradient w.r.t. probabilities": ("cross_entropy_gradient", f32(2, 3), f32(3, 3), 1.0),
    "a mask of another shape": ("dropout_gradient", f32(3), np.ones(4, bool), 0.5),
    "a mask that would broadcast": ("dropout_gradient", f32(3), np.ones(1, bool), 0.5),
    "moments of another shape": ("adam", f32(3), f32(3), f32(4), f32(3), f32(3), *ADAM),
    "an adam gradient of another shape": ("adam", f32(3), f32(1), f32(3), f32(3), f32(3), *ADAM),
    "an sgd gradient of another shape": ("sgd", f32(3), f32(1), f32(3), 0.1, 0.9, False),
}


BAD_DTYPES = {
    "conv2d, mixed": ("conv2d", f32(1, 5, 5, 1), f64(3, 3, 1, 2), None),
    "conv2d, integers": ("conv2d", integers(1, 5, 5, 1), integers(3, 3, 1, 2), None),
    "conv2d, bias of another dtype": ("conv2d", f32(1, 5, 5, 1), f32(3, 3, 1, 2), f64(2)),
    "conv2d_kernel_gradient, mixed": ("conv2d_kernel_gradient", f64(1, 3, 3, 2), f32(1, 5, 5, 1), (3, 3)),
    "conv2d_input_gradient, mixed": ("conv2d_input_gradient", f64(1, 3, 3, 2), f32(3, 3, 1, 2), (1, 5, 5, 1)),
    "im2col, integers": ("im2col", integers(1, 5, 5, 1), (2, 2)),
    "col2im, integers": ("col2im", integers(4, 4), (1, 3, 3, 1), (2, 2)),
    "max_pool2d, integers": ("max_pool2d", integers(1, 4, 4, 1)),
    "max_pool2d_gradient, integers": ("max_pool2d_gradient", integers(1, 2, 2, 1), WINNERS, (1, 4, 4, 1)),
    "average_pool2d, integers": ("average_pool2d", integers(1, 4, 4, 1)),
    "average_pool2d_gradient, half precision": ("average_pool2d_gradient", np.ones((1, 2, 2, 1), "f2"), (1, 4, 4, 1)),
    "zero_pad2d, integers": ("zero_pad2d", integers(1, 4, 4, 1)),
    "zero_pad2d_gradient, integers": ("zero_pad2d_gradient", integers(1, 4, 4, 1)),
    "dense, mixed": ("dense", f32(2, 3), f64(3, 2), None),
    "dense, half precision": ("dense", np.ones((2, 3), np.float16), np.ones((3, 2), np.float16), None),
    "dense, bias of another dtype": ("dense", f32(2, 3), f32(3, 2), f64(2)),
    "dense_kernel_gradient, mixed": ("dense_kernel_gradient", f32(2, 3), f64(2, 3)),
    "dense_input_gradient, integers": ("dense_input_gradient", integers(2, 3), integers(4, 3)),
    "bias_gradient, integers": ("bias_gradient", integers(2, 3)),
    "bias_gradient, half precision": ("bias_gradient", np.ones((2, 3), np.float16)),
    "relu, integers": ("relu", integers(3)),
    "relu_gradient, mixed": ("relu_gradient", f32(3), f64(3)),
    "softmax, integers": ("softmax", integers(2, 3)),
    "softmax_gradient, mixed": ("softmax_gradient", f32(2, 3), f64(2, 3)),
    "softmax_cross_entropy, mixed": ("softmax_cross_entropy", f32(2, 3), f64(2, 3)),
    "softmax_cross_entropy_gradient, mixed": ("softmax_cross_entropy_gradient", f32(2, 3), f64(2, 3), 1.0),
    "cross_entropy, integers": ("cross_entropy", integers(2, 3), integers(2, 3)),
    "cross_entropy_gradient, mixed": ("cross_entropy_gradient", f32(2, 3), f64(2, 3), 1.0),
    "dropout, integers": ("dropout", integers(3), 0.5, 1),
    "dropout_gradient, integers": ("dropout_gradient", integers(3), np.ones(3, bool), 0.5),
    "adam, mixed": ("adam", f32(3), f64(3), f32(3), f32(3), f32(3), *ADAM),
    "sgd, integers": ("sgd", integers(3), integers(3), integers(3), 0.1, 0.9, False),
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES, ids=["reference", "kernels"])
@pytest.mark.parametrize("case", BAD_SHAPES.values(), ids=BAD_SHAPES)
def test_incompatible_shapes_raise_value_error(engine, case):
    name, *arguments = case
    with pytest.raises(ValueError):  # noqa: PT011 - both implementations promise the type; other tests check the message
        getattr(engine, name)(*arguments)


@pytest.mark.parametrize("engine", ENGINES, ids=["reference", "kernels"])
@pytest.mark.parametrize("case", BAD_DTYPES.values(), ids=BAD_DTYPES)
def test_mixed_or_unsupported_dtypes_raise_type_error(engine, case):
    name, *arguments = case
    with pytest.raises(TypeError, match="Expected one dtype"):
        getattr(engine, name)(*arguments)
