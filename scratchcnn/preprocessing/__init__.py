"""Preparing images: scaling, splitting a set, many images of few, and a picture of a digit made as MNIST's were."""

from scratchcnn.preprocessing.augmentation import Augmenter, augment
from scratchcnn.preprocessing.digit_image import DigitPicture, read_digit
from scratchcnn.preprocessing.scaling import Scaler, create_scaler, denormalizer, normalizer
from scratchcnn.preprocessing.splitting import split

__all__ = [
    "Augmenter",
    "DigitPicture",
    "Scaler",
    "augment",
    "create_scaler",
    "denormalizer",
    "normalizer",
    "read_digit",
    "split",
]
