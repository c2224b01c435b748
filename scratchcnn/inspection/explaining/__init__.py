"""Where does a value come from? Any output or gradient of a trace as a weighted sum, term by term.

    print(explain(seen, "conv2d", (13, 13, 4)))                    # an output
    print(explain(seen, "conv2d", (13, 13, 4), "d_input"))         # a gradient
    explain(seen, "conv2d", (13, 13, 4)).receptive_field           # the pixels on which the value depends

Here `seen` is a trace with labels, `trace(model, x[:1], y[:1])`.
"""

from scratchcnn.inspection.explaining.explain import explain
from scratchcnn.inspection.explaining.explanation import Explanation

__all__ = ["Explanation", "explain"]
