"""Training: one step of learning, the loop around it, and what it reports."""

from scratchcnn.training.history import History

__all__ = ["History"]
