"""Activity of ReLU units over a set of images, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scratchcnn.operands import Array


@dataclass(frozen=True, eq=False)
class LayerUnits:
    """The units of one layer that ends in ReLU.

    Attributes
    ----------
    layer : str
    active : float64 (units,)
        For each unit, the fraction of the images for which its output is not zero. A filter of a convolution counts as
        active if any position of its feature map is.
    zeros : float
        Sparsity: the fraction of zeros among all activations of the layer.
    """

    layer: str
    active: Array
    zeros: float

    @property
    def dead(self) -> Array:
        """Indices of the units that are zero for every image: int64, ascending."""
        return np.flatnonzero(self.active == 0)


@dataclass(frozen=True, eq=False)
class DeadUnitsData:
    """Fields of `DeadUnits`, where they are documented, and quantities derived from them."""

    layers: tuple[LayerUnits, ...]
    images: int
