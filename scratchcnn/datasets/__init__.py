"""Data sets: `mnist`, whole or as the sample that comes with the package."""

from scratchcnn.datasets import mnist

__all__ = ["mnist"]
