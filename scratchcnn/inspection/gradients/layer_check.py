"""check_layer and compare_layers: the behavior of a layer, and two layers that should compute the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from scratchcnn.arguments import seed_number
from scratchcnn.inspection.gradients.differentiable import FLOAT64, built_copy, copy_as
from scratchcnn.inspection.gradients.findings import Findings, Point
from scratchcnn.layers import Layer
from scratchcnn.layers.parameters import checked_statistics
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
    - Shapes and dtypes are as declared; so are the next values of statistics, if there are any.
    - If training is random (dropout), the mean output equals the output in inference.
    - Large inputs give finite outputs.

    Parameters
    ----------
    layer : Layer
        Of this package or of your own, built or not. A float32 copy is checked.
    x : (N, *input_shape), N >= 2
    engine : {'kernels', 'reference'}
    seed : int

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
    images, seed = _images(layer, x, FLOAT32), seed_number(seed) or 0
    if len(images) < 2:
        raise ValueError(f"Expected at least two samples, received {len(images)}; give a batch.")
    built = built_copy(layer, images.shape[1:], seed, FLOAT32)
    with np.errstate(all="ignore"):
        points = tuple(_behavior(built, images, engine, seed))
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
        A correct one, such as `scratchcnn.layers.Conv2D` with the same arguments.
    x : (N, *input_shape)
        To test ties and zeros, give an input with many of them, such as digits.
    training : bool, default False
        Whether dropout is on; both layers receive the same random state.
    engine : {'kernels', 'reference'}
    seed : int

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
    (images, _), seed = (_images(each, x, FLOAT64) for each in (layer, other)), seed_number(seed) or 0
    one, two = (built_copy(each, images.shape[1:], seed, FLOAT64) for each in (layer, other))
    shapes, others = ({name: array.shape for name, array in each.params.items()} for each in (one, two))
    pairs = ("parameters", shapes, others), ("statistics", set(one.statistics), set(two.statistics))
    for what, ours, theirs in (*pairs, ("output shape", one.output_shape, two.output_shape)):
        if ours != theirs:
            raise ValueError(f"Expected two layers with the same {what}, received {ours} and {theirs}.")
    two.params = copy_as(one, FLOAT64).params
    found, expected = (_arrays(each, images, training, engine, seed) for each in (one, two))
    title = f"Layer {layer.label} compared with {other.label}: the same input, parameters and gradient."
    return Findings(title, tuple(_comparison(name, found[name], expected[name]) for name in expected))


def _images(layer: Layer, x: object, dtype: np.dtype[np.floating]) -> Array:
    if not isinstance(layer, Layer):
        raise TypeError(f"Expected a layer, as Dense(10), received {layer!r}; give one of model.layers.")
    return np.array(check_images(x, layer.input_shape or np.shape(np.asarray(x))[1:], dtype), dtype, order="C")


def _arrays(layer: Any, x: Array, training: bool, engine: str, seed: int) -> dict[str, Array]:
    """The output, all gradients for a random output gradient, and in training the next statistics."""
    ops, rng = operations_of(engine), np.random.default_rng(seed)
    dy = rng.standard_normal((len(x), *layer.output_shape))
    y, cache = layer.forward(x.copy(), ops, training=training, rng=rng)
    output = y.copy()
    dx, gradients = layer.backward(dy, cache, ops)
    found = {"output": output, "input gradient": dx}
    found |= {f"{name} gradient": gradients[name] for name in layer.learned_params}
    if not training or not layer.statistics or not layer.trainable:
        return found
    statistics = checked_statistics(layer, layer.next_statistics(cache))
    return found | {f"next {name}": value for name, (_, value) in zip(layer.statistics, statistics, strict=True)}


def _comparison(name: str, one: Array, other: Array) -> Point:
    if np.shape(one) != np.shape(other):
        return Point(name, False, f"shape {np.shape(one)}, expected {np.shape(other)}")
    error = np.nan_to_num(np.abs(one - other), nan=np.inf)
    size = float(np.abs(other).max(initial=0))
    wrong = error > ROUNDING * size
    if not wrong.any():
        return Point(name, True, f"largest error {error.max(initial=0):.1g}, largest value {size:.3g}")
    first = tuple(np.argwhere(wrong)[0].tolist())
    text = f"{int(wrong.sum()):,} of {error.size:,} values differ, first at {list(first)}: {one[first]:.6g}, "
    text += f"expected {other[first]:.6g}"
    if np.allclose(np.sort(one, axis=None), np.sort(other, axis=None), rtol=1e-9, atol=ROUNDING * size):
        text += "; the same values in another order: are axes swapped?"
    return Point(name, False, text)


def _behavior(layer: Any, x: Array, engine: str, seed: int) -> Iterator[Point]:
    """A point for each property of a built layer; each test starts from a new copy of the layer."""
    ops, rng = operations_of(engine), np.random.default_rng(seed)
    x_other = (x[::-1] + rng.standard_normal(x.shape)).astype(x.dtype)
    dy = rng.standard_normal((len(x), *layer.output_shape)).astype(x.dtype)

    def predict(one: Any, x: Array) -> Array:
        return one.forward(x, ops, training=False, rng=None)[0].copy()

    def train(one: Any, x: Array, number: int = 0) -> tuple[Array, Any]:
        return one.forward(x, ops, training=True, rng=np.random.default_rng((seed, number)))

    def gradients(one: Any, cache: Any) -> dict[str, Array]:
        dx, of_params = one.backward(dy.copy(), cache, ops)
        return {"input": np.array(dx)} | {name: np.array(array) for name, array in of_params.items()}

    one = copy_as(layer, FLOAT32)
    first = predict(one, x)
    train(one, x_other)
    gap = _gap(predict(one, x), first)
    hint = "is dropout on in inference, or does the layer keep a state?"
    yield Point.of("inference", gap == 0, f"outputs for equal inputs differ by {gap:.3g}", hint)

    one = copy_as(layer, FLOAT32)
    _, cache = train(one, x)
    alone, again = gradients(one, cache), gradients(one, cache)
    gap = max(_gap(alone[name], again[name]) for name in alone)
    hint = "does the layer accumulate them, or change its parameters?"
    yield Point.of("backward twice", gap == 0, f"gradients of the second call differ by {gap:.3g}", hint)

    one = copy_as(layer, FLOAT32)
    _, cache = train(one, x)
    train(one, x_other, number=1)
    mixed = gradients(one, cache)
    gap = max(_gap(alone[name], mixed[name]) for name in alone)
    text = f"gradients after forward A, forward B, backward A differ by {gap:.3g} from those of A"
    yield Point.of("interleaved passes", gap == 0, text, "the layer stores its last input; return it in the cache")

    one, given = copy_as(layer, FLOAT32), {"input": x.copy(), "gradient": dy.copy()}
    _, cache = train(one, given["input"])
    method = "forward" if _modified(layer.params, one.params) else "backward"
    one.backward(given["gradient"], cache, ops)
    ok = not _modified(layer.params, one.params)
    hint = "the input gradient must use the old values; the optimizer updates them after the backward pass"
    yield Point.of("parameters", ok, "not modified" if ok else f"modified by {method}", hint)
    names = _modified({"input": x, "gradient": dy}, given)
    text = f"{' and '.join(names)} modified" if names else "not modified"
    yield Point.of("arguments", not names, text, "work on a copy")

    one = copy_as(layer, FLOAT32)
    y, cache = train(one, x)
    if y.shape != (len(x), *one.output_shape):
        text = f"output {y.shape}, while compute_output_shape returns {one.output_shape} for one sample"
        yield Point("shapes", False, text)
    else:
        arrays = {"output": y.copy(), **gradients(one, cache)}
        expected = {"output": y.shape, "input": x.shape} | {
            name: array.shape for name, array in one.learned_params.items()
        }
        found = {name: array.shape for name, array in arrays.items()}
        ok = found == expected
        text = f"output {y.shape}; gradients as their arrays" if ok else f"expected {expected}, received {found}"
        yield Point("shapes", ok, text)
        others = sorted({str(array.dtype) for array in arrays.values()} - {"float32"})
        text = f"float32 in, {others[0] if others else 'float32'} out"
        yield Point.of("dtype", not others, text, "slower, and an error in other layers")

    if layer.statistics and layer.trainable:
        one = copy_as(layer, FLOAT32)
        found = one.next_statistics(train(one, x)[1])
        try:
            checked_statistics(one, found)
        except ValueError as error:
            yield Point("statistics", False, str(error))
        else:
            text = f"next values of {', '.join(found)}"
            names = _modified(layer.params, one.params)
            text += f"; {' and '.join(names)} modified" if names else ""
            yield Point.of("statistics", not names, text, "return the new values; the training step sets them")

    one = copy_as(layer, FLOAT32)
    fixed = predict(one, x).astype(np.float64)
    if not _gap(predict(one, x), fixed) and _gap(train(one, x, 0)[0], train(one, x, 1)[0]):  # training is random
        # The outputs are projected on the signs of the output in inference.
        sums = [float((train(one, x, number)[0] * np.sign(fixed)).sum()) for number in range(DRAWS)]
        sum_fixed, mean, deviation = float(np.abs(fixed).sum()), float(np.mean(sums)), float(np.std(sums, ddof=1))
        ok = abs(mean - sum_fixed) <= SIGMAS * deviation / np.sqrt(DRAWS) + MEAN_ROUNDING * sum_fixed
        text = f"the mean output of {DRAWS} training passes is {mean / (sum_fixed or 1):.4f} times that in inference"
        yield Point.of("mean in training", ok, text, "scale the remaining values by 1 / (1 - rate)")

    large = x * np.float32(LARGE / (np.abs(x).max() or 1))
    bad = int((~np.isfinite(predict(copy_as(layer, FLOAT32), large))).sum())
    yield Point.of("large inputs", not bad, f"inputs up to {LARGE:g} give {bad or 'no'} NaN or infinite outputs")


def _modified(before: Mapping[str, Array], after: Mapping[str, Array]) -> list[str]:
    return [name for name, array in before.items() if not np.array_equal(array, after[name])]


def _gap(one: Array, other: Array) -> float:
    """The largest difference; infinite if shapes differ, or if one value is finite and the other is not."""
    if one.shape != other.shape:
        return np.inf
    if np.array_equal(one, other, equal_nan=True):
        return 0.0
    return float(np.nan_to_num(np.abs(one.astype(np.float64) - other), nan=np.inf).max())
