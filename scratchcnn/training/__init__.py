"""Training: the training step, the loop around it, inference, data and history."""

from scratchcnn.training.history import History

__all__ = ["History"]
