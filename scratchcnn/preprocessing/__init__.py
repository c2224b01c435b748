"""Preparing images: scaling to a range and back, reading a picture of a digit as MNIST's were made, splitting a set."""

from scratchcnn.preprocessing.digit_image import DigitPicture, read_digit
from scratchcnn.preprocessing.scaling import Scaler, create_scaler, denormalizer, normalizer
from scratchcnn.preprocessing.splitting import split

__all__ = ["DigitPicture", "Scaler", "create_scaler", "denormalizer", "normalizer", "read_digit", "split"]
