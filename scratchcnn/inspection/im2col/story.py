"""show_im2col: a convolution as a matrix product, and col2im in the backward pass, for one image."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn import kernels, reference
from scratchcnn.descriptions.words import plural
from scratchcnn.display.blocks import Block
from scratchcnn.display.displayed import Displayed
from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.im2col.text import story_blocks
from scratchcnn.layers import Conv2D
from scratchcnn.operands import FLOAT_DTYPES, Array, expect_windows
from scratchcnn.operations import engine as operations_of
from scratchcnn.training.data import check_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scratchcnn.plots.inline import Animation


@dataclass(frozen=True, eq=False, repr=False)
class Im2colStory(Displayed, Im2colStoryData):
    """The result of `show_im2col`: im2col, the matrix products and col2im for one image.

    The image has H x W pixels and C channels, the kernel KH x KW x C weights for each of F filters. The window has
    R = OH * OW positions and K = KH * KW * C elements. All arrays have the layer's dtype unless stated otherwise.

    Attributes
    ----------
    label, padding, activation : str  of the layer; its label is its name and class
    windows : Windows                 size, strides, dilation and padding of the windows along both axes
    image : (H, W, C)
    kernel_matrix : (K, F)            the kernel (KH, KW, C, F), reshaped
    bias : (F,) or None
    matrix : (R, K)                   im2col(image): row oy * OW + ox is the patch for output position (oy, ox)
    sources : int64 (R, K)            the pixel (row * W + column) * C + channel of each element; -1 for padding
    product : (R, F)                  matrix @ kernel_matrix + bias, the input of the activation function
    output : (OH, OW, F)              of the layer's own forward pass
    dy : (OH, OW, F)                  gradient of the loss w.r.t. the output
    dz : (R, F)                       gradient w.r.t. `product`: `dy`, backpropagated through the activation function
    matrix_gradient : (R, K)          dz @ kernel_matrix.T, the gradient w.r.t. the matrix
    image_gradient : (H, W, C)        col2im(matrix_gradient), the gradient w.r.t. the image
    overlaps : int64 (H, W)           number of patches that contain each pixel: col2im of ones
    engine : str                      the package that computed all this, 'reference' or 'kernels'
    """

    def plot(self, to_file: str | os.PathLike[str] | None = None, row: int | None = None) -> Figure:
        """Draw the matrix products and col2im with all values; write them to `to_file`, if given, as `plots.save`.

        One `row` of the matrix is framed, with its patch and its outputs; default: one in the middle. ValueError for
        more than 25 patches, 27 matrix columns or 8 filters, or a row that does not exist.
        """
        from scratchcnn.inspection.im2col.figure import plot_im2col

        return plot_im2col(self, to_file, row)

    def animate(self, to_file: str | os.PathLike[str] | None = "im2col.gif") -> Animation:
        """Draw an animation with one frame per patch in the forward pass, and one in the backward pass.

        It is written to an animated GIF, unless `to_file` is None, and returned, so that a notebook displays it.

        Errors as for `plot`, and a ValueError for a matrix of more than 450 elements or another extension than .gif.
        """
        from scratchcnn.inspection.im2col.figure import animate_im2col

        return animate_im2col(self, to_file)

    def blocks(self) -> Iterator[Block]:
        """Return the four steps with their values."""
        return story_blocks(self)

    def __repr__(self) -> str:
        rows, columns = self.matrix.shape
        return f"<Im2colStory of {self.label}: image {self.image.shape}, matrix ({rows}, {columns}); print it>"


def show_im2col(image: object, layer: Conv2D, dy: object = None, *, engine: str = "reference") -> Im2colStory:
    """Compute a convolution of one image as a matrix product, and its gradient with col2im.

        matrix = im2col(image)                          (R, K), one patch per row
        product = matrix @ kernel_matrix + bias         (R, F), one output position per row
        image_gradient = col2im(dz @ kernel_matrix.T)   (H, W, C), each element is added to the pixel it was copied from

    R is the number of window positions, K that of the elements of a window, F that of the filters; dz is the gradient
    w.r.t. `product`.

    Parameters
    ----------
    image : array-like (H, W, C), (1, H, W, C), or (H, W) for one channel
        Input of the layer, of any height and width, so it may be a part of an image. Converted to the layer's dtype.
    layer : Conv2D
        If it is not built, a copy of it is built for this image, with weights from its initializers and seed 0 (float64
        if the image is). The layer itself is not changed.
    dy : array-like (OH, OW, F), optional
        Gradient of the loss w.r.t. the layer's output. Default: the output itself, which is the gradient of the loss
        sum(output ** 2) / 2.
    engine : {'reference', 'kernels'}
        The package that computes it.

    Returns
    -------
    Im2colStory
        `print` it; `plot('im2col.png')` draws it, `animate('im2col.gif')` shows its steps.

    Raises
    ------
    TypeError, ValueError
        `layer` is not a Conv2D; `image` is a batch, has another number of channels than the layer, or is smaller than a
        window; `dy` has another shape; one of them is not numeric or not finite; there is no such engine.

    Examples
    --------
    >>> story = show_im2col(np.arange(16.0).reshape(4, 4), Conv2D(1, 3))
    >>> story.matrix[1]
    array([ 1.,  2.,  3.,  5.,  6.,  7.,  9., 10., 11.])
    >>> story.columns()[5]
    (1, 2, 0)
    >>> story.overlaps[1]
    array([2, 4, 4, 2])

    References
    ----------
    Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for document processing",
    section 2.
    """
    ops = operations_of(engine)
    package = reference if engine == "reference" else kernels
    x = _one_image(image, layer)  # (1, H, W, C)
    geometry = (layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    windows = expect_windows(x.shape[1:3], *geometry)
    if not layer.params:
        layer = copy.copy(layer)
        layer.input_shape = None  # the image may be smaller than the layer's input
        dtype = x.dtype if x.dtype in FLOAT_DTYPES else np.dtype(np.float32)
        layer.build(x.shape[1:], np.random.default_rng(0), dtype)
    dtype = layer.params["kernel"].dtype
    x = np.ascontiguousarray(check_images(x, x.shape[1:], dtype, "image"), dtype)

    y, _ = layer.forward(x, ops, training=False, rng=None)
    gradient = y if dy is None else _checked_dy(dy, y)  # (1, OH, OW, F)
    matrix = package.im2col(x, *geometry)  # (R, K)
    kernel_matrix = np.ascontiguousarray(layer.params["kernel"]).reshape(-1, layer.filters)  # (K, F)
    # A convolution is a dense layer over the rows of im2col.
    product = ops.dense(matrix, kernel_matrix, layer.params.get("bias"))
    kept = layer.activation.kept(product.reshape(y.shape), y)
    dz = layer.activation.backward(gradient, kept, ops).reshape(-1, layer.filters)  # (R, F)
    matrix_gradient = ops.dense_input_gradient(np.ascontiguousarray(dz), kernel_matrix)  # (R, K)
    ones = np.ones((len(matrix), layer.kernel_size[0] * layer.kernel_size[1]))
    numbered = np.arange(1.0, x.size + 1).reshape(x.shape)  # 0 is the padding
    return Im2colStory(
        label=layer.label,
        padding=layer.padding,
        activation=layer.activation.name,
        windows=windows,
        image=x[0],
        kernel_matrix=kernel_matrix.copy(),
        bias=layer.params["bias"].copy() if layer.use_bias else None,
        matrix=matrix,
        sources=package.im2col(numbered, *geometry).astype(np.int64) - 1,
        product=product,
        output=y[0],
        dy=gradient[0],
        dz=dz,
        matrix_gradient=matrix_gradient,
        image_gradient=package.col2im(matrix_gradient, x.shape, *geometry)[0],
        overlaps=package.col2im(ones, (*x.shape[:3], 1), *geometry)[0, ..., 0].astype(np.int64),
        engine=engine,
    )


def _one_image(image: object, layer: object) -> Array:
    """Return the image as (1, H, W, C) for a Conv2D; its values are not checked."""
    if not isinstance(layer, Conv2D):
        received = getattr(layer, "label", type(layer).__name__)
        raise TypeError(f"Expected a Conv2D, received {received}; of a model, give one of model.layers.")
    pixels = np.asarray(image)
    received = pixels.shape
    if pixels.ndim == 4 and len(pixels) == 1:
        pixels = pixels[0]
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.size == 0:
        fix = "give one image of the batch, as x[0]" if pixels.ndim == 4 and len(pixels) else "give it as (28, 28, 1)"
        raise ValueError(f"Expected one image (H, W, C) or (H, W), received shape {received}; {fix}.")
    channels = layer.input_shape[-1] if layer.input_shape is not None else pixels.shape[2]
    if pixels.shape[2] != channels:
        raise ValueError(
            f"Expected an image with {plural(channels, 'channel')} for {layer.label}, received shape {received}; give "
            "one output (H, W, C) of the layer before this one."
        )
    return pixels[None]


def _checked_dy(dy: object, y: Array) -> Array:
    """Return the gradient as (1, OH, OW, F) in the dtype of the output y."""
    gradient = np.asarray(dy)
    if gradient.shape not in (y.shape, y.shape[1:]):
        raise ValueError(
            f"Expected dy of the output's shape {y.shape[1:]}, received {gradient.shape}; give the gradient w.r.t. the "
            "output."
        )
    return np.ascontiguousarray(check_images(gradient.reshape(y.shape), y.shape[1:], y.dtype, "dy"), y.dtype)
