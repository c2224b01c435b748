"""check_layer: whether a layer keeps what every layer must: nothing of a pass, its parameters, the shapes, the mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.arguments import seed_number
from scratchcnn.inspection.gradients.differentiable import built, twin
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.operations import Operations
from scratchcnn.operations import engine as operations_of
from scratchcnn.training.data import check_images

FLOAT32 = np.dtype(np.float32)
DRAWS = 200  # passes with dropout
SIGMAS = 6.0  # a mean that is right lies further off once in a thousand million checks
LARGE = 1e4  # inputs so large overflow exp, and nothing else


def check_layer(layer: Layer, x: object, *, engine: str = "kernels", seed: int = 0) -> Findings:
    """Look at what a gradient check does not see: how a layer behaves.

    - as in predict, the same input gives the same output, whatever came before;
    - two passes may be under way at once: forward A, forward B, backward A; and backward may be called twice;
    - parameters, input and gradient are left as they are;
    - shapes and dtypes are those that were announced;
    - a layer that leaves things to chance in training has, in the mean, the output that it has in predict;
    - an input of large numbers gives finite ones.

    Parameters
    ----------
    layer : Layer
        Of this package or of your own, built or not; a copy in float32 is looked at, and the layer left as it is.
    x : (N, *input_shape), N at least 2
    engine : {'kernels', 'reference'}
    seed : int

    Returns
    -------
    Findings

    Raises
    ------
    TypeError, ValueError
        Not a layer, or an input that does not fit it.

    Examples
    --------
    >>> from scratchcnn.layers import Dropout
    >>> check_layer(Dropout(0.25), np.ones((4, 50)), engine="reference").ok
    True
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"Expected a layer, as Dense(10), received {layer!r}; give one of model.layers.")
    shape = np.shape(np.asarray(x))[1:]
    images = np.array(check_images(x, layer.input_shape or shape, FLOAT32), FLOAT32, order="C")
    if len(images) < 2:
        raise ValueError(f"Expected at least two samples, received {len(images)}; give a batch.")
    subject = _Subject(built(layer, images.shape[1:], seed_number(seed) or 0, FLOAT32), images, engine, seed)
    with np.errstate(all="ignore"):
        points = [
            subject.repeatable(), *subject.stateless(), *subject.untouched(), subject.shapes(), subject.dtypes(),
            *subject.mean(), subject.large(),
        ]  # fmt: skip
    return Findings(f"Layer {layer.label}: what every layer keeps, in float32, {len(images)} samples.", tuple(points))


class _Subject:
    """A layer with an input, another input, and a gradient of its output."""

    def __init__(self, layer: Any, x: Array, engine: str, seed: int) -> None:
        self.layer, self.x, self.seed = layer, x, seed
        self.ops: Operations = operations_of(engine)
        rng = np.random.default_rng(seed)
        self.other = (x[::-1] + rng.standard_normal(x.shape)).astype(x.dtype)
        self.dy = rng.standard_normal((len(x), *layer.output_shape)).astype(x.dtype)

    def predict(self, layer: Any, x: Array) -> Array:
        return layer.forward(x, self.ops, training=False, rng=None)[0].copy()

    def train(self, layer: Any, x: Array, number: int = 0) -> tuple[Array, Any]:
        return layer.forward(x, self.ops, training=True, rng=np.random.default_rng((self.seed, number)))

    def gradients(self, layer: Any, cache: Any) -> list[Array]:
        """Copies of all gradients: by the input, and by each parameter."""
        dx, gradients = layer.backward(self.dy.copy(), cache, self.ops)
        return [np.array(dx), *(np.array(gradients[name]) for name in layer.params if name in gradients)]

    def repeatable(self) -> Point:
        layer = twin(self.layer, FLOAT32)
        first = self.predict(layer, self.x)
        self.train(layer, self.other)
        gap = _gap(self.predict(layer, self.x), first)
        text = "twice the same input, twice the same output, to the bit"
        if gap:
            text = f"the same input gave outputs up to {gap:.3g} apart: is dropout on at test time, or something kept?"
        return Point("same in predict", gap == 0, text)

    def stateless(self) -> list[Point]:
        layer = twin(self.layer, FLOAT32)
        _, cache = self.train(layer, self.x)
        alone = self.gradients(layer, cache)
        again = self.gradients(layer, cache)
        layer = twin(self.layer, FLOAT32)
        _, cache = self.train(layer, self.x)
        self.train(layer, self.other, number=1)
        crossed = self.gradients(layer, cache)
        return [
            _told("backward twice", _gaps(alone, again), "the second backward of a pass gives what the first gave",
                  "the second backward of one pass gave gradients {} away from the first: are they added up on the "
                  "layer, and never reset?"),
            _told("two passes at once", _gaps(alone, crossed), "forward A, forward B, backward A gives A's gradients",
                  "forward A, forward B, backward A gave gradients {} away from those of A alone: the layer keeps the "
                  "last input on itself; hand it over in the cache"),
        ]  # fmt: skip

    def untouched(self) -> list[Point]:
        layer, x, dy = twin(self.layer, FLOAT32), self.x.copy(), self.dy.copy()
        before = {name: array.copy() for name, array in layer.params.items()}
        _, cache = self.train(layer, x)
        moved = [name for name, array in before.items() if not np.array_equal(array, layer.params[name])]
        layer.backward(dy, cache, self.ops)
        later = [name for name, array in before.items() if not np.array_equal(array, layer.params[name])]
        kept = "forward and backward leave the parameters as they are"
        changed = (
            f"{'forward' if moved else 'backward'} changes {', '.join(later)}: the gradient of the layer below is "
        )
        changed += "then taken with numbers that are new already; that is the optimizer's work, once all is known"
        inputs = [name for name, a, b in (("input", x, self.x), ("gradient", dy, self.dy)) if not np.array_equal(a, b)]
        return [
            Point("parameters kept", not later, changed if later else kept),
            Point("input kept", not inputs, f"the {' and the '.join(inputs)} handed in is changed: work on a copy"
                  if inputs else "what is handed in is left as it is"),
        ]  # fmt: skip

    def shapes(self) -> Point:
        layer = twin(self.layer, FLOAT32)
        y, cache = self.train(layer, self.x)
        announced = (len(self.x), *layer.output_shape)
        if y.shape != announced:
            return Point("shapes", False, f"output {y.shape}, while compute_output_shape says {announced}")
        dx, gradients = layer.backward(self.dy.copy(), cache, self.ops)
        found = {"input": np.shape(dx)} | {name: np.shape(array) for name, array in gradients.items()}
        wanted = {"input": self.x.shape} | {name: array.shape for name, array in layer.params.items()}
        return Point("shapes", found == wanted, f"output {y.shape}; gradients: " + (
            "as what they are gradients of" if found == wanted else f"expected {wanted}, received {found}"
        ))  # fmt: skip

    def dtypes(self) -> Point:
        layer = twin(self.layer, FLOAT32)
        y, cache = self.train(layer, self.x)
        others = sorted({str(array.dtype) for array in [y, *self.gradients(layer, cache)]} - {"float32"})
        text = (
            "float32 stays float32" if not others else f"float32 became {', '.join(others)}: slower, and refused later"
        )
        return Point("dtype", not others, text)

    def mean(self) -> list[Point]:
        """Of the output in training, along the sign of the output in predict; none if nothing is left to chance."""
        layer = twin(self.layer, FLOAT32)
        certain = self.predict(layer, self.x).astype(np.float64)
        if _gap(self.predict(layer, self.x), certain) or not _gap(*(self.train(layer, self.x, i)[0] for i in (0, 1))):
            return []
        sums = [float((self.train(layer, self.x, i)[0] * np.sign(certain)).sum()) for i in range(DRAWS)]
        expected, mean, spread = float(np.abs(certain).sum()), float(np.mean(sums)), float(np.std(sums, ddof=1))
        ok = abs(mean - expected) <= SIGMAS * spread / np.sqrt(DRAWS) + 1e-5 * expected
        text = f"over {DRAWS} passes of training the output is {mean / (expected or 1):.4f} of that in predict"
        return [Point("mean in training", ok, text + ("" if ok else ": what is kept is not scaled by 1 / (1 - rate)"))]

    def large(self) -> Point:
        layer = twin(self.layer, FLOAT32)
        x = self.x * np.float32(LARGE / (np.abs(self.x).max() or 1))
        bad = int((~np.isfinite(self.predict(layer, x))).sum())
        text = f"inputs up to {LARGE:g} give " + (
            f"{bad} outputs that are NaN or infinite" if bad else "finite outputs"
        )
        return Point("large inputs", not bad, text)


def _gap(one: Array, other: Array) -> float:
    """The largest difference; infinite if shapes differ or one is not finite where the other is."""
    if one.shape != other.shape:
        return np.inf
    if np.array_equal(one, other, equal_nan=True):
        return 0.0
    return float(np.nan_to_num(np.abs(one.astype(np.float64) - other), nan=np.inf).max())


def _gaps(one: list[Array], other: list[Array]) -> float:
    return max((_gap(a, b) for a, b in zip(one, other, strict=True)), default=0.0)


def _told(name: str, gap: float, right: str, wrong: str) -> Point:
    return Point(name, gap == 0, right if gap == 0 else wrong.format(f"up to {gap:.3g}"))
