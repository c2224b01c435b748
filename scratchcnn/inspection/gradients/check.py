"""check_gradients: compare the backward pass of any model or layer with differences of the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from scratchcnn.arguments import positive, positive_integer
from scratchcnn.descriptions.words import plural
from scratchcnn.inspection.arguments import index_of
from scratchcnn.inspection.gradients.diagnosis import diagnose
from scratchcnn.inspection.gradients.differentiable import Differentiable
from scratchcnn.inspection.gradients.probe import Element, Probe
from scratchcnn.inspection.gradients.table import ArrayCheck, Float32Gap, GradientCheck
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.sequential import Sequential

NEGLIGIBLE = 1e-12  # a gradient in float64, relative to the largest, that consists of rounding errors


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
    """Compare the gradients of the backward pass with differences of the loss, element by element.

        numeric = (8 (loss(p + h) - loss(p - h)) - (loss(p + 2h) - loss(p - 2h))) / 12h

    The check computes in float64, in a copy with the same parameters: in float32, the differences would consist of
    rounding errors. The loss of a layer alone, or of a model without y, is a random linear functional of the outputs.

    Parameters
    ----------
    model_or_layer : Sequential or Layer
        A compiled model, or a layer of this package or of your own, built or not. It is not modified.
    x : (N, *input_shape)
        A few images are enough.
    y : labels as for `fit`, optional
    sample : int or None, default 20
        Number of random elements of each array to compare, half of them chosen among those with a nonzero gradient;
        None: all. If an array is not compared as a whole, all its elements are also moved together in a random
        direction; if the derivatives in this direction differ, bisection finds a wrong element.
    step : float, default 1e-4
        h for values of size up to 1; relative to larger ones.
    training : bool, default True
        Whether dropout is on; it uses the same masks in every evaluation. BatchNormalization uses the statistics of the
        batch, so the gradients through its mean and variance are checked; otherwise its moving averages.
    engine : {'kernels', 'reference'}
        Default: that of the model, or 'kernels'.
    seed : int, default 0
        Seed of the sampled elements, the dropout masks and the random functional.

    Raises
    ------
    TypeError, ValueError
        Neither a model nor a layer; a model that is not built, data that do not fit, or an option out of range.
    RuntimeError
        y for a model that is not compiled.

    Notes
    -----
    `inspection.gradients.probe` documents when a gradient counts as correct, and how a kink (a point where a ReLU or a
    max pooling has no derivative) is distinguished from a bug. To check the behavior exactly at a kink, such as two
    equal values in a pooling window, use `compare_layers`. Kernels for float32 only, such as some of Winograd's, do not
    run in float64; the line about float32 compares their gradients. Cost: about 5 forward passes per element.

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 11.5; Moré & Wild 2011 for the rounding error.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> check_gradients(Dense(2), np.array([[1.0, -2.0]]), engine="reference").ok
    True
    """
    thing, count = model_or_layer, None if sample is None else positive_integer("sample", sample)
    build = partial(Differentiable, thing, x, y, training=training, engine=engine, seed=seed)
    function = build()
    probe = Probe(function, positive("step", step))
    found = {
        name: [probe.compare(name, index) for index in _sampled(gradient, count, function.seed)]
        for name, gradient in probe.gradients.items()
        if name not in function.faults
    }
    layers = thing.leaf_layers if isinstance(thing, Sequential) else [thing]
    gap = _float32_gap(build, layers, probe)
    nearby = probe.nearby()
    rows = tuple(
        ArrayCheck(name, array.shape, tuple(_confirmed(nearby, name, found.get(name, []))), function.faults.get(name))
        for name, array in function.arrays.items()
    )
    names = thing.leaf_names if isinstance(thing, Sequential) else [thing.name or thing.default_name]
    remarks = diagnose(rows, len(function.x), names)
    subject = f"layer {thing.label}" if isinstance(thing, Layer) else f"model {thing.name!r}"
    functional = "" if y is not None else " (a random linear functional of the outputs)"
    mode = "training mode with fixed dropout masks" if training else "inference mode"
    loss = probe.middle.value
    title = (
        f"Gradient check of {subject}: the gradients of the backward pass (analytic) and differences of the loss "
        f"(numeric), in float64. Loss {loss:.6g}{functional}, {plural(len(function.x), 'sample')}, step {step:g}, "
        f"{mode}."
    )
    return GradientCheck(title, rows, loss, gap, tuple(remarks))


def _sampled(gradient: Array, count: int | None, seed: int) -> list[tuple[int, ...]]:
    """Indices of all elements, or of `count`: half random, half random among those with a nonzero gradient."""
    if count is None or gradient.size <= count:
        return list(np.ndindex(gradient.shape))
    rng = np.random.default_rng(seed)
    nonzero = np.flatnonzero(gradient)
    first = rng.choice(nonzero, min(len(nonzero), count // 2), replace=False)
    others = np.setdiff1d(np.arange(gradient.size), first)
    chosen = np.concatenate([first, rng.choice(others, count - len(first), replace=False)])
    return [index_of(place, gradient) for place in np.sort(chosen)]


def _confirmed(nearby: Probe, name: str, elements: list[Element]) -> Iterator[Element]:
    """The elements after those that are not 'ok' were compared again at a nearby point; and one found by bisection."""
    wrong = False
    for element in elements:
        if element.verdict != "ok":
            again = nearby.compare(name, element.at)
            if again.verdict != "BUG":
                element = element._replace(verdict="kink")
            elif element.verdict == "kink":  # it has no numerical derivative, so report that of the nearby point
                element = again
        wrong = wrong or element.verdict == "BUG"
        yield element
    if elements and len(elements) < nearby.function.arrays[name].size and not wrong:
        yield from _by_bisection(nearby, name)


def _by_bisection(probe: Probe, name: str) -> Iterator[Element]:
    """A wrong element of an array that was compared in part, if there is one; finds single ones in most cases.

    Moves all elements together in a random direction. If the derivatives differ, continues with the half of the
    elements whose derivatives differ more, until one is left.
    """
    gradient = probe.gradients[name]
    direction = np.random.default_rng(probe.function.seed).choice([-1.0, 1.0], gradient.shape)

    def difference(members: Array) -> float:
        along = np.zeros_like(direction)
        along.flat[members] = direction.flat[members]
        element = probe.compare(name, along)
        return element.error if element.verdict == "BUG" else 0.0

    members = np.arange(direction.size)
    if difference(members) == 0:
        return
    while len(members) > 1:
        members = max(members[: len(members) // 2], members[len(members) // 2 :], key=difference)
    element = probe.compare(name, index_of(members[0], gradient))
    if element.verdict == "BUG":
        yield element


def _float32_gap(build: Callable[..., Differentiable], layers: Sequence[Layer], probe: Probe) -> Float32Gap | None:
    """Compare the gradients of the same pass in float32; None if the parameters are not float32."""
    if {array.dtype for layer in layers for array in layer.params.values()} != {np.dtype(np.float32)}:
        return None
    single = build(dtype=np.dtype(np.float32))
    with np.errstate(all="ignore"):
        found, evaluation = single.gradients(), single.evaluate()
    sizes = {name: float(np.abs(gradient).max(initial=0)) for name, gradient in probe.gradients.items()}
    largest = max(sizes.values())
    gaps = [
        (float(np.abs(found[name] - gradient).max(initial=0)) / _size(sizes[name], largest), name)
        for name, gradient in probe.gradients.items()
        if np.shape(found[name]) == np.shape(gradient)
    ]
    if not gaps:
        return None
    return Float32Gap(*max(gaps, key=lambda gap: gap[0]), evaluation.switched(probe.middle))


def _size(size: float, largest: float) -> float:
    """Return the largest gradient of an array, or, if that is a rounding error of zero, of all arrays.

    A bias before a BatchNormalization, for example, has no effect, since the mean is subtracted.
    """
    return (size if size > NEGLIGIBLE * largest else largest) or 1.0
