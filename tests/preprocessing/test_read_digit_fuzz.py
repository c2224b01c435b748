"""For arbitrary bytes and arrays, read_digit returns an image or raises a documented error."""

import io

import numpy as np
import pytest
from drawn_digits import Scene, encode, photograph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from scratchcnn.preprocessing import read_digit

SMALL = photograph("8 in one stroke", Scene("small", size=(40, 50), height=0.8), np.random.default_rng(0))
FILES = {format: encode(SMALL, format) for format in ("png", "jpeg", "gif", "bmp", "tiff", "webp")}


def more_files():
    """Yield files of rarer types: progressive, compressed TIFF, palette, 16 bits."""
    image = Image.fromarray(SMALL)
    kinds = {
        "progressive": (image, "jpeg", {"progressive": True}),
        "tiff_lzw": (image, "tiff", {"compression": "tiff_lzw"}),
        "tiff_jpeg": (image, "tiff", {"compression": "jpeg"}),
        "palette": (image.quantize(8), "png", {"transparency": 0}),
        "16 bits": (Image.fromarray(SMALL[..., 0].astype(np.uint16) * np.uint16(257)), "png", {}),
        "lossless": (image.convert("RGBA"), "webp", {"lossless": True}),
    }
    for name, (picture, format, options) in kinds.items():
        file = io.BytesIO()
        picture.save(file, format, **options)
        yield name, file.getvalue()


FILES.update(more_files())


def returns_or_raises(source, **options):
    message, image = "", None
    try:
        image = read_digit(source, **options).image
    except ValueError as error:
        message = str(error)
    if image is None:
        assert message.startswith("Expected ")
        return
    assert image.shape == (1, 28, 28, 1)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 1


@given(st.binary(max_size=200))
def test_arbitrary_bytes(content):
    returns_or_raises(content)


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_file(kind, data):
    content = bytearray(FILES[kind])
    head = min(len(content), 120)  # damage to the header is the most severe
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.one_of(st.integers(0, head - 1), st.integers(0, len(content) - 1)))
        content[place] = data.draw(st.one_of(st.sampled_from([0, 1, 127, 128, 255]), st.integers(0, 255)))
    start, stop = sorted(data.draw(st.lists(st.integers(0, len(content)), min_size=2, max_size=2)))
    what = data.draw(st.sampled_from(["unchanged", "truncated", "gap", "repeated"]))
    if what == "truncated":
        content = content[:stop]
    elif what == "gap":
        content = content[:start] + content[stop:]
    elif what == "repeated":
        content = content[:stop] + content[start:]
    returns_or_raises(bytes(content))


SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.bool_, np.uint16, np.int32, np.float16, np.float32, np.float64]), SHAPES
    ),
    st.sampled_from(["auto", "dark", "light"]),
)
def test_arbitrary_array(pixels, ink):
    returns_or_raises(pixels, ink=ink)


@settings(max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_arbitrary_binary_image(height, width, seed, share):
    returns_or_raises(np.random.default_rng(seed).random((height, width)) < share)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (5000, 1), (2, 2), (3, 1500)])
def test_extreme_shapes(shape):
    for seed in range(3):
        returns_or_raises(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))
