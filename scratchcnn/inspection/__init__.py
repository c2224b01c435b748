"""Looking inside: where every number of a forward and a backward pass came from."""

from scratchcnn.inspection.layer_trace import LayerTrace
from scratchcnn.inspection.tracing import Trace, trace

__all__ = ["LayerTrace", "Trace", "trace"]
