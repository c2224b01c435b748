"""Does Keras compute the same? Outputs, gradients and training steps, compared with the equivalent Keras model.

>>> from scratchcnn.inspection.keras import compare_with_keras
>>> comparison = compare_with_keras(model, x, y, steps=3)  # doctest: +SKIP
>>> print(comparison)  # doctest: +SKIP
"""

from scratchcnn.inspection.keras.comparison import KerasComparison, compare_with_keras

__all__ = ["KerasComparison", "compare_with_keras"]
