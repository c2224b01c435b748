"""show_im2col: a convolution as a matrix product, and col2im in the backward pass, for one image."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn import kernels, reference
from scratchcnn.descriptions.words import plural
from scratchcnn.inspection.im2col.data import Im2colStoryData
from scratchcnn.inspection.im2col.text import story_text
from scratchcnn.layers import Conv2D
from scratchcnn.names import look_up
from scratchcnn.operands import FLOAT_DTYPES, Array, expect_windows
from scratchcnn.operations import engine as operations_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PACKAGES = {"kernels": kernels, "reference": reference}


@dataclass(frozen=True, eq=False, repr=False)
class Im2colStory(Im2colStoryData):
    """The result of `show_im2col`: im2col, the matrix products and col2im for one image.

    The image has H x W pixels and C channels, the kernel KH x KW x C weights for each of F filters. The window has
    R = OH * OW positions and K = KH * KW * C elements. All arrays have the layer's dtype unless stated otherwise.

    Attributes
    ----------
    label : str
        Name and class of the layer.
    padding, activation : str
        Of the layer.
    windows : Windows
        Size, strides, dilation and padding of the windows along both axes.
    image : (H, W, C)
    kernel_matrix : (K, F)
        The kernel (KH, KW, C, F), reshaped.
    bias : (F,) or None
    matrix : (R, K)
        im2col(image): row oy * OW + ox is the patch for output position (oy, ox).
    sources : int64 (R, K)
        The pixel that each element of the matrix is a copy of, (row * W + column) * C + channel; -1 for padding.
    product : (R, F)
        matrix @ kernel_matrix + bias, the input of the activation function.
    output : (OH, OW, F)
        The output of the layer's own forward pass.
    dy : (OH, OW, F)
        Gradient of the loss w.r.t. the output.
    dz : (R, F)
        Gradient w.r.t. `product`: `dy`, backpropagated through the activation function.
    matrix_gradient : (R, K)
        dz @ kernel_matrix.T, the gradient w.r.t. the matrix.
    image_gradient : (H, W, C)
        col2im(matrix_gradient), the gradient w.r.t. the image.
    overlaps : int64 (H, W)
        Number of patches that contain each pixel: col2im of ones.
    engine : str
        The package that computed all this, 'reference' or 'kernels'.
    """

    def plot(self, to_file: str | os.PathLike[str] | None = None, row: int | None = None) -> Figure:
        """Draw the matrix products and col2im with all values, for a small image.

        Parameters
        ----------
        to_file : str or path, optional
            Image file: .png, .jpg, .jpeg, .pdf or .svg.
        row : int, optional
            The row of the matrix that is framed, with its patch and its outputs; default: one in the middle.

        Returns
        -------
        Figure

        Raises
        ------
        ValueError
            The image or the layer is too large (more than 25 patches, 27 matrix columns or 8 filters), there is no such
            row, or `to_file` has another extension.
        OSError
            `to_file` cannot be written.
        """
        from scratchcnn.inspection.im2col.figure import plot_im2col

        return plot_im2col(self, to_file, row)

    def animate(self, to_file: str | os.PathLike[str] = "im2col.gif") -> None:
        """Write an animated GIF with one frame per patch in the forward pass, and one in the backward pass.

        Parameters
        ----------
        to_file : str or path
            With the extension .gif.

        Raises
        ------
        ValueError
            The image is too large for `plot`, the matrix has more than 450 elements, or the extension is not .gif.
        OSError
            `to_file` cannot be written.
        """
        from scratchcnn.inspection.im2col.animation_figure import animate_im2col

        animate_im2col(self, to_file)

    def __str__(self) -> str:
        return story_text(self)

    def __repr__(self) -> str:
        rows, columns = self.matrix.shape
        return f"<Im2colStory of {self.label}: image {self.image.shape}, matrix ({rows}, {columns}); print it>"


def show_im2col(image: object, layer: Conv2D, dy: object = None, *, engine: str = "reference") -> Im2colStory:
    """Compute a convolution of one image as a matrix product, and its gradient with col2im.

        matrix = im2col(image)                          (R, K), one patch per row
        product = matrix @ kernel_matrix + bias         (R, F), one output position per row
        image_gradient = col2im(dz @ kernel_matrix.T)   (H, W, C), each element is added to the pixel it was copied from

    Notation: R is the number of window positions, K the number of elements of a window, F the number of filters; dz is
    the gradient w.r.t. `product`.

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
        With `print`, `plot` and `animate`.

    Raises
    ------
    TypeError
        `layer` is not a Conv2D, or `image` or `dy` are not numeric.
    ValueError
        `image` is a batch, has another number of channels than the layer, contains NaN or infinity, or is smaller than
        a window; `dy` has another shape; there is no such engine.

    Examples
    --------
    >>> story = show_im2col(np.arange(16.0).reshape(4, 4), Conv2D(1, 3))
    >>> story.matrix[1]
    array([ 1.,  2.,  3.,  5.,  6.,  7.,  9., 10., 11.])
    >>> story.columns()[5]
    Column(kernel_row=1, kernel_column=2, channel=0)
    >>> story.overlaps[1]
    array([2, 4, 4, 2])

    References
    ----------
    Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for document processing",
    section 2.
    """
    _expect_conv2d(layer)
    package = look_up("engine", engine, PACKAGES)
    ops = operations_of(engine)
    x = _checked_image(image, layer)  # (1, H, W, C)
    geometry = (layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    height, width = x.shape[1:3]
    windows = expect_windows((height, width), *geometry)
    layer = _built(layer, x)
    x = np.ascontiguousarray(x, layer.params["kernel"].dtype)

    y, _ = layer.forward(x, ops, training=False, rng=None)
    gradient = y if dy is None else _checked_dy(dy, y)  # (1, OH, OW, F)
    matrix = package.im2col(x, *geometry)  # (R, K)
    kernel_matrix = np.ascontiguousarray(layer.params["kernel"]).reshape(-1, layer.filters)  # (K, F)
    # A convolution is a dense layer over the rows of im2col.
    product = ops.dense(matrix, kernel_matrix, layer.params.get("bias"))
    dz = layer.activation.backward(gradient, y, ops).reshape(-1, layer.filters)  # (R, F)
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
        overlaps=package.col2im(ones, (1, height, width, 1), *geometry)[0, ..., 0].astype(np.int64),
        engine=engine,
    )


def _expect_conv2d(layer: object) -> None:
    if not isinstance(layer, Conv2D):
        received = getattr(layer, "label", type(layer).__name__)
        raise TypeError(f"Expected a Conv2D, received {received}; of a model, give one of model.layers.")


def _checked_image(image: object, layer: Conv2D) -> Array:
    """Return the image as (1, H, W, C)."""
    pixels = _finite(image, "image")
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
    gradient = _finite(dy, "dy")
    if gradient.shape not in (y.shape, y.shape[1:]):
        raise ValueError(
            f"Expected dy of the output's shape {y.shape[1:]}, received {gradient.shape}; give the gradient w.r.t. the "
            "output."
        )
    return np.ascontiguousarray(gradient.reshape(y.shape), y.dtype)


def _finite(values: object, name: str) -> Array:
    """Return an array of finite integers or floats."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"Expected {name} as integers or floats, received dtype {array.dtype}; use astype(float).")
    if not np.isfinite(array).all():
        raise ValueError(f"Expected finite values in {name}, received NaN or infinity; use numpy.nan_to_num({name}).")
    return array


def _built(layer: Conv2D, x: Array) -> Conv2D:
    """Return the layer, or a built copy for images of the shape of x."""
    if layer.params:
        return layer
    built = copy.copy(layer)
    built.input_shape = None  # the image may be smaller than the layer's input
    dtype = x.dtype if x.dtype in FLOAT_DTYPES else np.dtype(np.float32)
    built.build(x.shape[1:], np.random.default_rng(0), dtype)
    return built
