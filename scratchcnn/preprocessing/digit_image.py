"""Conversion of a photo or drawing of a digit, from a file, a URL or an array, to an image like those of MNIST."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from scratchcnn.preprocessing.grey import Grey, to_grey
from scratchcnn.preprocessing.pictures import decode, fetch, read_file

Source = str | os.PathLike[str] | bytes | npt.NDArray[Any]
InkKind = Literal["auto", "dark", "light"]
FIELD = 28  # pixels of a side of an image of MNIST
DARK = {"auto": None, "dark": True, "light": False}
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # at least two letters, as C:// is a drive


@dataclass(frozen=True, eq=False, repr=False)
class DigitPicture:
    """A digit as an input of the network, with the intermediate results of its preprocessing.

    Attributes
    ----------
    image : float32 (1, 28, 28, 1)
        The input of the network: 0 is paper, 1 is ink.
    grey : float32 (H, W)
        Grey levels, 0 black, 1 white; reduced to at most 1,000 pixels on the longer side.
    background : float32 (H, W) or None
        Estimate of the image without ink.
    ink : float32 (H, W) or None
        The ink after background subtraction and removal of ruled lines: 0 is paper, 1 a full stroke.
    cut : float32 (h, w) or None
        The digit, cropped from `ink`.
    fitted : float32 (20, w) or (h, 20), or None
        The cropped digit scaled to 20 x 20 pixels, with strokes as wide as in MNIST.
    ink_is_dark : bool or None
        Whether the ink is darker than the background.
    box : (left, top, right, bottom) or None
        Pixels of `grey` that contain the digit; right and bottom are exclusive.
    line : int
        Number of the digit's line on a sheet read by `read_digits`, from 0.

    All but `image`, `grey` and `line` are None with `as_is=True`, which skips these steps.
    """

    image: npt.NDArray[np.float32]
    grey: Grey
    background: Grey | None = None
    ink: Grey | None = None
    cut: Grey | None = None
    fitted: Grey | None = None
    ink_is_dark: bool | None = None
    box: tuple[int, int, int, int] | None = None
    line: int = 0

    def __repr__(self) -> str:
        height, width = self.grey.shape
        ink = {True: "dark ink", False: "light ink", None: "an image"}[self.ink_is_dark]
        box = f" in the box {self.box}" if self.box else ""
        return f"<DigitPicture: {ink}{box} of {height} × {width} pixels; plot it with plot_digit_steps>"


def read_digit(source: Source, ink: InkKind = "auto", as_is: bool = False, timeout: float = 20.0) -> DigitPicture:
    """Read a photo or drawing of one digit, of any size, and convert it to an image like those of MNIST.

    The steps: convert to grey levels (0.299 R + 0.587 G + 0.114 B, transparent pixels over white); subtract the
    background, which leaves the grey levels of the ink; remove ruled lines and frames; select the digit, crop it, and
    sharpen it if it is blurred; scale it to 20 x 20 pixels with its proportions kept; place its centre of mass in the
    middle of 28 x 28 pixels, as documented for MNIST by LeCun, Cortes and Burges.

    Parameters
    ----------
    source : str, path, bytes or ndarray
        An image file (PNG, JPEG, GIF, BMP, TIFF or WebP; the first frame or page; rotated according to EXIF), a URL
        that begins with http:// or https://, the content of a file, or an array: (H, W), (H, W, 1), (H, W, 3) or
        (H, W, 4), bool, or numbers from 0 to 1 or to the largest value of 8, 10, 12, 14 or 16 bits.
    ink : {'auto', 'dark', 'light'}, default 'auto'
        Whether the digit is darker or lighter than its background, which may be a card on paper; 'auto' determines it,
        see `ink_is_dark`. A wrong value is an error if plain paper surrounds the digit. In a shadow, on ruled paper or
        in a tightly cropped image, the paper may be read as ink.
    as_is : bool, default False
        Only convert to grey levels (1, 28, 28, 1) in [0, 1], as the article does. The image must have 28 x 28 pixels
        and light ink on a dark background.
    timeout : float, default 20
        Total time limit for a URL, in seconds.

    Returns
    -------
    DigitPicture
        Its `image` is an input of the network, as in `model.predict(read_digit('five.png').image)`. The other fields
        are intermediate results, plotted by `scratchcnn.plots.plot_digit_steps`.

    Raises
    ------
    TypeError
        The source is of another type, or the array does not contain real numbers.
    ValueError
        The source is not an image, or is damaged, empty, of several digits, or larger than 64 MB or 67 million pixels;
        an array, a URL or an option is invalid.
    OSError
        The file cannot be read, the server does not send the image, or the time limit is exceeded (TimeoutError).

    Examples
    --------
    >>> drawing = np.full((90, 60), 255, np.uint8)  # white paper
    >>> drawing[10:80, 28:34] = 40                  # a dark 1
    >>> picture = read_digit(drawing)
    >>> picture.image.shape, picture.ink_is_dark
    ((1, 28, 28, 1), True)
    """
    grey = _grey(source, ink, timeout)
    if as_is:
        if grey.shape != (FIELD, FIELD):
            raise ValueError(
                f"Expected an image of 28 x 28 pixels with as_is=True, received {grey.shape[1]} x {grey.shape[0]}; "
                "omit as_is to have it cropped and scaled."
            )
        return DigitPicture(grey.reshape(1, FIELD, FIELD, 1).copy(), grey)
    return _read(grey, ink, several=False)[0]


def read_digits(source: Source, ink: InkKind = "auto", timeout: float = 20.0) -> list[DigitPicture]:
    """Read a photo or drawing of several digits, in one or more lines, and convert each to an image like MNIST's.

    The steps are those of `read_digit`. Touching digits are separated where a small network, which is stored with the
    package, takes both parts for single digits. If there is no such place, the picture is rejected.

    Parameters
    ----------
    source, ink, timeout
        As for `read_digit`.

    Returns
    -------
    list of DigitPicture
        In reading order: from left to right, the lines from top to bottom. `box` and `line` state where a digit is.

    Raises
    ------
    TypeError, OSError
        As for `read_digit`.
    ValueError
        As for `read_digit`, or touching digits cannot be separated, or there are more than 200 shapes.

    Notes
    -----
    Marks of less than 45 % of the digits' usual height, such as points, commas and dashes, are left out.

    Examples
    --------
    >>> drawing = np.full((60, 100), 255, np.uint8)
    >>> drawing[10:50, 20:25] = drawing[10:50, 60:65] = drawing[10:15, 40:65] = 0  # 1 and 7
    >>> [(digit.line, digit.box) for digit in read_digits(drawing)]
    [(0, (20, 10, 25, 50)), (0, (40, 10, 65, 50))]
    """
    return _read(_grey(source, ink, timeout), ink, several=True)


def _grey(source: Source, ink: str, timeout: float) -> Grey:
    """Return the grey levels of a source of any kind, after checking the other arguments."""
    if not isinstance(ink, str) or ink not in DARK:
        raise ValueError(f"Expected ink as one of {', '.join(map(repr, DARK))}, received {ink!r}.")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < 1e6:
        raise ValueError(f"Expected timeout as a number of seconds above 0, received {timeout!r}.")
    if isinstance(source, bytes):
        source = decode(source, "the bytes given")
    elif isinstance(source, str) and ADDRESS.match(source):
        source = decode(fetch(source, timeout), source)
    elif isinstance(source, str | os.PathLike):
        source = decode(read_file(source), f"'{os.fspath(source)}'")
    elif not isinstance(source, np.ndarray):
        raise TypeError(
            f"Expected a path, a URL, bytes or an array, received {type(source).__name__}; use numpy.asarray."
        )
    return to_grey(source)


def _read(grey: Grey, ink: str, several: bool) -> list[DigitPicture]:
    """Find one digit or several, and lay out each as in MNIST."""
    # Imported here, as scaling arrays does not need SciPy.
    from scratchcnn.preprocessing.ink import find_ink
    from scratchcnn.preprocessing.segmentation import find_digit, find_digits
    from scratchcnn.preprocessing.shapes import remove_lines

    found, background, is_dark, noise = find_ink(grey, DARK[ink])
    cleaned = remove_lines(found, noise)
    shown = np.minimum(cleaned, 1)
    lines = find_digits(cleaned, noise) if several else [[find_digit(cleaned, noise)]]
    return [
        DigitPicture(d.image[None, :, :, None], grey, background, shown, d.cut, d.fitted, is_dark, d.shape.box, line)
        for line, digits in enumerate(lines)
        for d in digits
    ]
