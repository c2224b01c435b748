"""scratchcnn: a convolutional network from scratch, to be read, run and timed."""

from importlib import metadata
from typing import TYPE_CHECKING

from scratchcnn.kernels.runtime.threads import get_threads, set_threads
from scratchcnn.layers import Input
from scratchcnn.models import load_model
from scratchcnn.names import names_of_module
from scratchcnn.sequential import Sequential
from scratchcnn.training import History

if TYPE_CHECKING:
    from scratchcnn.plots import plot_model

__all__ = ["History", "Input", "Sequential", "__version__", "get_threads", "load_model", "plot_model", "set_threads"]

try:
    __version__ = metadata.version("scratchcnn")
except metadata.PackageNotFoundError:  # imported from a source tree that is not installed
    __version__ = "0+unknown"


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__, [
        "activations", "callbacks", "datasets", "initializers", "inspection", "layers", "losses", "metrics", "models",
        "optimizers", "plots", "preprocessing", "regularizers", "schedules", "utils",
    ], {"plot_model": "scratchcnn.plots"})  # fmt: skip
