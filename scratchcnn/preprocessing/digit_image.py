"""Reads a picture of a digit as MNIST itself was made: from a file, an address or an array to (1, 28, 28, 1)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from scratchcnn.preprocessing.background import Mask
from scratchcnn.preprocessing.fitting import FIELD, centre, fit_into_box
from scratchcnn.preprocessing.grey import Grey, to_grey
from scratchcnn.preprocessing.ink import Ink, find_ink
from scratchcnn.preprocessing.pictures import decode, read_file
from scratchcnn.preprocessing.shapes import find_digit
from scratchcnn.preprocessing.web import fetch

Source = str | os.PathLike[str] | bytes | npt.NDArray[Any]
DARK = {"auto": None, "dark": True, "light": False}
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters or more: C:// is a drive


@dataclass(frozen=True, eq=False)
class DigitPicture:
    """A picture made ready for the network, and the steps on the way.

    Attributes
    ----------
    image : float32 (1, 28, 28, 1)
        What the network takes: 0 is paper, 1 is ink.
    grey : float32 (H, W)
        The picture, 0 black, 1 white; averaged to at most 1,000 pixels on the longer side.
    background : float32 (H, W) or None
        What it would be without ink.
    ink : float32 (H, W) or None
        The background taken away: 0 is paper, 1 a full stroke.
    cut : float32 (h, w) or None
        The digit alone, cut out of `ink`.
    fitted : float32 (20, w) or (h, 20), or None
        The same, fitted into 20 by 20 pixels, with strokes as wide as MNIST's.
    ink_is_dark : bool or None
        Whether the ink is darker than the background.

    The last five are None for `as_is=True`, which takes none of these steps.
    """

    image: npt.NDArray[np.float32]
    grey: Grey
    background: Grey | None = None
    ink: Grey | None = None
    cut: Grey | None = None
    fitted: Grey | None = None
    ink_is_dark: bool | None = None


def read_digit(
    source: Source, ink: Literal["auto", "dark", "light"] = "auto", as_is: bool = False, timeout: float = 20.0
) -> DigitPicture:
    """Read a picture of one digit, of any size, and make it what MNIST's images are.

    Grey = 0.299 R + 0.587 G + 0.114 B, transparency over white; the background is estimated and taken away; the ink
    is told from it by a threshold; what is no part of the digit is dropped; the digit is cut out, fitted into 20 by
    20 pixels with its proportions kept, and placed in 28 by 28 with its centre of mass in the middle.

    Parameters
    ----------
    source : str, path, bytes or ndarray
        A file (PNG, JPEG, GIF, BMP, TIFF or WebP; of a moving or many-paged one the first picture; turned as EXIF
        says), an address that begins with http:// or https://, the content of a file, or an array: (H, W), (H, W, 1),
        (H, W, 3) or (H, W, 4), bool, integers to 255 or 65,535, or floats to 1, 255 or 65,535.
    ink : {'auto', 'dark', 'light'}, default 'auto'
        Whether the digit is darker or lighter than its background; 'auto' finds out, and `ink_is_dark` tells.
    as_is : bool, default False
        Do only what the article does: grey, and (1, 28, 28, 1) in [0, 1]. The picture must be 28 by 28, light on dark.
    timeout : float, default 20
        Seconds that an address may take in all.

    Returns
    -------
    DigitPicture
        `model.predict(read_digit('five.png').image)`; the other fields are the steps, which
        `scratchcnn.plots.plot_digit_steps` draws.

    Raises
    ------
    TypeError
        The source is none of these, or the array holds no real numbers.
    ValueError
        No picture, a damaged or an empty one, or one of several digits; more than 64 MB, or 67 million pixels; a
        wrong shape or range, NaN or infinity; an address of another kind, or of a web page; `as_is` and another size;
        an unknown `ink`.
    OSError
        The file cannot be read (FileNotFoundError, ...), the server not be reached or does not have the picture
        (ConnectionError), or it takes too long (TimeoutError).

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits": fitted in a 20x20 box by
    anti-aliasing, centred in 28x28 by the centre of mass.

    Examples
    --------
    >>> drawing = np.full((90, 60), 255, np.uint8)  # white paper
    >>> drawing[10:80, 28:34] = 40                  # a dark 1
    >>> picture = read_digit(drawing)
    >>> picture.image.shape, picture.ink_is_dark
    ((1, 28, 28, 1), True)
    """
    if not isinstance(ink, str) or ink not in DARK:
        raise ValueError(f"Expected ink as one of {', '.join(map(repr, DARK))}, received {ink!r}.")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < 1e6:
        raise ValueError(f"Expected timeout as a number of seconds above 0, received {timeout!r}.")
    grey = to_grey(_pixels(source, timeout))
    if as_is:
        return DigitPicture(_as_network_takes_it(grey), grey)
    found = find_ink(grey, DARK[ink])
    cut = _cut_out(found, find_digit(found.strong))
    fitted = fit_into_box(cut)
    return DigitPicture(centre(fitted)[None, :, :, None], grey, found.background, found.ink, cut, fitted, found.is_dark)


def _pixels(source: Source, timeout: float) -> npt.NDArray[Any]:
    """The pixels of a source of any kind."""
    if isinstance(source, np.ndarray):
        return source
    if isinstance(source, bytes):
        return decode(source, "the bytes given")
    if isinstance(source, str) and ADDRESS.match(source):
        return decode(fetch(source, timeout), source)
    if isinstance(source, str | os.PathLike):
        return decode(read_file(source), f"'{os.fspath(source)}'")
    raise TypeError(
        f"Expected a path, an address, bytes or an array, received {type(source).__name__}; use numpy.asarray."
    )


def _as_network_takes_it(grey: Grey) -> npt.NDArray[np.float32]:
    """A picture of MNIST's size, unchanged."""
    if grey.shape != (FIELD, FIELD):
        raise ValueError(
            f"Expected a picture of 28 x 28 pixels with as_is=True, received {grey.shape[1]} x {grey.shape[0]}; leave "
            "as_is out, and it is cut out and fitted."
        )
    return grey.reshape(1, FIELD, FIELD, 1).copy()


def _cut_out(found: Ink, digit: Mask) -> Grey:
    """The digit's ink with its soft edge, in the smallest box around it."""
    reach = max(1, round(max(digit.shape) / 300))
    near = digit.copy()  # the soft edge lies beside what is surely ink
    for _ in range(reach):
        wider = np.pad(near, 1)
        near = near | wider[:-2, 1:-1] | wider[2:, 1:-1] | wider[1:-1, :-2] | wider[1:-1, 2:]
    alone = np.where(near, found.ink, np.float32(0))
    rows, columns = np.flatnonzero((alone > 0.3).any(axis=1)), np.flatnonzero((alone > 0.3).any(axis=0))
    return alone[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
