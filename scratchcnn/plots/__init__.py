"""Pictures: a digit and how it was read, a model, learning curves. Only here is matplotlib; no display needed."""

from scratchcnn.plots.curves import plot_history
from scratchcnn.plots.digit import plot_digit
from scratchcnn.plots.digit_steps import plot_digit_steps
from scratchcnn.plots.model_plot import plot_model
from scratchcnn.plots.picture import save

__all__ = ["plot_digit", "plot_digit_steps", "plot_history", "plot_model", "save"]
