"""How far an epoch has come: what must be kept beside a model's numbers, so that the epoch goes on where it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Position:
    """A place in an epoch over a data set in memory.

    Attributes
    ----------
    epoch : int
    steps : int
        Batches of the epoch that are done.
    data : dict
        Samples, batch size and so on: an epoch of the same data goes on, one of others begins anew.
    order : dict
        State of the generator from which the order of the samples was drawn, as it was before.
    count : int
        Samples seen.
    sums : dict of str to float
        Of the losses and metrics of the samples seen.
    loaded : bool
        Whether it came out of a file, with its model, and no step was taken since: then `fit` goes on from here.
    """

    epoch: int
    steps: int
    data: dict[str, int]
    order: dict[str, Any]
    count: int
    sums: dict[str, float]
    loaded: bool = False
