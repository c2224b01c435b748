"""Compositions of primitive operations, as the layers of a network call them: what the fused operations must equal."""

from typing import NamedTuple

import numpy as np
from comparing import THREADS, bits, each, on_threads, random_array
from hypothesis import strategies as st

from scratchcnn.algorithms import RUNGS, Choice, Problem, accepts, accepts_winners, choose
from scratchcnn.operands import Array, Convolution, PooledGradient, Pooling
from scratchcnn.operations import with_algorithm

HALVED = Pooling((2, 2), (2, 2), "valid")


def convolved(ops, x, convolution):
    """conv2d, then the ReLU if there is one."""
    y = ops.conv2d(x, convolution.kernel, convolution.bias, *convolution.geometry)
    return ops.relu(y) if convolution.relu else y


def convolved_gradients(ops, dy, y, x, convolution):
    """Gradients w.r.t. input, kernel and bias; y is the output of the ReLU, or None if dy is not to be masked."""
    dz = dy if y is None else ops.relu_gradient(dy, y)
    return (
        ops.conv2d_input_gradient(dz, convolution.kernel, x.shape, *convolution.geometry),
        ops.conv2d_kernel_gradient(dz, x, convolution.kernel_size, *convolution.geometry),
        ops.bias_gradient(dz),
    )


def pooled(ops, x, convolution, pooling):
    """conv2d, the ReLU if there is one, max_pool2d."""
    return ops.max_pool2d(convolved(ops, x, convolution), *pooling)


def pooled_gradients(ops, gradient, y, x, convolution, pooling):
    """Gradients w.r.t. input, kernel and bias; y is the output of the convolution, with its ReLU."""
    dy = ops.max_pool2d_gradient(gradient.values, gradient.winners, y.shape, *pooling)
    return convolved_gradients(ops, dy, y if convolution.relu else None, x, convolution)


def chosen(convolution, x, pooling=None, algorithm="auto"):
    """The convolution with the algorithms that `choose` selects."""
    pool = None if pooling is None else pooling.windows(convolution.output_shape(x.shape))
    return convolution._replace(choice=choose(algorithm, convolution.problem(x.shape, pool)))


def kernels_for(convolution):
    """The primitive kernels with the algorithms of the convolution."""
    return with_algorithm(convolution.choice)


@st.composite
def choices(draw, problem: Problem):
    """Any algorithms that accept the problem, one for each computation, with its pooling, as in a plan.

    (Without it, a convolution does not know which of its outputs are pooled, and leaves near ties to rounding.)
    """
    dense = [rung for rung in RUNGS if accepts(rung, problem.windows)]
    sparse = [*dense, "winners"] if accepts_winners(problem) else dense
    forward, *gradients = (draw(st.sampled_from(names)) for names in (dense, sparse, sparse))
    if draw(st.booleans()) and sparse != dense:
        gradients = ["winners", "winners"]
    return Choice(forward, *gradients, problem.pool)


class Case(NamedTuple):
    """Operands of a convolution that may be pooled."""

    x: Array
    convolution: Convolution
    pooling: Pooling

    def gradient(self, rng, outputs, winners, layout):
        """A gradient w.r.t. the output of the pooling, 60 % of it zero."""
        values = random_array(rng, outputs.shape, outputs.dtype, layout, zeros=0.6)
        return PooledGradient(values, layout(winners), layout(outputs))


def assert_same_bits(found, expected, what):
    """The same elements down to the sign of zero, and NaN in the same places."""
    for one, other in zip(each(found), each(expected), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other), err_msg=what)
        without_nan = [np.where(np.isnan(array), 1, array) for array in (one, other)]
        differ = np.count_nonzero(without_nan[0] != without_nan[1])
        assert bits(without_nan[0]) == bits(without_nan[1]), f"{what}: {differ} elements differ"


def on_one_thread_and_several(function, *arguments, **options):
    """The result, after checking that it is the same to the bit for any number of threads."""
    with on_threads(1):
        result = function(*arguments, **options)
    with on_threads(THREADS):
        again = function(*arguments, **options)
    assert bits(arrays(again)) == bits(arrays(result)), f"{function.__name__} depends on the number of threads"
    return result


def arrays(result):
    """The arrays of a result, without None."""
    return tuple(array for array in each(result) if array is not None)
