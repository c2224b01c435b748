"""Dead units: those whose ReLU is zero for every image of a set, and so neither speak nor learn."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.activations import ReLU
from scratchcnn.arguments import positive_integer
from scratchcnn.fusion.plan import Plan
from scratchcnn.inspection.arguments import built_model, sample_shape
from scratchcnn.inspection.optimizer.dead_units_data import DeadUnitsData, LayerUnits
from scratchcnn.inspection.runs import layer_outputs
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input, check_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NAMED = 8  # units in a line of text


@dataclass(frozen=True, eq=False)
class DeadUnits(DeadUnitsData):
    """What `dead_units` found; `print` it, or `plot` it.

    Attributes
    ----------
    layers : tuple of LayerUnits
        Those that end in ReLU, from first to last.
    images : int
        How many images were looked at: a unit may be silent for these and speak for others.
    """

    def __str__(self) -> str:
        if not self.layers:
            return "No layer of this model ends in ReLU, so no unit can be dead."
        width = max(12, *(len(units.layer) for units in self.layers))
        head = f"{'layer':<{width}}{'units':>8}{'dead':>8}{'share':>9}{'rare':>8}{'zeros':>9}  which are dead"
        lines = [
            f"Units whose ReLU is zero for every one of {self.images:,} images (dead), or for all but 1 % (rare);",
            "zeros: share of zeros in all that the layer gave.",
            "",
            head,
            "-" * max(len(head), 90),
        ]
        for units in self.layers:
            rare = int(((units.active > 0) & (units.active < 0.01)).sum())
            named = ", ".join(map(str, units.dead[:MOST_NAMED])) + (", ..." if len(units.dead) > MOST_NAMED else "")
            share = len(units.dead) / len(units.active)
            lines.append(
                f"{units.layer:<{width}}{len(units.active):>8,}{len(units.dead):>8,}{share:>9.1%}{rare:>8,}"
                f"{units.zeros:>9.1%}  {named or 'none'}"
            )
        return "\n".join([*lines, "", self._story()])

    def _story(self) -> str:
        worst = max(self.layers, key=lambda units: len(units.dead) / len(units.active))
        if not len(worst.dead):
            return "No unit is dead: each speaks for at least one of the images."
        if len(worst.dead) == len(worst.active):
            return (
                f"{worst.layer} is dead as a whole: no image gets through, no gradient comes back, and the model "
                "cannot learn;\nbegin anew with a lower learning rate."
            )
        return (
            "A dead unit gives nothing and gets no gradient from these images, so training on them cannot wake it.\n"
            "A few do no harm; many mean a learning rate that is too high, or biases that were pushed far below zero."
        )

    def plot(self, to_file: str | os.PathLike[str] | None = None) -> Figure:
        """Draw, for each layer, for what share of the images its units speak, the dead ones marked.

        Parameters
        ----------
        to_file : path, optional
            A picture file to write.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from scratchcnn.inspection.optimizer.dead_units_figure import plot_dead_units

        return plot_dead_units(self, to_file)


def dead_units(model: Sequential, x: object, batch_size: int = 128) -> DeadUnits:
    """Look which ReLU units are zero for every one of some images, dropout off.

    Parameters
    ----------
    model : Sequential
        Built.
    x : (N, *input_shape), integers or floats
        The set that it is said of: give the training images, or some thousand of them.
    batch_size : int
        How many at once; the result does not depend on it.

    Returns
    -------
    DeadUnits

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
    chosen = [i for i, layer in enumerate(model.layers) if isinstance(getattr(layer, "activation", None), ReLU)]
    spoke = {i: np.zeros(_units(model, i), np.int64) for i in chosen}
    zeros, numbers = dict.fromkeys(chosen, 0), dict.fromkeys(chosen, 0)
    plan = Plan(model.layers, model.engine, fuse=False)
    for start in range(0, len(images), batch_size):
        outputs = layer_outputs(plan, as_input(images[start : start + batch_size], model.dtype))
        for i in chosen:
            nonzero = outputs[i] != 0  # (n, ..., units)
            spoke[i] += nonzero.any(axis=tuple(range(1, nonzero.ndim - 1))).sum(axis=0)
            zeros[i] += int(nonzero.size - nonzero.sum())
            numbers[i] += nonzero.size
    found = (
        LayerUnits(str(model.layers[i].name), spoke[i] / len(images), zeros[i] / numbers[i]) for i in chosen
    )  # fmt: skip
    return DeadUnits(tuple(found), len(images))


def _units(model: Sequential, place: int) -> int:
    shape = model.layers[place].output_shape
    assert shape is not None
    return shape[-1]
