"""From layers to stages: which algorithm computes each layer, and which layers are computed together."""

from scratchcnn.fusion.plan import Plan

__all__ = ["Plan"]
