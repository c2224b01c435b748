"""Preparing images: scaling them to a range and back."""

from scratchcnn.preprocessing.scaling import Scaler, create_scaler, denormalizer, normalizer

__all__ = ["Scaler", "create_scaler", "denormalizer", "normalizer"]
