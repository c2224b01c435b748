"""The plan of a model: selects the algorithms of each convolution, and fuses layers into stages.

A plan is made in two steps, of which the layers know nothing:

1. Each convolution gets its algorithms (`scratchcnn.algorithms`), given its geometry and its place in the row: whether
   max pooling follows, and whether the gradient with respect to its input is required. This determines rounding.
2. Consecutive layers that a fused stage can compute become one stage. This determines speed and changes no bit: the
   same plan with fuse=False computes the layers one after the other, with the same result.

Only layers of exactly this package's classes are fused (`own_classes`). A subclass, or an instance with a replaced
method, becomes a stage of its own, computed by its own forward and backward pass; so does every layer on the reference
engine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from scratchcnn.algorithms import Choice, Problem, choose, recomputes
from scratchcnn.display.blocks import Block, Table
from scratchcnn.display.displayed import Displayed
from scratchcnn.fusion.conv2d_conv2d_max_pooling2d import Conv2DConv2DMaxPooling2D
from scratchcnn.fusion.conv2d_max_pooling2d import Conv2DMaxPooling2D
from scratchcnn.fusion.conv2d_relu import Conv2DReLU
from scratchcnn.fusion.dense_relu import DenseReLU
from scratchcnn.fusion.own_classes import has_relu, is_convolution, is_dense_with_relu, is_max_pooling, state_of
from scratchcnn.fusion.stage import SingleLayer, Stage
from scratchcnn.geometry import image_windows
from scratchcnn.layers import Conv2D, Layer
from scratchcnn.operations import Operations, with_algorithm
from scratchcnn.operations import engine as operations_of


class Plan(Displayed):
    """The stages that compute a row of layers; `print` shows them as a table.

    Parameters
    ----------
    layers : sequence of Layer
        Built layers.
    engine : {'kernels', 'reference'}
    fuse : bool, default True
        False: one stage per layer, with the same algorithms and therefore the same bits.

    Attributes
    ----------
    layers : list of Layer
    ops : Operations
        The primitive operations of the engine.
    stages : list of Stage
        In order.
    first : int
        Index of the first stage with trainable parameters, where the backward pass ends.
    multiply_adds : int
        Estimate of the work of a forward pass, per image.

    Examples
    --------
    >>> from scratchcnn import Sequential
    >>> from scratchcnn.layers import Dense, Flatten, MaxPooling2D
    >>> model = Sequential([Conv2D(8, 5, activation="relu", input_shape=(28, 28, 1)), MaxPooling2D(), Flatten()])
    >>> print(model.plan)
    stage               layer          forward      kernel gradient  input gradient
    ------------------  -------------  -----------  ---------------  --------------
    Conv2DMaxPooling2D  conv2d         interleaved  interleaved      -
                        max_pooling2d
    SingleLayer         flatten
    """

    def __init__(self, layers: Sequence[Layer], engine: str, fuse: bool = True) -> None:
        self.layers, self.engine = list(layers), engine
        _expect_chain(self.layers)
        self.ops: Operations = operations_of(engine)
        self._state: list[tuple[object, ...]] = [state_of(layer) for layer in layers]
        row = _with_algorithms(self.layers, engine)
        self.stages: list[Stage] = []
        while row:
            stage = (_fused(row) if fuse and engine == "kernels" else None) or _single(row[0], engine)
            self.stages.append(stage)
            row = row[len(stage.layers) :]
        trained = (i for i, stage in enumerate(self.stages) if any(map(_is_trained, stage.layers)))
        self.first = next(trained, len(self.stages))
        self.multiply_adds = sum(map(_multiply_adds, self.layers))

    def fits(self, layers: Sequence[Layer]) -> bool:
        """Whether the plan was made for these layers, and none of them has changed since but in its parameters."""
        return len(layers) == len(self.layers) and all(map(_equal, map(state_of, layers), self._state))

    def blocks(self) -> list[Block]:
        """Return the table of stages."""
        rows = []
        for i, stage in enumerate(self.stages):
            for j, (layer, choice) in enumerate(zip(stage.layers, stage.choices, strict=True)):
                name = "" if j else type(stage).__name__
                input_gradient = "" if choice is None else choice.input_gradient if i > self.first or j else "-"
                algorithms = ("", "") if choice is None else (choice.forward, choice.kernel_gradient)
                rows.append((name, layer.name or layer.default_name, *algorithms, input_gradient))
        heads = ("stage", "layer", "forward", "kernel gradient", "input gradient")
        return [Table(heads, rows, left=range(len(heads)))]

    def __repr__(self) -> str:
        return f"<Plan of {len(self.layers)} layers in {len(self.stages)} stages, engine {self.engine!r}; print it>"


class _Planned(NamedTuple):
    """A layer with what was decided for it; `problem` and `choice` are None unless it is a convolution of this package.

    `is_first`: whether no gradient with respect to its input is required.
    """

    layer: Layer
    is_first: bool
    problem: Problem | None
    choice: Choice | None


def _expect_chain(layers: Sequence[Layer]) -> None:
    """Raise ValueError unless each layer occurs once and was built for the output of the previous one.

    It was so when it was added; but a layer of an inner model may have been added or removed since.
    """
    count = Counter(map(id, layers))
    if repeated := next((layer for layer in layers if count[id(layer)] > 1), None):
        raise ValueError(
            f"Expected each layer once, received {repeated.label} twice; undo the change of the inner model, or add a "
            f"new layer to it."
        )
    for layer, following in pairwise(layers):
        if layer.output_shape != following.input_shape and None not in (layer.output_shape, following.input_shape):
            raise ValueError(
                f"Expected outputs of shape {following.input_shape} before layer {following.label}, received "
                f"{layer.output_shape} of layer {layer.label}; undo the change of the inner model, or make a new model."
            )


def _with_algorithms(layers: Sequence[Layer], engine: str) -> list[_Planned]:
    """Step 1: the algorithms of each convolution."""
    first = next((i for i, layer in enumerate(layers) if _is_trained(layer)), len(layers))
    row = []
    for i, (layer, following) in enumerate(zip(layers, [*layers[1:], None], strict=True)):
        problem = choice = None
        if engine == "kernels" and is_convolution(layer):
            problem = _problem(layer, following, input_gradient=i > first)
            choice = choose(layer.algorithm, problem)
        row.append(_Planned(layer, i <= first, problem, choice))
    return row


def _problem(layer: Conv2D, following: Layer | None, input_gradient: bool) -> Problem:
    assert layer.input_shape is not None
    windows, pool = layer.windows(layer.input_shape), None
    if following is not None and is_max_pooling(following):
        image = windows.rows.output, windows.columns.output
        pool = image_windows(image, following.pool_size, following.strides, following.padding)
    kernel = layer.params["kernel"]
    return Problem(windows, kernel.shape[2], kernel.shape[3], kernel.dtype, pool, input_gradient)


def _fused(row: Sequence[_Planned]) -> Stage | None:
    """Step 2: the fused stage for the head of the row, if there is one."""
    head = row[0]
    if is_dense_with_relu(head.layer):
        return DenseReLU(head.layer)
    if head.choice is None or head.problem is None or not isinstance(head.layer, Conv2D):
        return None
    one, two = (row[i] if i < len(row) else None for i in (1, 2))
    if one is not None and is_max_pooling(one.layer):
        return Conv2DMaxPooling2D([head.layer], one.layer, [head.choice])
    if not has_relu(head.layer):
        return None
    if one is not None and one.choice and one.problem and two is not None and is_max_pooling(two.layer):
        assert isinstance(one.layer, Conv2D)
        choices = [head.choice, one.choice]
        if head.is_first and recomputes(head.problem, head.choice, one.problem, one.choice):
            return Conv2DConv2DMaxPooling2D(head.layer, one.layer, two.layer, choices)
        return Conv2DMaxPooling2D([head.layer, one.layer], two.layer, choices)
    return Conv2DReLU(head.layer, head.choice)


def _single(planned: _Planned, engine: str) -> SingleLayer:
    """The stage of one layer; a user's convolution keeps the algorithm that it was given."""
    layer, ops = planned.layer, operations_of(engine)
    if engine == "kernels" and isinstance(layer, Conv2D):
        ops = with_algorithm(planned.choice or layer.algorithm)
    return SingleLayer(layer, ops, planned.choice)


def _multiply_adds(layer: Layer) -> int:
    """Return how many multiply-adds a layer needs per image: each weight is used once per pixel of the output.

    An operation on each element, such as an activation function, counts as one.
    """
    *pixels, channels = layer.output_shape or (0,)
    return math.prod(pixels) * max(layer.parameter_count, channels)


def _is_trained(layer: Layer) -> bool:
    return bool(layer.trainable_params)


def _equal(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return one[0] is other[0] and one[1:] == other[1:]
