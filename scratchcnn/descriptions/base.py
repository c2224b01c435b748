"""LayerDescription: everything that the tools know about one class of layers."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from scratchcnn.algorithms import Choice
from scratchcnn.configs import Config
from scratchcnn.descriptions.terms import Position, Terms, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.geometry import Windows
from scratchcnn.layers import Layer
from scratchcnn.layers.max_pooling2d import MaxPooling2DCache
from scratchcnn.operands import Array, Shape

AnyLayer = TypeVar("AnyLayer", bound=Layer)


class Code(NamedTuple):
    """The functions that compute a pass, as 'module:function' of this package."""

    formulas: tuple[str, ...] = ()
    loops: tuple[str, ...] = ()


class OnnxGraph(Protocol):
    """An ONNX graph to which the nodes of a layer are appended."""

    def add(self, operation: str, *operands: Array | str, **attributes: Any) -> None:
        """Append a node: an operation on the output of the last node, and on constants or named outputs of others."""

    def set_channels(self, first: bool) -> None:
        """Transpose images to (N, C, H, W) or back to (N, H, W, C), unless they have that layout."""

    def activate(self, layer: Any) -> None:
        """Append the activation of a layer."""


class LayerDescription(Generic[AnyLayer]):
    """Description of one class of layers for the tools; the base class describes nothing.

    To describe a layer of your own, override what applies and register the class with `describe`:

        output_terms                explain and the report: an output as a weighted sum of inputs. If the weights are
                                    the partial derivatives, this also gives the receptive field and the input gradient
        input_gradient_terms        an input gradient as a weighted sum, if the default is too slow or does not apply
        parameter_gradient_terms    a parameter gradient as a weighted sum
        receptive_field             the inputs on which outputs depend, if the default is too slow
        windows                     the geometry of a layer with sliding windows, which `grad_cam` uses
        flops                       the cost that `trace` and the report show
        pattern                     discrete decisions of a pass, so that `check_gradients` recognizes kinks
        words                       sentences for the report
        add_to_onnx                 `model.export`

    The rest remains unknown: `explain` then measures slopes by finite differences, the report shows the stored values
    only, the receptive field is the whole input, and the export to ONNX raises an error. The report explains a layer
    with up to 300,000 terms in all outputs together; it does not contain the terms of parameter gradients.

    Parameters
    ----------
    layer : Layer
        The layer that is described.

    Notes
    -----
    A described layer may have an attribute `activation`, a function that it applies last. Descriptions concern the
    preactivation, the value before it; the tools add the activation themselves.
    """

    def __init__(self, layer: AnyLayer) -> None:
        self.layer = layer

    def flops(self, input_shape: Shape) -> int | None:
        """Return the FLOPs per element of the output, before the activation, in inference; None if unknown.

        A multiplication, an addition and a comparison count 1 each, as the formula is written: elements of the padding
        are included, and fast algorithms such as Winograd's are not considered.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of one sample.
        """
        return None

    def output_terms(self, values: LayerValues, position: Position) -> Terms | None:
        """Return the terms of `values.preactivation[position]`; None if they are unknown.

        Parameters
        ----------
        values : LayerValues
            Input, output and parameters of the layer in one pass.
        position : tuple of int
            The sample first.

        Returns
        -------
        Terms or None
            Usually from `weighted_sum`. `sources` must list every input on which the value depends.
        """
        return None

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms | None:
        """Return the terms of `values.d_input[position]`: one for each output that depends on this input.

        By default they are collected from `output_terms` of all outputs of the sample, whose weights must be the
        partial derivatives of the output, as for layers that are linear or piecewise linear in their input.
        """
        sample, sources, weights = position[0], [], []
        for place in np.ndindex(values.preactivation.shape[1:]):
            terms = self.output_terms(values, (sample, *place))
            if terms is None:
                return None
            used = terms.inside & (terms.sources == position).all(axis=-1)
            if used.any():
                sources.append((sample, *place))
                weights.append(terms.weights[used].sum())
        if not sources:
            sources, weights = [(-1,) * values.preactivation.ndim], [0.0]
        return weighted_sum(
            values, "d_preactivation", np.array(sources), np.array(weights),
            "dx = sum over the outputs that depend on x of dz * weight", weight_name="weight of x", axes=("output",),
        )  # fmt: skip

    def parameter_gradient_terms(self, values: LayerValues, parameter: str, position: Position) -> Terms | None:
        """Return the terms of `values.gradients[parameter][position]`; None if they are unknown."""
        return None

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        """Return on which inputs the preactivations in `mask` depend; all, if that is unknown.

        Parameters
        ----------
        values : LayerValues
        mask : bool
            The shape of one output.

        Returns
        -------
        bool array, the shape of one input
        """
        field = np.zeros(values.input.shape[1:], bool)
        for place in np.argwhere(mask):
            terms = self.output_terms(values, (0, *place.tolist()))
            if terms is None:
                return np.full(field.shape, True)
            field[tuple(terms.sources[terms.inside].T[1:])] = True
        return field

    def windows(self, input_shape: Shape) -> Windows | None:
        """Return the sliding windows over images (H, W, C), for Grad-CAM; None if the layer has none."""
        return None

    def algorithm(self) -> Choice | None:
        """Return the algorithms with which `kernels` compute the layer alone; None if there is no choice."""
        return None

    def pattern(self, cache: Any) -> Array | None:
        """Return the discrete decisions of a forward pass as an array, for example argmax indices; None if none.

        Within one pattern the layer must be smooth. The ReLU mask of an `activation` is known without this method.

        Parameters
        ----------
        cache
            As returned by the layer's `forward`.
        """
        return cache.winners if isinstance(cache, MaxPooling2DCache) else None

    def words(self, values: LayerValues) -> tuple[str, str]:
        """Return one or two sentences about the forward pass, and about the backward pass, without the activation."""
        return (
            f"{values.kind} is a custom layer. Its formula is not known.",
            f"{values.kind} is a custom layer. The formulas of its gradients are not known.",
        )

    def code(self, values: LayerValues) -> tuple[Code, Code]:
        """Return the functions of this package that compute the forward and the backward pass."""
        return Code(), Code()

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        """Append the nodes of the layer to an ONNX graph.

        Raises
        ------
        NotImplementedError
            There are none: `model.export` reports that the layer has no ONNX equivalent.
        """
        raise NotImplementedError

    def keras_config(self, config: Config) -> Config:
        """Return the constructor's arguments of Keras's layer of the same name, given those of this layer.

        Raises
        ------
        ValueError
            Keras's layer does not support them.
        """
        return config
