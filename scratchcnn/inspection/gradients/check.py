"""check_gradients: central differences against backward, for any model and any layer, a user's own above all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scratchcnn.arguments import positive, positive_integer, seed_number
from scratchcnn.inspection.gradients.diagnosis import diagnose
from scratchcnn.inspection.gradients.differentiable import Differentiable, differentiable
from scratchcnn.inspection.gradients.patterns import switched
from scratchcnn.inspection.gradients.table import ArrayCheck, Element, Float32Gap, GradientCheck
from scratchcnn.inspection.gradients.verdicts import Judge, Judged
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

Index = tuple[int, ...]


def check_gradients(
    model_or_layer: Sequential | Layer,
    x: object,
    y: object = None,
    *,
    sample: int | None = 20,
    step: float = 1e-4,
    training: bool = True,
    engine: str | None = None,
    seed: int = 0,
) -> GradientCheck:
    """Hold what backward says against differences of the loss, element by element.

        numeric = (8 (loss(p + h) - loss(p - h)) - (loss(p + 2h) - loss(p - 2h))) / 12h

    Everything is computed in float64, in a twin with the same parameters: in float32 the differences of such small
    steps would be rounding alone. So the code is checked, not the precision it is run in. The model or layer itself
    stays as it is. Of a layer alone, or a model without y, the "loss" is a random linear functional of the outputs.

    Parameters
    ----------
    model_or_layer : Sequential or Layer
        A compiled model; or a layer, of this package or of your own, built or not.
    x : (N, *input_shape)
        A few images are enough, and quicker.
    y : labels as for `fit`, optional
    sample : int or None, default 20
        How many elements of each array are looked at: half of them by chance, half by chance among those whose gradient
        is not zero. None: all. Of an array that is not looked at as a whole, all elements are also moved together, in
        a random direction; if that disagrees, halving finds an element at fault.
    step : float, default 1e-4
        h, for numbers up to 1; of larger ones, as a share of them.
    training : bool, default True
        Whether dropout drops: always the same units, since its generator begins anew each time.
    engine : {'kernels', 'reference'}, default that of the model, or 'kernels'
    seed : int, default 0
        Which elements, which units are dropped, which functional.

    Returns
    -------
    GradientCheck
        Its `ok` is False if backward is wrong; `print` shows the table.

    Raises
    ------
    TypeError
        Neither a model nor a layer.
    ValueError
        The model is not built, data do not fit, or an option is out of range.
    RuntimeError
        y for a model that is not compiled.

    Notes
    -----
    When a gradient counts as right, and how a kink is told from a bug: see `inspection.verdicts`. What happens at a
    kink alone, as with two equal numbers in a pooling window, is no question of derivatives: see `compare_layers`.

    Kernels that only float32 takes, as some of Winograd's, are not seen by differences; the line about float32 holds
    their gradients against those in float64.

    Cost: about 5 forward passes an element.

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 11.5; Moré & Wild 2011 for the noise.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> check_gradients(Dense(2), np.array([[1.0, -2.0]]), engine="reference").ok
    True
    """
    seed = seed_number(seed) or 0
    count = None if sample is None else positive_integer("sample", sample)
    options: dict[str, object] = {"training": bool(training), "engine": engine, "seed": seed}
    function = differentiable(model_or_layer, x, y, **options)  # type: ignore[arg-type]
    judge = Judge(function, positive("step", step))
    found = {name: _look(judge, name, count) for name in function.arrays if name not in function.faults}
    gap = _float32_gap(model_or_layer, x, y, judge, options)
    rows = _confirmed(judge, found, count)
    batch = len(function.x)
    return GradientCheck(
        title=_title(model_or_layer, y), rows=tuple(rows[name] for name in function.arrays), step=step,
        loss=judge.middle.value, dropped=bool(training), batch=batch, float32_gap=gap,
        remarks=tuple(diagnose([rows[name] for name in function.arrays], batch, _names(model_or_layer))),
    )  # fmt: skip


def _title(thing: Sequential | Layer, y: object) -> str:
    if isinstance(thing, Layer):
        return f"layer {thing.label}; its loss: a random linear functional of the output"
    return f"model {thing.name!r}" + ("" if y is not None else "; its loss: a random linear functional of the output")


def _look(judge: Judge, name: str, count: int | None) -> dict[Index, Judged]:
    """What was found for each element that is looked at."""
    return {index: judge.judge(name, index) for index in _chosen(judge.gradients[name], count, judge.function.seed)}


def _chosen(gradient: Array, count: int | None, seed: int) -> list[Index]:
    """All indices, or `count` of them: half by chance, half by chance among those whose gradient is not zero."""
    if count is None or gradient.size <= count:
        return list(np.ndindex(gradient.shape))
    rng = np.random.default_rng(seed)
    busy = np.flatnonzero(gradient)
    first = rng.choice(busy, min(len(busy), count // 2), replace=False)
    others = np.setdiff1d(np.arange(gradient.size), first)
    chosen = np.concatenate([first, rng.choice(others, count - len(first), replace=False)])
    return [tuple(int(i) for i in np.unravel_index(place, gradient.shape)) for place in np.sort(chosen)]


def _confirmed(judge: Judge, found: dict[str, dict[Index, Judged]], count: int | None) -> dict[str, ArrayCheck]:
    """The rows of the table, after what is suspected has been asked again beside the point."""
    faults, arrays = judge.function.faults, judge.function.arrays
    analytic = {name: gradient.copy() for name, gradient in judge.gradients.items()}
    rows = {name: ArrayCheck.at_fault(name, arrays[name].shape, fault) for name, fault in faults.items()}
    beside = judge.beside()
    for name, judged in found.items():
        elements = []
        for index, one in judged.items():
            elements.append(Element(index, float(analytic[name][index]), *one))
            if one.verdict != "ok":
                elements[-1] = _again(elements[-1], beside, name)
        if len(elements) < arrays[name].size and all(element.verdict != "BUG" for element in elements):
            elements += _by_halving(beside, name)
        rows[name] = ArrayCheck.of(name, arrays[name].shape, elements)
    return rows


def _again(element: Element, beside: Judge, name: str) -> Element:
    """The same element after a second look beside the point: a bug only if it is one there too."""
    there = beside.judge(name, element.at)
    if there.verdict != "BUG":
        return element._replace(verdict="kink")
    if element.verdict == "kink":  # nothing could be measured there, so the numbers of the second look stand here
        return Element(element.at, float(beside.gradients[name][element.at]), *there)
    return element


def _by_halving(judge: Judge, name: str) -> Iterator[Element]:
    """An element at fault of an array of which not all were looked at, if there is one; often a single one is found.

    All elements are moved together; while that disagrees, the half that disagrees more is gone on with.
    """
    shape = judge.function.arrays[name].shape
    direction = np.random.default_rng(judge.function.seed).choice([-1.0, 1.0], shape)
    members = np.arange(direction.size)
    if _disagreement(judge, name, direction, members) == 0:
        return
    while len(members) > 1:
        halves = members[: len(members) // 2], members[len(members) // 2 :]
        members = max(halves, key=lambda half: _disagreement(judge, name, direction, half))
    index = tuple(int(i) for i in np.unravel_index(int(members[0]), shape))
    judged = judge.judge(name, index)
    if judged.verdict == "BUG":
        yield Element(index, float(judge.gradients[name][index]), *judged)


def _disagreement(judge: Judge, name: str, direction: Array, members: Array) -> float:
    """By how much backward is off if these elements are moved together; 0 if it is right, or nothing can be said."""
    along = np.zeros_like(direction)
    along.flat[members] = direction.flat[members]
    judged = judge.judge(name, along)
    return abs(float((judge.gradients[name] * along).sum()) - judged.numeric) if judged.verdict == "BUG" else 0.0


def _float32_gap(
    thing: Sequential | Layer, x: object, y: object, judge: Judge, options: dict[str, object]
) -> Float32Gap | None:
    """How the same pass in float32 differs from that in float64; None if it is not run in float32."""
    params = [array for layer in _layers(thing) for array in layer.params.values()]
    if any(array.dtype != np.float32 for array in params) or not params:
        return None
    single: Differentiable = differentiable(thing, x, y, dtype=np.dtype(np.float32), **options)  # type: ignore[arg-type]
    with np.errstate(all="ignore"):
        found, pattern = single.gradients(), single.evaluate().pattern
    gaps = {
        name: float(np.abs(found[name] - gradient).max(initial=0) / (np.abs(gradient).max(initial=0) or 1.0))
        for name, gradient in judge.gradients.items()
        if np.shape(found[name]) == np.shape(gradient)
    }
    if not gaps:
        return None
    worst = max(gaps, key=lambda name: gaps[name])
    return Float32Gap(gaps[worst], worst, switched(pattern, judge.middle.pattern))


def _names(thing: Sequential | Layer) -> list[str]:
    return [layer.name or layer.default_name for layer in _layers(thing)]


def _layers(thing: Sequential | Layer) -> list[Layer]:
    return thing.layers if isinstance(thing, Sequential) else [thing]
