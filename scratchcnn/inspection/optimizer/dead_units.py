"""Dead units: ReLUs that output zero for every image of a set."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.activations import ReLU
from scratchcnn.arguments import positive_integer
from scratchcnn.display.blocks import Block, Paragraph, Table
from scratchcnn.display.displayed import Displayed
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.arguments import built_model, sample_shape
from scratchcnn.inspection.tracing.passes import layer_outputs
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input, check_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NAMED = 8  # units in a row of the table
RARE = 0.01  # fraction of the images


@dataclass(frozen=True, eq=False)
class LayerUnits:
    """The units of one layer that ends in ReLU. A filter is active if any position of its feature map is not zero."""

    layer: str
    active: Array  # float64 (units,): for each unit, the fraction of the images for which it is active
    zeros: float  # sparsity: the fraction of zeros among all activations of the layer

    @property
    def dead(self) -> Array:
        """Indices of the units that are zero for every image: int64, ascending."""
        return np.flatnonzero(self.active == 0)


@dataclass(frozen=True, eq=False, repr=False)
class DeadUnits(Displayed):
    """Result of `dead_units`; `print` it, or `plot` it.

    Attributes
    ----------
    layers : tuple of LayerUnits  those that end in ReLU, from first to last
    images : int  number of images; a unit that is dead for these may be active for others
    """

    layers: tuple[LayerUnits, ...]
    images: int

    def blocks(self) -> list[Block]:
        """Return an introduction, the table of layers, and a conclusion."""
        if not self.layers:
            return [Paragraph("No layer of this model ends in ReLU, so there are no dead units.")]
        intro = (
            f"ReLU units that output zero for every one of {self.images:,} images (dead), or for more than "
            f"{1 - RARE:.0%} of them (rare). zeros: fraction of zeros among all activations of the layer."
        )
        rows = []
        for units in self.layers:
            dead, count = units.dead, len(units.active)
            rare = int(((units.active > 0) & (units.active < RARE)).sum())
            named = ", ".join(map(str, dead[:MOST_NAMED])) + (", ..." if len(dead) > MOST_NAMED else "")
            counts = [f"{count:,}", f"{len(dead):,}", f"{len(dead) / count:.1%}", f"{rare:,}", f"{units.zeros:.1%}"]
            rows.append([units.layer, *counts, named or "none"])
        table = Table(["layer", "units", "dead", "dead %", "rare", "zeros", "dead units"], rows, left=(0, 6))
        return [Paragraph(intro), table, Paragraph(self._conclusion())]

    def _conclusion(self) -> str:
        worst = max(self.layers, key=lambda units: len(units.dead) / len(units.active))
        if not len(worst.dead):
            return "No unit is dead: each is active for at least one of the images."
        if len(worst.dead) == len(worst.active):
            return (
                f"All units of {worst.layer} are dead: its output is zero for every image, no gradient passes through "
                "it, and the model cannot learn. Start over with a lower learning rate."
            )
        return (
            "The gradient of a dead unit is zero for all of these images, so training on them cannot revive it. A few "
            "dead units do no harm; many indicate a learning rate that is too high, or strongly negative biases."
        )

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the fraction of images for which each unit is active, layer by layer; save to `to_file` if given."""
        from scratchcnn.inspection.optimizer.figure import plot_dead_units

        return plot_dead_units(self, to_file)


def dead_units(model: Sequential, x: object, batch_size: int = 128) -> DeadUnits:
    """Find the ReLU units that output zero for every one of some images, without dropout.

    Parameters
    ----------
    model : Sequential
        Built.
    x : (N, *input_shape), integers or floats
        The training images, or some thousand of them.
    batch_size : int
        The result does not depend on it.

    Raises
    ------
    ValueError, TypeError
        The model is not built, or x does not fit.

    References
    ----------
    Glorot, Bordes & Bengio 2011, "Deep sparse rectifier neural networks", section 3.1; Lu et al. 2019, "Dying ReLU and
    initialization", arXiv 1903.06733.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(3, activation="relu", input_shape=(2,))])
    >>> model.set_weights([np.ones((2, 3)), np.array([0.0, -5.0, 1.0])])
    >>> dead_units(model, np.eye(2)).layers[0].dead
    array([1])
    """
    images = check_images(x, sample_shape(built_model(model, "dead units")), model.dtype)
    batch_size = positive_integer("batch_size", batch_size)
    chosen = [i for i, layer in enumerate(model.leaf_layers) if isinstance(getattr(layer, "activation", None), ReLU)]
    active: dict[int, Any] = dict.fromkeys(chosen, 0)  # (units,): number of images for which each unit is active
    zeros = dict.fromkeys(chosen, 0)
    plan = Plan(model.leaf_layers, model.engine, fuse=False)
    for start in range(0, len(images), batch_size):
        outputs = layer_outputs(plan, as_input(images[start : start + batch_size], model.dtype))
        for i in chosen:
            nonzero = outputs[i] != 0  # (n, ..., units)
            active[i] = active[i] + nonzero.any(axis=tuple(range(1, nonzero.ndim - 1))).sum(axis=0)
            zeros[i] += int((~nonzero).sum())
    n = len(images)
    found = [LayerUnits(model.leaf_names[i], active[i] / n, zeros[i] / (n * outputs[i][0].size)) for i in chosen]
    return DeadUnits(tuple(found), n)
