"""scratchcnn: a convolutional network from scratch, to be read, run and timed."""

import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

from scratchcnn.kernels.runtime.threads import get_threads, set_threads
from scratchcnn.layers import Input
from scratchcnn.models import load_model
from scratchcnn.names import UnknownAttributeError
from scratchcnn.sequential import Sequential
from scratchcnn.training import History

if TYPE_CHECKING:
    from scratchcnn.plots import plot_model

__all__ = ["History", "Input", "Sequential", "__version__", "get_threads", "load_model", "plot_model", "set_threads"]

try:
    __version__ = metadata.version("scratchcnn")
except metadata.PackageNotFoundError:  # imported from a source tree that is not installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    """Load `plot_model`, and matplotlib with it, only when it is asked for."""
    if name == "plot_model":
        from scratchcnn.plots import plot_model

        return plot_model
    raise UnknownAttributeError(sys.modules[__name__], name)
