"""compare_layers: two layers that should compute the same, side by side: outputs, gradients, the first place apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.arguments import seed_number
from scratchcnn.inspection.gradients.differentiable import FLOAT64, built, twin
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.operations import engine as operations_of
from scratchcnn.training.data import check_images

# Two orders of summation of up to 10,000 terms in float64.
ROUNDING = 1e4 * float(np.finfo(np.float64).eps)


def compare_layers(
    layer: Layer, other: Layer, x: object, *, training: bool = False, engine: str = "kernels", seed: int = 0
) -> Findings:
    """Give two layers the same input, parameters and gradient, in float64, and look where they part.

    A gradient check sees whether backward belongs to forward, not whether forward is what it should be; and it cannot
    judge a kink, where two numbers are equal. For both, a layer that is known to be right is the judge.

    Parameters
    ----------
    layer : Layer
        Yours, built or not; its parameters are given to both.
    other : Layer
        The one it should equal, as `scratchcnn.layers.Conv2D` with the same arguments; its parameters must have the
        same names and shapes.
    x : (N, *input_shape)
        With ties and zeros, if it is those you doubt: a picture of a digit has many.
    training : bool, default False
        Whether dropout drops; from the same generator in both.
    engine : {'kernels', 'reference'}
    seed : int

    Returns
    -------
    Findings

    Raises
    ------
    TypeError, ValueError
        Not layers, an input that does not fit, or parameters that differ in name or shape.

    Examples
    --------
    >>> from scratchcnn.layers import Activation, Dense
    >>> x = np.array([[1.0, -2.0]])
    >>> found = compare_layers(Activation("relu"), Activation("linear"), x, engine="reference")
    >>> [point.name for point in found.wrong]
    ['output', 'input gradient']
    """
    for each in (layer, other):
        if not isinstance(each, Layer):
            raise TypeError(f"Expected two layers, as Dense(10), received {each!r}.")
    shape = np.shape(np.asarray(x))[1:]
    images = np.array(check_images(x, layer.input_shape or shape, FLOAT64), FLOAT64, order="C")
    seed = seed_number(seed) or 0
    one = built(layer, images.shape[1:], seed)
    two = _given_parameters(one, other, images, seed)
    found = [_passes(each, images, training, engine, seed) for each in (one, two)]
    points = tuple(_compared(name, found[0][name], found[1][name]) for name in found[1])
    return Findings(f"Layer {layer.label} beside {other.label}: the same input, parameters and gradient.", points)


def _given_parameters(layer: Any, other: Layer, images: Array, seed: int) -> Any:
    """A twin of `other` with the parameters of `layer`."""
    two = built(other, images.shape[1:], seed)
    shapes = [{name: array.shape for name, array in each.params.items()} for each in (layer, two)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"Expected two layers with the same parameters, received {shapes[0]} and {shapes[1]}.")
    if layer.output_shape != two.output_shape:
        raise ValueError(
            f"Expected two layers with the same output shape, received {layer.output_shape} and {two.output_shape}."
        )
    two.params = twin(layer).params
    return two


def _passes(layer: Any, x: Array, training: bool, engine: str, seed: int) -> dict[str, Array]:
    """Everything that a forward and a backward pass give."""
    ops, rng = operations_of(engine), np.random.default_rng(seed)
    dy = rng.standard_normal((len(x), *layer.output_shape))
    y, cache = layer.forward(x.copy(), ops, training=training, rng=rng)
    output = y.copy()
    dx, gradients = layer.backward(dy, cache, ops)
    return {"output": output, "input gradient": dx} | {f"{name} gradient": gradients[name] for name in layer.params}


def _compared(name: str, one: Array, other: Array) -> Point:
    if np.shape(one) != np.shape(other):
        return Point(name, False, f"shape {np.shape(one)}, while the other has {np.shape(other)}")
    gap = np.nan_to_num(np.abs(one - other), nan=np.inf)
    size = float(np.abs(other).max(initial=0))
    apart = gap > ROUNDING * size
    if not apart.any():
        return Point(name, True, f"equal to {gap.max(initial=0):.1g}, the largest being {size:.3g}")
    first = tuple(int(i) for i in np.argwhere(apart)[0])
    text = f"{int(apart.sum()):,} of {gap.size:,} numbers differ, first at {list(first)}: {one[first]:.6g}, "
    text += f"while the other has {other[first]:.6g}"
    if np.allclose(np.sort(one, axis=None), np.sort(other, axis=None), rtol=1e-9, atol=ROUNDING * size):
        text += "; all numbers are there, in another order: are axes changed over?"
    return Point(name, False, text)
