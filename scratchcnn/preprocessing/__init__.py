"""Preparing images: scaling them to a range and back, and making many of few."""

from scratchcnn.preprocessing.augmentation import Augmenter, augment
from scratchcnn.preprocessing.scaling import Scaler, create_scaler, denormalizer, normalizer

__all__ = ["Augmenter", "Scaler", "augment", "create_scaler", "denormalizer", "normalizer"]
