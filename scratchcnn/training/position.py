"""Position in an epoch: what must be saved with a model so that training resumes in the middle of an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Position:
    """A position in an epoch over a data set in memory.

    Attributes
    ----------
    epoch : int
    steps : int
        Completed batches of the epoch.
    data : dict
        Number of samples, batch size and so on: the epoch is resumed only with the same data.
    order : dict
        State of the random generator before the order of the samples was drawn from it.
    count : int
        Samples processed.
    sums : dict of str to float
        Sums of the loss and metrics over these samples.
    loaded : bool
        Whether it was loaded from a file together with its model, and no step was performed since; `fit` then resumes
        from here.
    """

    epoch: int
    steps: int
    data: dict[str, int]
    order: dict[str, Any]
    count: int
    sums: dict[str, float]
    loaded: bool = False
