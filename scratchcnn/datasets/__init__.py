"""Data sets: `mnist`, downloaded or from the sample in the package.

>>> (x_train, y_train), (x_test, y_test) = mnist.load_sample()
>>> x_train.shape, y_train.shape
((4000, 28, 28), (4000,))
"""

from scratchcnn.datasets import mnist

__all__ = ["mnist"]
