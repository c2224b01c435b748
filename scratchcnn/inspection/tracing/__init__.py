"""What does each layer compute? All inputs, outputs and gradients of one forward and one backward pass.

    seen = trace(model, x[:1], y[:1])
    print(seen)                            # one row per layer: shapes, FLOPs, milliseconds, sparsity
    seen["conv2d"].output                  # (1, 26, 26, 32); also input, d_input, gradients, params

Without labels, only the forward pass is traced.
"""

from scratchcnn.inspection.tracing.layer_trace import LayerTrace, Seconds
from scratchcnn.inspection.tracing.trace import Trace, trace

__all__ = ["LayerTrace", "Seconds", "Trace", "trace"]
