"""Figures of data, models and training, drawn with matplotlib; a display is not needed.

A notebook displays the figure of the axes that a function returns. To write it to a file, use `save`.

>>> axes = plot_digit(np.eye(28), label=5)
>>> axes.get_title()
'label: 5'
"""

from typing import TYPE_CHECKING

from scratchcnn.names import names_of_module
from scratchcnn.plots.confusion import plot_confusion_matrix
from scratchcnn.plots.curves import plot_history
from scratchcnn.plots.digit import plot_digit, plot_digits
from scratchcnn.plots.digit_boxes import plot_digit_boxes
from scratchcnn.plots.digit_steps import plot_digit_steps
from scratchcnn.plots.drawing_board import DrawingBoard
from scratchcnn.plots.errors import plot_mistakes
from scratchcnn.plots.feature_maps import plot_feature_maps
from scratchcnn.plots.filters import plot_filters
from scratchcnn.plots.model_plot import plot_model
from scratchcnn.plots.picture import save
from scratchcnn.plots.variants import plot_variants

__all__ = [
    "DrawingBoard",
    "plot_confusion_matrix",
    "plot_digit",
    "plot_digit_boxes",
    "plot_digit_steps",
    "plot_digits",
    "plot_feature_maps",
    "plot_filters",
    "plot_history",
    "plot_mistakes",
    "plot_model",
    "plot_variants",
    "save",
]


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
