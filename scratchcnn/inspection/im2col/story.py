"""im2col, seen: a convolution as one product of matrices, and col2im's way back, for one image."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.geometry import Windows
from scratchcnn.inspection.im2col.data import ROOMS, Im2colStoryData
from scratchcnn.inspection.im2col.text import story_text
from scratchcnn.layers import Conv2D
from scratchcnn.names import look_up
from scratchcnn.operands import FLOAT_DTYPES, Array, expect_windows
from scratchcnn.operations import engine as operations_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NUMBERS = 20_000_000  # of a matrix; it is kept, with its gradient and where each number came from


@dataclass(frozen=True, eq=False, repr=False)
class Im2colStory(Im2colStoryData):
    """One image's way through im2col, the product of matrices and col2im.

    H, W, C are the image's height, width and channels; KH x KW is the kernel's size; OH x OW windows fit, so R =
    OH * OW rows; K = KH * KW * C columns; F filters. All numbers are of the layer's dtype unless said otherwise.

    Attributes
    ----------
    label : str
        Name and class of the layer.
    padding, activation : str
        Of the layer.
    windows : Windows
        Where the patches lie: sizes, strides, dilation and padding of both axes.
    image : (H, W, C)
    kernel_matrix : (K, F)
        The layer's kernel (KH, KW, C, F), reshaped.
    bias : (F,) or None
    matrix : (R, K)
        im2col(image): row oy * OW + ox is the patch of output (oy, ox).
    sources : int64 (R, K)
        Which pixel each number of the matrix is a copy of: (row * W + column) * C + channel, or -1 for the padding.
    product : (R, F)
        matrix @ kernel_matrix + bias: what goes into the activation.
    output : (OH, OW, F)
        What the layer's own forward pass gives.
    dz : (R, F)
        Gradient of the loss by `product`, from `dy` (OH, OW, F), that by the output, through the activation.
    matrix_gradient : (R, K)
        dz @ kernel_matrix.T: gradient of the loss by each number of the matrix.
    image_gradient : (H, W, C)
        col2im(matrix_gradient): gradient of the loss by each pixel.
    overlaps : int64 (H, W)
        How many patches hold a pixel: col2im of ones.
    engine : str
        Which package computed all this, 'reference' or 'kernels'.
    """

    def plot(self, to_file: str | os.PathLike[str] | None = None, row: int | None = None) -> Figure:
        """Draw all of it in one figure: both products and col2im, one patch framed all the way.

        A tiny image has its numbers written in; a larger one is shown in colours.

        Parameters
        ----------
        to_file : str or path, optional
            Where to write the picture: .png, .jpg, .jpeg, .pdf or .svg.
        row : int, optional
            The patch that is framed; default: one in the middle.

        Returns
        -------
        Figure

        Raises
        ------
        ValueError
            There is no such row, or `to_file` has another ending.
        OSError
            `to_file` cannot be written.
        """
        from scratchcnn.inspection.im2col.figure import plot_im2col

        return plot_im2col(self, to_file, row)

    def animate(self, to_file: str | os.PathLike[str] = "im2col.gif") -> None:
        """Write it as an animated GIF: a frame for each patch on the way there, and one on the way back.

        Parameters
        ----------
        to_file : str or path
            Its ending is .gif.

        Raises
        ------
        ValueError
            There are more than 25 patches, or more numbers in the matrix than can be read; or `to_file` has another
            ending.
        OSError
            `to_file` cannot be written; no part of a file is left.
        """
        from scratchcnn.inspection.im2col.animation_figure import animate_im2col

        animate_im2col(self, to_file)

    def __str__(self) -> str:
        return story_text(self)

    def __repr__(self) -> str:
        rows, columns = self.matrix.shape
        return f"<Im2colStory of {self.label}: image {self.image.shape}, matrix ({rows}, {columns}); print it>"


def show_im2col(image: object, layer: Conv2D, dy: object = None, *, engine: str = "reference") -> Im2colStory:
    """Show how a convolution of one image becomes one product of matrices, and how its gradient finds its way back.

        matrix = im2col(image)                          (R, K), a patch in each row
        product = matrix @ kernel_matrix + bias         (R, F), an output in each row
        image_gradient = col2im(dz @ kernel_matrix.T)   (H, W, C), each number added where its pixel was copied from

    Parameters
    ----------
    image : array-like (H, W, C), (1, H, W, C), or (H, W) for one channel
        What goes into the layer; of any height and width that hold a window, so a small part of an image will do. It
        is converted to the layer's dtype.
    layer : Conv2D
        Where it is not built yet, a copy of it is built for this image, with weights from its initializers by seed 0
        (float64 if the image is); the layer itself is never changed.
    dy : array-like (OH, OW, F), optional
        Gradient of the loss by the layer's output. Default: the output itself, which is right for the loss
        sum(output ** 2) / 2.
    engine : {'reference', 'kernels'}
        Which package computes it.

    Returns
    -------
    Im2colStory
        `print` it, or call its `plot` and `animate`.

    Raises
    ------
    TypeError
        The layer is no Conv2D, or image or dy are not numbers.
    ValueError
        The image is a batch, has other channels than the layer, holds NaN or infinity, or no window fits; the matrix
        would be very large; dy has another shape; there is no such engine.

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
    _check_layer(layer)
    room = look_up("engine", engine, ROOMS)
    ops = operations_of(engine)
    x = _check_image(image, layer)  # (1, H, W, C)
    geometry = (layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    height, width = x.shape[1:3]
    windows = expect_windows((height, width), *geometry)
    _expect_moderate(windows, x.shape[3])
    layer = _built(layer, x)
    x = np.ascontiguousarray(x, layer.params["kernel"].dtype)

    y, _ = layer.forward(x, ops, training=False, rng=None)
    gradient = y if dy is None else _check_dy(dy, y)  # (1, OH, OW, F)
    matrix = room.im2col(x, *geometry)  # (R, K)
    kernel_matrix = np.ascontiguousarray(layer.params["kernel"]).reshape(-1, layer.filters)  # (K, F)
    # A convolution is a dense layer over the rows of im2col.
    product = ops.dense(matrix, kernel_matrix, layer.params.get("bias"))
    dz = layer.activation.backward(gradient, y, ops).reshape(-1, layer.filters)  # (R, F)
    matrix_gradient = ops.dense_input_gradient(np.ascontiguousarray(dz), kernel_matrix)  # (R, K)
    ones = np.ones((len(matrix), layer.kernel_size[0] * layer.kernel_size[1]))
    numbered = np.arange(1.0, x.size + 1).reshape(x.shape)  # so that the padding's zero is none of them
    return Im2colStory(
        label=layer.label,
        padding=layer.padding,
        activation=layer.activation.name,
        windows=windows,
        image=x[0],
        kernel_matrix=kernel_matrix.copy(),
        bias=layer.params["bias"].copy() if layer.use_bias else None,
        matrix=matrix,
        sources=room.im2col(numbered, *geometry).astype(np.int64) - 1,
        product=product,
        output=y[0],
        dy=gradient[0],
        dz=dz,
        matrix_gradient=matrix_gradient,
        image_gradient=room.col2im(matrix_gradient, x.shape, *geometry)[0],
        overlaps=room.col2im(ones, (1, height, width, 1), *geometry)[0, ..., 0].astype(np.int64),
        engine=engine,
    )


def _check_layer(layer: object) -> None:
    """Refuse what is no convolution."""
    if not isinstance(layer, Conv2D):
        received = getattr(layer, "label", type(layer).__name__)
        raise TypeError(f"Expected a Conv2D, received {received}; of a model, give one of model.layers.")


def _check_image(image: object, layer: Conv2D) -> Array:
    """The image as (1, H, W, C) finite numbers, C as the layer has it if that is known."""
    pixels = np.asarray(image)
    received = pixels.shape
    if pixels.dtype.kind not in "iuf":
        raise TypeError(f"Expected an image of integers or floats, received dtype {pixels.dtype}.")
    if pixels.ndim == 4 and len(pixels) == 1:
        pixels = pixels[0]
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.size == 0:
        mend = "give one image of the batch, as x[0]" if pixels.ndim == 4 and len(pixels) else "give it as (28, 28, 1)"
        raise ValueError(f"Expected one image (H, W, C) or (H, W), received shape {received}; {mend}.")
    channels = layer.input_shape[-1] if layer.input_shape is not None else pixels.shape[2]
    if pixels.shape[2] != channels:
        raise ValueError(
            f"Expected an image with {channels} channels for {layer.label}, received shape {received}; give one "
            "image, as (H, W, C), that comes out of the layer before this one."
        )
    if not np.isfinite(pixels).all():
        raise ValueError("Expected finite numbers in the image, received NaN or infinity; use numpy.nan_to_num(x).")
    return pixels[None]


def _expect_moderate(windows: Windows, channels: int) -> None:
    """Refuse an image whose matrix would fill the memory."""
    rows, columns = windows
    numbers = rows.output * columns.output * rows.kernel * columns.kernel * channels
    if numbers > MOST_NUMBERS:
        raise ValueError(
            f"Expected an image whose matrix has at most {MOST_NUMBERS:,} numbers, received one of "
            f"{rows.output * columns.output:,} patches of {rows.kernel * columns.kernel * channels:,} numbers; give a "
            "part of it, as image[:32, :32]."
        )


def _built(layer: Conv2D, x: Array) -> Conv2D:
    """The layer, or a built copy of it that takes images of the shape of x."""
    if layer.params:
        return layer
    twin = copy.copy(layer)
    twin.input_shape = None  # of the copy: the image may be a small part of what the layer is made for
    dtype = x.dtype if x.dtype in FLOAT_DTYPES else np.dtype(np.float32)
    twin.build(x.shape[1:], np.random.default_rng(0), dtype)
    return twin


def _check_dy(dy: object, y: Array) -> Array:
    """The gradient as (1, OH, OW, F), of the dtype of the output y."""
    gradient = np.asarray(dy)
    if gradient.dtype.kind not in "iuf":
        raise TypeError(f"Expected dy as integers or floats, received dtype {gradient.dtype}.")
    if gradient.shape not in (y.shape, y.shape[1:]):
        raise ValueError(f"Expected dy of the output's shape {y.shape[1:]}, received {gradient.shape}.")
    if not np.isfinite(gradient).all():
        raise ValueError("Expected finite numbers in dy, received NaN or infinity.")
    return np.ascontiguousarray(gradient.reshape(y.shape), y.dtype)
