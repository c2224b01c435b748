"""Measurements of a symptom: one quantity and the losses of training, with and without the mistake."""

from __future__ import annotations

from dataclasses import dataclass

from scratchcnn.operands import Array


@dataclass(frozen=True)
class SymptomData:
    """Fields of `Symptom`, where they are documented, and quantities derived from them."""

    name: str
    quantity: str
    healthy: float
    sick: float
    healthy_losses: Array
    sick_losses: Array
    visible: bool
    text: str
