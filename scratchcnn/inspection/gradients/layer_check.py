"""check_layer and compare_layers: the behavior of a layer, and two layers that should compute the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.arguments import seed_number
from scratchcnn.inspection.gradients.differentiable import FLOAT64, built_copy, copy_as
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.layers import Layer
from scratchcnn.operands import Array
from scratchcnn.operations import engine as operations_of
from scratchcnn.training.data import check_images

FLOAT32 = np.dtype(np.float32)
DRAWS = 200  # training passes over which the output is averaged
SIGMAS = 6.0  # a correct mean deviates by more once in 10**9 checks
MEAN_ROUNDING = 1e-5  # of the sum over the outputs in float32
LARGE = 1e4  # inputs for which exp overflows in float32
ROUNDING = 1e4 * float(np.finfo(np.float64).eps)  # of sums of up to 10,000 terms in different orders


def check_layer(layer: Layer, x: object, *, engine: str = "kernels", seed: int = 0) -> Findings:
    """Check the behavior of a layer that a gradient check does not test.

    - Inference is deterministic: equal inputs give equal outputs, also after other passes.
    - Passes are independent: backward may be called twice, and other passes may run between forward and backward.
    - Forward and backward do not modify parameters, input and gradient.
    - Shapes and dtypes are as declared.
    - If training is random (dropout), the mean output equals the output in inference.
    - Large inputs give finite outputs.

    Parameters
    ----------
    layer : Layer
        Of this package or of your own, built or not. A float32 copy is checked.
    x : (N, *input_shape), N >= 2
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
    images = _images(layer, x, FLOAT32)
    if len(images) < 2:
        raise ValueError(f"Expected at least two samples, received {len(images)}; give a batch.")
    seed = seed_number(seed) or 0
    passes = _Passes(built_copy(layer, images.shape[1:], seed, FLOAT32), images, engine, seed)
    with np.errstate(all="ignore"):
        points = (
            passes.deterministic(), *passes.independent(), *passes.unmodified(), *passes.declared(),
            *passes.mean_in_training(), passes.large_inputs(),
        )  # fmt: skip
    return Findings(f"Behavior of layer {layer.label}, in float32, with {len(images)} samples.", points)


def compare_layers(
    layer: Layer, other: Layer, x: object, *, training: bool = False, engine: str = "kernels", seed: int = 0
) -> Findings:
    """Compare outputs and gradients of two layers with the same input, parameters and output gradient, in float64.

    A gradient check tests whether backward is the derivative of forward, not whether forward is correct, and it cannot
    test kinks such as ties. A comparison with a correct layer tests both.

    Parameters
    ----------
    layer : Layer
        Yours, built or not; both layers use its parameters.
    other : Layer
        A correct one, such as `scratchcnn.layers.Conv2D` with the same arguments. Its parameters must have the same
        names and shapes.
    x : (N, *input_shape)
        To test ties and zeros, give an input with many of them, such as digits.
    training : bool, default False
        Whether dropout is on; both layers receive the same random state.
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
    images = _images(layer, x, FLOAT64)
    _expect_layer(other)
    seed = seed_number(seed) or 0
    one, two = (built_copy(each, images.shape[1:], seed) for each in (layer, other))
    shapes, others = ({name: array.shape for name, array in each.params.items()} for each in (one, two))
    if shapes != others:
        raise ValueError(f"Expected two layers with the same parameters, received {shapes} and {others}.")
    if one.output_shape != two.output_shape:
        raise ValueError(
            f"Expected two layers with the same output shape, received {one.output_shape} and {two.output_shape}."
        )
    two.params = copy_as(one).params
    found, expected = (_arrays(each, images, training, engine, seed) for each in (one, two))
    points = tuple(_comparison(name, found[name], expected[name]) for name in expected)
    return Findings(
        f"Layer {layer.label} compared with {other.label}: the same input, parameters and gradient.", points
    )


def _expect_layer(layer: object) -> None:
    if not isinstance(layer, Layer):
        raise TypeError(f"Expected a layer, as Dense(10), received {layer!r}; give one of model.layers.")


def _images(layer: Layer, x: object, dtype: np.dtype[np.floating]) -> Array:
    _expect_layer(layer)
    return np.array(check_images(x, layer.input_shape or np.shape(np.asarray(x))[1:], dtype), dtype, order="C")


def _arrays(layer: Any, x: Array, training: bool, engine: str, seed: int) -> dict[str, Array]:
    """The output and all gradients of a forward and a backward pass with a random output gradient."""
    ops, rng = operations_of(engine), np.random.default_rng(seed)
    dy = rng.standard_normal((len(x), *layer.output_shape))
    y, cache = layer.forward(x.copy(), ops, training=training, rng=rng)
    output = y.copy()
    dx, gradients = layer.backward(dy, cache, ops)
    return {"output": output, "input gradient": dx} | {f"{name} gradient": gradients[name] for name in layer.params}


def _comparison(name: str, one: Array, other: Array) -> Point:
    if np.shape(one) != np.shape(other):
        return Point(name, False, f"shape {np.shape(one)}, expected {np.shape(other)}")
    error = np.nan_to_num(np.abs(one - other), nan=np.inf)
    size = float(np.abs(other).max(initial=0))
    wrong = error > ROUNDING * size
    if not wrong.any():
        return Point(name, True, f"largest error {error.max(initial=0):.1g}, largest value {size:.3g}")
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    text = f"{int(wrong.sum()):,} of {error.size:,} values differ, first at {list(first)}: {one[first]:.6g}, "
    text += f"expected {other[first]:.6g}"
    if np.allclose(np.sort(one, axis=None), np.sort(other, axis=None), rtol=1e-9, atol=ROUNDING * size):
        text += "; the same values in another order: are axes swapped?"
    return Point(name, False, text)


class _Passes:
    """Passes of a layer on fixed arrays. Each test starts from a new copy of the layer."""

    def __init__(self, layer: Any, x: Array, engine: str, seed: int) -> None:
        self.layer, self.x, self.seed = layer, x, seed
        self.ops = operations_of(engine)
        rng = np.random.default_rng(seed)
        self.other = (x[::-1] + rng.standard_normal(x.shape)).astype(x.dtype)
        self.dy = rng.standard_normal((len(x), *layer.output_shape)).astype(x.dtype)

    def copy(self) -> Any:
        return copy_as(self.layer, FLOAT32)

    def predict(self, layer: Any, x: Array) -> Array:
        return layer.forward(x, self.ops, training=False, rng=None)[0].copy()

    def train(self, layer: Any, x: Array, number: int = 0) -> tuple[Array, Any]:
        return layer.forward(x, self.ops, training=True, rng=np.random.default_rng((self.seed, number)))

    def gradients(self, layer: Any, cache: Any) -> dict[str, Array]:
        """Copies of the gradients w.r.t. the input and each parameter."""
        dx, gradients = layer.backward(self.dy.copy(), cache, self.ops)
        return {"input": np.array(dx)} | {name: np.array(array) for name, array in gradients.items()}

    def deterministic(self) -> Point:
        layer = self.copy()
        first = self.predict(layer, self.x)
        self.train(layer, self.other)
        gap = _gap(self.predict(layer, self.x), first)
        hint = "is dropout on in inference, or does the layer keep a state?"
        return Point.of("inference", gap == 0, f"outputs for equal inputs differ by {gap:.3g}", hint)

    def independent(self) -> list[Point]:
        layer = self.copy()
        _, cache = self.train(layer, self.x)
        alone, again = self.gradients(layer, cache), self.gradients(layer, cache)
        layer = self.copy()
        _, cache = self.train(layer, self.x)
        self.train(layer, self.other, number=1)
        gaps = [
            max(_gap(alone[name], found[name]) for name in alone) for found in (again, self.gradients(layer, cache))
        ]
        return [
            Point.of("backward twice", gaps[0] == 0, f"gradients of the second call differ by {gaps[0]:.3g}",
                     "does the layer accumulate them, or change its parameters?"),
            Point.of("interleaved passes", gaps[1] == 0, "gradients after forward A, forward B, backward A differ by "
                     f"{gaps[1]:.3g} from those of A", "the layer stores its last input; return it in the cache"),
        ]  # fmt: skip

    def unmodified(self) -> list[Point]:
        layer, x, dy = self.copy(), self.x.copy(), self.dy.copy()
        before = {name: array.copy() for name, array in layer.params.items()}
        changed = []
        _, cache = self.train(layer, x)
        for method in ("forward", "backward"):
            if method == "backward":
                layer.backward(dy, cache, self.ops)
            if any(not np.array_equal(array, layer.params[name]) for name, array in before.items()):
                changed.append(method)
        arrays = [name for name, a, b in (("input", x, self.x), ("gradient", dy, self.dy)) if not np.array_equal(a, b)]
        return [
            Point.of("parameters", not changed, f"modified by {changed[0]}" if changed else "not modified",
                     "the input gradient must use the old values; the optimizer updates them after the backward pass"),
            Point.of("arguments", not arrays, f"{' and '.join(arrays)} modified" if arrays else "not modified",
                     "work on a copy"),
        ]  # fmt: skip

    def declared(self) -> list[Point]:
        """Shapes and dtypes."""
        layer = self.copy()
        y, cache = self.train(layer, self.x)
        if y.shape[1:] != layer.output_shape or len(y) != len(self.x):
            text = f"output {y.shape}, while compute_output_shape returns {layer.output_shape} for one sample"
            return [Point("shapes", False, text)]
        arrays = {"output": y.copy(), **self.gradients(layer, cache)}
        expected = {"output": y.shape, "input": self.x.shape} | {n: array.shape for n, array in layer.params.items()}
        found = {name: array.shape for name, array in arrays.items()}
        others = sorted({str(array.dtype) for array in arrays.values()} - {"float32"})
        return [
            Point.of("shapes", found == expected, f"output {y.shape}; gradients as their arrays" if found == expected
                     else f"expected {expected}, received {found}"),
            Point.of("dtype", not others, f"float32 in, {others[0] if others else 'float32'} out",
                     "slower, and an error in other layers"),
        ]  # fmt: skip

    def mean_in_training(self) -> list[Point]:
        """The output projected on the signs of the output in inference; no point if training is not random."""
        layer = self.copy()
        fixed = self.predict(layer, self.x).astype(np.float64)
        if _gap(self.predict(layer, self.x), fixed) or not _gap(*(self.train(layer, self.x, i)[0] for i in (0, 1))):
            return []
        sums = [float((self.train(layer, self.x, i)[0] * np.sign(fixed)).sum()) for i in range(DRAWS)]
        expected, mean, deviation = float(np.abs(fixed).sum()), float(np.mean(sums)), float(np.std(sums, ddof=1))
        ok = abs(mean - expected) <= SIGMAS * deviation / np.sqrt(DRAWS) + MEAN_ROUNDING * expected
        text = f"the mean output of {DRAWS} training passes is {mean / (expected or 1):.4f} times that in inference"
        return [Point.of("mean in training", ok, text, "scale the remaining values by 1 / (1 - rate)")]

    def large_inputs(self) -> Point:
        x = self.x * np.float32(LARGE / (np.abs(self.x).max() or 1))
        bad = int((~np.isfinite(self.predict(self.copy(), x))).sum())
        return Point.of("large inputs", not bad, f"inputs up to {LARGE:g} give {bad or 'no'} NaN or infinite outputs")


def _gap(one: Array, other: Array) -> float:
    """The largest difference; infinite if shapes differ, or if one value is finite and the other is not."""
    if one.shape != other.shape:
        return np.inf
    if np.array_equal(one, other, equal_nan=True):
        return 0.0
    return float(np.nan_to_num(np.abs(one.astype(np.float64) - other), nan=np.inf).max())
