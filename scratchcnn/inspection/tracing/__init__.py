"""What does each layer compute? All inputs, outputs and gradients of one forward and one backward pass.

    seen = trace(model, x[:1], y[:1])
    print(seen)                            # one row per layer: shapes, FLOPs, milliseconds, sparsity
    seen["conv2d"].output                  # (1, 26, 26, 32); also input, d_input, gradients, params

>>> from scratchcnn import Sequential
>>> from scratchcnn.layers import Dense
>>> seen = trace(Sequential([Dense(2, input_shape=(3,))]), [[1.0, 2.0, 3.0]])
>>> seen["dense"].shapes
Shapes(input=(1, 3), output=(1, 2))
"""

from scratchcnn.inspection.tracing.layer_trace import LayerTrace, Seconds
from scratchcnn.inspection.tracing.trace import Trace, trace

__all__ = ["LayerTrace", "Seconds", "Trace", "trace"]
