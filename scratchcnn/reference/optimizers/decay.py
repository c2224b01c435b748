"""Weight decay: shrinks the weights in every step, independently of the gradient."""

from __future__ import annotations

from scratchcnn.operands import Array, expect


def decay(parameter: Array, rate: float) -> None:
    """Decay the weights: shrink a parameter towards zero, in place.

        parameter = parameter - parameter * rate

    Parameters
    ----------
    parameter : any shape, float32 or float64
    rate : float
        The learning rate times the weight decay.

    Notes
    -----
    Cost: 2 FLOPs per element; reads and writes one array.

    Raises
    ------
    TypeError
        parameter is neither float32 nor float64.

    Examples
    --------
    >>> parameter = np.array([1.0, -2.0])
    >>> decay(parameter, 0.1)
    >>> parameter
    array([ 0.9, -1.8])

    References
    ----------
    Loshchilov & Hutter 2019, "Decoupled weight decay regularization", arXiv 1711.05101, algorithm 2.
    """
    expect(parameter=(parameter, parameter.shape))
    parameter -= parameter * parameter.dtype.type(rate)
