"""Preparation of data: scaling, splitting, augmentation, and conversion of photos of digits to MNIST images.

Thresholds of the conversion without a stated source were chosen on images of MNIST's training set. Some were corrected
for images of its test set, most of the first half, so `benchmarks/read_digits.py` measures on the second half.

>>> scaler = create_scaler([0, 255])
>>> normalizer(scaler, np.array([0, 51, 255], np.uint8))
array([0. , 0.2, 1. ], dtype=float32)
"""

from typing import TYPE_CHECKING

from scratchcnn.names import names_of_module
from scratchcnn.preprocessing.augmentation import Augmenter, augment
from scratchcnn.preprocessing.digit_image import DigitPicture, read_digit, read_digits
from scratchcnn.preprocessing.scaling import Scaler, create_scaler, denormalizer, normalizer
from scratchcnn.preprocessing.splitting import split

__all__ = [
    "Augmenter", "DigitPicture", "Scaler", "augment", "create_scaler", "denormalizer", "normalizer", "read_digit",
    "read_digits", "split",
]  # fmt: skip

if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
