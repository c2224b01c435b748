"""A live laboratory: a page on which a network is computed in the browser, forward and backward.

`network.network_data` describes a model for the page's engine, the JavaScript in `scripts/engine`.
"""

from scratchcnn.inspection.laboratory.writing import Laboratory, write_laboratory

__all__ = ["Laboratory", "write_laboratory"]
