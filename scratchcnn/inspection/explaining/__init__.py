"""Where does a value come from? Any output or gradient of a trace as a weighted sum, term by term.

    print(explain(seen, "conv2d", (13, 13, 4)))                    # seen = trace(model, x[:1], y[:1])
    print(explain(seen, "conv2d", (13, 13, 4), "d_input"))         # a gradient
    explain(seen, "conv2d", (13, 13, 4)).receptive_field           # the pixels on which the value depends

>>> from scratchcnn import Sequential
>>> from scratchcnn.inspection.tracing import trace
>>> from scratchcnn.layers import Dense
>>> seen = trace(Sequential([Dense(2, input_shape=(3,))]), [[1.0, 2.0, 3.0]])
>>> explain(seen, "dense", 0).adds_up
True
"""

from scratchcnn.inspection.explaining.explain import explain
from scratchcnn.inspection.explaining.explanation import Explanation

__all__ = ["Explanation", "explain"]
