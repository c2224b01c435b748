"""Plot a line or a sheet of digits, with a box and the prediction around each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scratchcnn.names import names_arguments
from scratchcnn.plots.digit_steps import check_pictures
from scratchcnn.plots.picture import new_axes
from scratchcnn.preprocessing import DigitPicture

LONGER = 9.0  # inches of the longer side
COLOR = "tab:red"


@names_arguments
def plot_digit_boxes(digits: Sequence[DigitPicture], probabilities: npt.ArrayLike | None = None) -> Figure:
    """Plot the image that several digits were read from, with the box of each, and the predicted digit above it.

    Parameters
    ----------
    digits : sequence of DigitPicture
        Result of one call of `read_digits`.
    probabilities : array-like (digits, classes), optional
        Predictions of `model.predict` for them.

    Returns
    -------
    Figure
        Write it to a file with `save(figure, 'digits.png')`.

    Raises
    ------
    TypeError
        `digits` are not results of `read_digits`.
    ValueError
        There are no digits, one has no box, they were read from different images, the number of probabilities is wrong,
        or a probability is out of range.

    Examples
    --------
    >>> from scratchcnn.preprocessing import read_digits
    >>> eleven = np.zeros((40, 60)); eleven[5:35, 14:17] = eleven[5:35, 40:43] = 1
    >>> len(plot_digit_boxes(read_digits(eleven)).axes[0].patches)
    2
    """
    rows = list(digits)
    values = check_pictures(rows, probabilities, None)
    page = rows[0].grey
    if any(row.box is None or row.grey is not page for row in rows):
        raise ValueError("Expected digits of one image with their boxes; give the result of one call of read_digits.")
    scale = LONGER / max(page.shape)
    figure, ax = new_axes(max(2.0, scale * page.shape[1]), max(1.5, scale * page.shape[0] + 0.3))
    ax.imshow(page, cmap="gray", vmin=0, vmax=1)
    ax.set_axis_off()
    for number, row in enumerate(rows):
        assert row.box is not None
        left, top, right, bottom = row.box
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, edgecolor=COLOR))
        if values is not None:
            points = min(14.0, max(5.0, 72 * scale * 0.35 * (bottom - top)))
            ax.text(left - 0.5, top - 1.5, str(values[number].argmax()), color=COLOR, fontsize=points, va="bottom")
    return figure
