"""Pictures: of digits, models and learning curves. The one part that imports matplotlib; no display is needed."""

from scratchcnn.plots.curves import plot_history
from scratchcnn.plots.digit import plot_digit
from scratchcnn.plots.digit_steps import plot_digit_steps
from scratchcnn.plots.model_plot import plot_model
from scratchcnn.plots.picture import save
from scratchcnn.plots.variants import plot_variants

__all__ = ["plot_digit", "plot_digit_steps", "plot_history", "plot_model", "plot_variants", "save"]
