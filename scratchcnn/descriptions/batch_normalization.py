"""Description of BatchNormalization."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchcnn.descriptions.base import Code, LayerDescription, OnnxGraph
from scratchcnn.descriptions.rounding import magnitude_of, sum_bound
from scratchcnn.descriptions.terms import Position, Terms, grid, weighted_sum
from scratchcnn.descriptions.values import LayerValues
from scratchcnn.layers import BatchNormalization
from scratchcnn.layers.batch_normalization import BatchNormalizationCache
from scratchcnn.operands import Array, Shape

FLOAT64 = np.dtype(np.float64)
SCALE = "gamma / sqrt(variance + epsilon)"


class BatchNormalizationDescription(LayerDescription[BatchNormalization]):
    """Each input times the scale of its channel, plus an offset; both follow from the channel's mean and variance."""

    def flops(self, input_shape: Shape) -> int:
        return 3

    def receptive_field(self, values: LayerValues, mask: Array) -> Array:
        if not values.cache.of_batch:
            return mask
        channels = mask.reshape(-1, mask.shape[-1]).any(axis=0)  # each value affects the mean of its channel
        return np.broadcast_to(channels, mask.shape).copy()

    def output_terms(self, values: LayerValues, position: Position) -> Terms:
        statistics, c = _statistics(values), position[-1]
        mean, scale = float(statistics.mean[c]), self._scale(values, c)
        beta = float(values.params["beta"][c]) if "beta" in values.params else 0.0
        offset = beta - mean * scale
        whose = "mean and variance are those of the batch" if statistics.of_batch else (
            "mean and variance are the moving averages, which do not depend on this batch"
        )  # fmt: skip
        notes = [f"The offset is beta - mean * {SCALE}; {whose}: {mean:.6g} and {float(statistics.variance[c]):.6g}."]
        if statistics.of_batch:
            notes.append(
                f"In training they depend on all {self._count(values):,} values of this channel in the batch, so the "
                "weight is not the slope of y with respect to x."
            )
        stored = abs(float(values.input[position]) * scale + offset)
        steps = magnitude_of(values.input[position], np.array(scale)) + abs(mean * scale) + abs(beta)
        return weighted_sum(
            values, "input", position, scale, f"y = x * {SCALE} + offset", weight_name=SCALE, bias=offset,
            bias_name="offset", notes=tuple(notes), bound=_rounded_once(stored, steps, 4, values),
        )  # fmt: skip

    def input_gradient_terms(self, values: LayerValues, position: Position) -> Terms:
        assert values.d_output is not None
        c, scale = position[-1], self._scale(values, position[-1])
        dy, through, of_batch = float(values.d_output[position]), 0.0, _statistics(values).of_batch
        if of_batch:
            dgamma, dbeta = self._sums(values, c)
            through = -scale * (dbeta + float(self._normalized(values, position)) * dgamma) / self._count(values)
        formula = f"dx = {SCALE} * (dy - (dbeta + normalized * dgamma) / M)" if of_batch else f"dx = dy * {SCALE}"
        notes = (
            "The mean and the variance are constants: only this output depends on this input.",
        ) if not of_batch else (
            f"The input also changes the mean and the variance of its channel, and so all M = {self._count(values):,} "
            "outputs of the channel in the batch: the part with dbeta acts through the mean, that with dgamma through "
            "the variance.",
        )  # fmt: skip
        # dgamma and dbeta are rounded before they are used: one rounding more of the second summand.
        bound = _rounded_once(abs(dy * scale) + 2 * abs(through), abs(dy * scale) + abs(through), 8, values)
        return weighted_sum(
            values, "d_output", position, scale, formula, weight_name=SCALE, bias=through, notes=notes,
            bias_name="through mean and variance", bound=bound + self._bound_of_sums(values, c, position),
        )  # fmt: skip

    def parameter_gradient_terms(self, values: LayerValues, parameter: str, position: Position) -> Terms:
        assert values.d_output is not None
        c = position[0]
        dy, of_gamma = values.d_output[..., c], parameter == "gamma"
        weights = self._normalized(values, (..., c)) if of_gamma else np.ones(dy.shape)
        size = magnitude_of(dy, weights)
        return weighted_sum(
            values, "d_output", grid(*map(np.arange, dy.shape), c), weights,
            f"d{parameter} = sum over the samples and positions of dy" + " * normalized" * of_gamma,
            weight_name=f"(x[..., {c}] - mean) / sqrt(variance + epsilon)" * of_gamma,
            axes=("sample", "row", "column") if dy.ndim == 3 else ("sample",) if dy.ndim == 1 else ("",) * dy.ndim,
            bound=_rounded_once(size, size, dy.size + 4, values),
        )  # fmt: skip

    def words(self, values: LayerValues) -> tuple[str, str]:
        momentum, count = self.layer.momentum, self._count(values)
        if _statistics(values).of_batch:
            return (
                f"Each channel is shifted and scaled to mean 0 and variance 1 over the {count:,} values that it has in "
                "this batch, then multiplied by gamma and shifted by beta, which are learned. So the output for one "
                "image depends on the other images of the batch. Inference uses moving averages, of which each "
                f"training step keeps {momentum:.6g} and replaces the rest.",
                "The gradient is multiplied by gamma / sqrt(variance + epsilon), after the parts that act through the "
                "mean and the variance of the batch are subtracted: the gradients of a channel have the sum 0.",
            )
        return (
            "Each channel is normalized with its moving mean and variance, constants that were averaged over the "
            "batches in training, then multiplied by gamma and shifted by beta. Together this is one factor and one "
            "offset per channel.",
            "The mean and the variance are constants here, so the gradient is multiplied by gamma / "
            "sqrt(variance + epsilon).",
        )

    def code(self, values: LayerValues) -> tuple[Code, Code]:
        names, loops = ["batch_normalization"], ["_normalize"]
        gradients, of_gradients = ["batch_normalization_parameter_gradients"], ["_sums_of_blocks"]
        if _statistics(values).of_batch:
            names, loops = ["batch_statistics", *names], ["_statistics_of_blocks", *loops]
            gradients.append("batch_normalization_input_gradient")
            of_gradients.append("_input_gradient")
        else:  # the input gradient is the normalization of dy with a mean of 0 and no beta
            gradients.append("batch_normalization")
            of_gradients.append("_normalize")
        return _code(names, loops), _code(gradients, of_gradients)

    def add_to_onnx(self, graph: OnnxGraph) -> None:
        params, shape = self.layer.params, self.layer.output_shape or ()
        mean, variance = (params[name].astype(np.float64) for name in self.layer.statistics)
        gamma, beta = params.get("gamma", np.ones(mean.shape)), params.get("beta", np.zeros(mean.shape))
        if len(shape) in (1, 3):  # ONNX has the channels at axis 1
            graph.set_channels(first=len(shape) == 3)
            graph.add("BatchNormalization", gamma, beta, mean, variance, epsilon=self.layer.epsilon)
        else:
            scale = gamma / np.sqrt(variance + self.layer.epsilon)
            graph.add("Sub", mean)
            graph.add("Mul", scale)
            graph.add("Add", beta)

    def _scale(self, values: LayerValues, c: int) -> float:
        """gamma / sqrt(variance + epsilon), in float64."""
        gamma = float(values.params["gamma"][c]) if "gamma" in values.params else 1.0
        return gamma / float(np.sqrt(_statistics(values).variance[c] + self.layer.epsilon))

    def _normalized(self, values: LayerValues, position: tuple[Any, ...]) -> Array:
        """The normalized inputs at a position, in float64; its last index is the channel."""
        statistics, c = _statistics(values), position[-1]
        deviation = np.sqrt(statistics.variance[c] + self.layer.epsilon)
        normalized: Array = (values.input[position].astype(np.float64) - statistics.mean[c]) / deviation
        return normalized

    def _sums(self, values: LayerValues, c: int) -> tuple[float, float]:
        """dgamma and dbeta of a channel, in float64."""
        assert values.d_output is not None
        dy = values.d_output[..., c].astype(np.float64)
        return float((dy * self._normalized(values, (..., c))).sum()), float(dy.sum())

    def _bound_of_sums(self, values: LayerValues, c: int, position: Position) -> float:
        """How far the rounding of dgamma and dbeta, summed in float64, may move an input gradient in training."""
        assert values.d_output is not None
        if not _statistics(values).of_batch:
            return 0.0
        dy, normalized = values.d_output[..., c], self._normalized(values, (..., c))
        own, unit = abs(float(self._normalized(values, position))), float(np.finfo(values.dtype).eps) / 2
        dgamma, dbeta = self._sums(values, c)
        rounding = unit * (abs(dbeta) + own * abs(dgamma))
        in_sums = magnitude_of(dy, np.ones(1)) + own * magnitude_of(dy, normalized)
        error = rounding + sum_bound(in_sums, dy.size + 4, FLOAT64)
        return 2 * abs(self._scale(values, c)) * error / self._count(values)

    def _count(self, values: LayerValues) -> int:
        """M, the number of values of one channel in the batch."""
        return values.input.size // values.input.shape[-1]


def _statistics(values: LayerValues) -> BatchNormalizationCache:
    """The mean and variance of a pass, and whether they are those of the batch."""
    cache: BatchNormalizationCache = values.cache
    return cache


def _rounded_once(stored: float, steps: float, operations: int, values: LayerValues) -> float:
    """Bound for a value computed in float64 by so many operations on numbers of that magnitude, and rounded once."""
    return sum_bound(stored, 0, values.dtype) + sum_bound(steps, operations, FLOAT64)


def _code(formulas: list[str], loops: list[str]) -> Code:
    """The functions of the two modules."""
    module = "batch_normalization"
    return Code(
        tuple(f"reference.{module}:{name}" for name in formulas), tuple(f"kernels.{module}:{name}" for name in loops)
    )
