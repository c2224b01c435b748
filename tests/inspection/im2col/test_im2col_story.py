"""show_im2col: its matrices contain the patches, and its products equal the layer's own passes, for any geometry."""

import subprocess
import sys

import numpy as np
import pytest
from comparing import ODD_PIXEL, ONE_PIXEL_UNDER_A_LARGE_WINDOW, windows_over_images
from hypothesis import example, given, settings
from hypothesis import strategies as st
from networks import small_model

from scratchcnn import Sequential, kernels, reference
from scratchcnn.inspection import show_im2col
from scratchcnn.layers import Conv2D, Dense

ENGINES = {"reference": reference, "kernels": kernels}
SMALL = ((4, 4), (3, 3), (1, 1), "valid", (1, 1))


def computed(geometry, channels, filters, activation, engine, seed=0, dtype=np.float64):
    """Return an image, a built layer, a gradient, and the result."""
    size, window, strides, padding, dilation = geometry
    rng = np.random.default_rng(seed)
    layer = Conv2D(
        filters, window, strides, padding, dilation_rate=dilation, activation=activation,
        use_bias=seed % 2 == 0, bias_initializer=lambda shape, rng, dtype: rng.normal(size=shape).astype(dtype),
    )  # fmt: skip
    layer.build((*size, channels), rng, np.dtype(dtype))
    image = rng.normal(size=(*size, channels)).astype(dtype)
    dy = rng.normal(size=layer.output_shape).astype(dtype)
    return image, layer, dy, show_im2col(image, layer, dy, engine=engine)


def patch_by_formula(image, geometry, oy, ox):
    """Return one patch (KH, KW, C), element by element, zero outside the image."""
    (height, width), (kh, kw), (sh, sw), padding, (dh, dw) = geometry

    def before(size, kernel, stride, dilation):
        total = (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size
        return max(total, 0) // 2 if padding == "same" else 0

    top, left = before(height, kh, sh, dh), before(width, kw, sw, dw)
    patch = np.zeros((kh, kw, image.shape[2]), image.dtype)
    for ky, kx in np.ndindex(kh, kw):
        y, x = oy * sh + ky * dh - top, ox * sw + kx * dw - left
        if 0 <= y < height and 0 <= x < width:
            patch[ky, kx] = image[y, x]
    return patch


@settings(max_examples=60)
@example(ODD_PIXEL, 2, 3, "relu", "kernels", 0)
@example(ONE_PIXEL_UNDER_A_LARGE_WINDOW, 1, 1, "linear", "reference", 1)
@given(
    windows_over_images(),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from(["linear", "relu", "softmax"]),
    st.sampled_from(sorted(ENGINES)),
    st.integers(0, 99),
)
def test_patches_products_and_gradients_equal_those_of_the_layer(geometry, channels, filters, activation, engine, seed):
    image, layer, dy, story = computed(geometry, channels, filters, activation, engine, seed)
    ops = ENGINES[engine]
    y, cache = layer.forward(image[None], ops, training=False, rng=None)
    dx, gradients = layer.backward(dy[None], cache, ops)

    for row, numbers in enumerate(story.matrix):
        patch = patch_by_formula(image, geometry, *story.position(row))
        np.testing.assert_array_equal(numbers.reshape(patch.shape), patch)
    for column, (ky, kx, channel) in enumerate(story.columns()):
        np.testing.assert_array_equal(story.kernel_matrix[column], layer.params["kernel"][ky, kx, channel])
    assert len(story.columns()) == story.matrix.shape[1]

    np.testing.assert_array_equal(story.output, y[0])
    bias = layer.params.get("bias", 0)
    np.testing.assert_allclose(story.product, story.matrix @ story.kernel_matrix + bias, rtol=1e-9, atol=1e-12)
    activated = layer.activation.forward(story.product.reshape(y.shape), ops)
    np.testing.assert_allclose(activated, y, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(story.image_gradient, dx[0], rtol=1e-9, atol=1e-12)
    kernel_gradient = (story.matrix.T @ story.dz).reshape(gradients["kernel"].shape)
    np.testing.assert_allclose(kernel_gradient, gradients["kernel"], rtol=1e-9, atol=1e-12)


@settings(max_examples=60)
@given(windows_over_images(), st.integers(1, 2), st.sampled_from(sorted(ENGINES)))
def test_sources_patches_and_overlaps_are_consistent(geometry, channels, engine):
    image, _, _, story = computed(geometry, channels, 1, "linear", engine)
    height, width = geometry[0]
    counts, gradient = np.zeros((height, width), int), np.zeros(image.shape)
    numbered = np.arange(1, image.size + 1).reshape(image.shape)  # 0 is the padding
    for row in range(len(story.matrix)):
        before = story.scattered(row)
        np.testing.assert_allclose(before[0], gradient, atol=1e-12)
        np.testing.assert_array_equal(before[1], counts)
        pixels = patch_by_formula(numbered, geometry, *story.position(row)).ravel() - 1
        np.testing.assert_array_equal(story.sources[row], pixels)
        for column in np.flatnonzero(pixels >= 0):
            y, x, channel = np.unravel_index(pixels[column], image.shape)
            counts[y, x] += channel == 0
            gradient[y, x, channel] += story.matrix_gradient[row, column]
    np.testing.assert_array_equal(story.overlaps, counts)
    assert story.overlaps.dtype == np.int64
    ones = np.ones((len(story.matrix), geometry[1][0] * geometry[1][1]))
    of_ones = ENGINES[engine].col2im(ones, (1, height, width, 1), *geometry[1:])
    np.testing.assert_array_equal(story.overlaps, of_ones[0, ..., 0])


@settings(max_examples=60)
@given(windows_over_images(), st.integers(1, 40), st.integers(1, 40))
def test_lines_of_the_text_fit(geometry, channels, filters):
    *_, story = computed(geometry, channels, filters, "relu", "reference")
    lines = str(story).splitlines()
    assert max(map(len, lines)) <= 120
    assert [line[:2] for line in lines if line[:1].isdigit() and line[1] == "."] == ["1.", "2.", "3.", "4."]
    assert not any(line.endswith(" ") for line in lines)


def test_text_of_a_tiny_image_contains_all_values():
    layer = Conv2D(1, 2, kernel_initializer=lambda shape, rng, dtype: np.arange(4.0).reshape(shape).astype(dtype))
    text = str(show_im2col(np.arange(9.0).reshape(3, 3), layer, np.array([[[1.0], [0]], [[0], [10]]])))
    for lines in (
        """
   image
     0  1  2
     3  4  5
     6  7  8
""",
        """
   matrix (columns: kernel row, column)
   row  output  0,0  0,1  1,0  1,1
   ---  ------  ---  ---  ---  ---
     0  (0, 0)    0    1    3    4
     1  (0, 1)    1    2    4    5
     2  (1, 0)    3    4    6    7
     3  (1, 1)    4    5    7    8
""",
        "\n   0 × 0 + 1 × 1 + 3 × 2 + 4 × 3 + 0 = 19\n",
        """
   The gradient w.r.t. pixel (1, 1):
   3 (row 0, column 3) + 0 (row 1, column 2) + 0 (row 2, column 1) + 0 (row 3, column 0) = 3
""",
        """
   number of patches that contain each pixel
     1  2  1
     2  4  2
     1  2  1
""",
        """
   gradient w.r.t. the image
      0   1   0
      2   3  10
      0  20  30""",
    ):
        assert lines in text
    assert "column = (kernel row × 2 + kernel column) × 1 + channel." in " ".join(text.split())
    assert "…" not in text


def test_text_of_a_large_image_is_abridged():
    *_, story = computed(((28, 28), (3, 3), (1, 1), "same", (1, 1)), 8, 32, "relu", "kernels")
    text = str(story)
    assert len(text.splitlines()) < 110
    assert "The window has 28 × 28 positions, so the matrix has 784 rows" in text
    assert "…         …" in text
    assert "783  (27, 27)" in text
    assert "(784 × 72) × (72 × 32) = (784 × 32)" in text
    assert "1 above, 1 below, 1 left, 1 right" in text
    assert "image: shape (28, 28, 8), values from" in text
    assert repr(story) == "<Im2colStory of 'conv2d' (Conv2D): image (28, 28, 8), matrix (784, 72); print it>"


def test_unbuilt_layer_is_not_changed():
    layer = Conv2D(3, 2, input_shape=(28, 28, 1), activation="relu")
    story = show_im2col(np.arange(12, dtype=np.uint8).reshape(3, 4), layer)
    assert layer.params == {}
    assert layer.output_shape is None
    assert layer.input_shape == (28, 28, 1)
    assert story.matrix.dtype == story.image_gradient.dtype == np.float32
    np.testing.assert_array_equal(story.image[..., 0], np.arange(12).reshape(3, 4))
    again = show_im2col(np.arange(12, dtype=np.uint8).reshape(3, 4), Conv2D(3, 2))
    np.testing.assert_array_equal(story.kernel_matrix, again.kernel_matrix)


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_layer_of_a_model_is_not_changed_and_accepts_a_part_of_an_image(engine):
    model = small_model(seed=0, engine=engine)
    before = model.get_weights()
    image = np.random.default_rng(0).random((1, 9, 8, 1))
    layer = model.layers[0]
    whole, part = show_im2col(image, layer), show_im2col(image[0, 2:6, 1:7], layer, engine=engine)
    np.testing.assert_allclose(part.output, whole.output[2:4, 1:5], rtol=1e-5, atol=1e-6)
    whole.kernel_matrix[:] = 7  # a copy
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert layer.input_shape == (9, 8, 1)


def test_without_dy_the_gradient_is_the_output():
    image, layer, _, _ = computed(SMALL, 1, 2, "relu", "reference")
    story = show_im2col(image, layer)
    np.testing.assert_array_equal(story.dy, story.output)
    assert "No dy was given" in str(story)
    assert "No dy was given" not in str(show_im2col(image, layer, story.output + 1))


@pytest.mark.parametrize(
    ("image", "kind", "message"),
    [
        (np.zeros((2, 9, 8, 1)), ValueError, r"one image .*received shape \(2, 9, 8, 1\); give one .*as x\[0\]"),
        (np.zeros(9), ValueError, r"received shape \(9,\); give it as"),
        (np.zeros((9, 8, 3)), ValueError, r"1 channel for 'conv2d' \(Conv2D\), received shape \(9, 8, 3\)"),
        (np.zeros((9, 0, 1)), ValueError, "Expected one image"),
        (np.full((9, 8), np.nan), ValueError, "Expected image with finite values"),
        (np.full((9, 8), "a"), TypeError, "Expected image as integers or floats"),
        (np.zeros((2, 8)), ValueError, "at least one window"),
    ],
)
def test_wrong_images(image, kind, message):
    with pytest.raises(kind, match=message):
        show_im2col(image, small_model().layers[0])


def test_wrong_layer_gradient_or_engine():
    image = np.zeros((9, 8, 1))
    for wrong in (small_model(), Dense(3), None):
        with pytest.raises(TypeError, match=r"Expected a Conv2D, received .*; of a model, give one of model.layers"):
            show_im2col(image, wrong)
    layer = Sequential([Conv2D(4, 3, input_shape=(9, 8, 1))]).layers[0]
    with pytest.raises(ValueError, match=r"Expected dy of the output's shape \(7, 6, 4\), received \(7, 6\)"):
        show_im2col(image, layer, np.zeros((7, 6)))
    with pytest.raises(ValueError, match="Expected dy with finite values"):
        show_im2col(image, layer, np.full((7, 6, 4), np.inf))
    with pytest.raises(TypeError, match="Expected dy as integers or floats"):
        show_im2col(image, layer, np.full((7, 6, 4), "one"))
    with pytest.raises(ValueError, match="Expected engine as one of 'kernels', 'reference', received 'kernel'"):
        show_im2col(image, layer, engine="kernel")


def test_import_loads_no_plotting_library():
    code = "import sys, scratchcnn.inspection; print([m for m in ('matplotlib', 'imageio', 'PIL') if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
