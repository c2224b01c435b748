"""Data sets: `mnist` (with a sample in the package), `fashion_mnist` and `cifar10`, from files or downloaded.

>>> (x_train, y_train), (x_test, y_test) = mnist.load_sample()
>>> x_train.shape, y_train.shape
((4000, 28, 28), (4000,))
"""

from typing import TYPE_CHECKING

from scratchcnn.datasets import cifar10, fashion_mnist, mnist
from scratchcnn.names import names_of_module

__all__ = ["cifar10", "fashion_mnist", "mnist"]


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
