"""Preparing images: scaling them to a range and back, reading a picture of a digit as MNIST's were made."""

from scratchcnn.preprocessing.digit_image import DigitPicture, read_digit
from scratchcnn.preprocessing.scaling import Scaler, create_scaler, denormalizer, normalizer

__all__ = ["DigitPicture", "Scaler", "create_scaler", "denormalizer", "normalizer", "read_digit"]
