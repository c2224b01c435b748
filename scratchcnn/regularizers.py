"""Regularizers: penalties on the parameters of a layer that are added to the loss; L1, L2 and both.

A layer takes one for each parameter, for example Dense(10, kernel_regularizer=L2(0.001)). As in Keras, the loss that
`fit` and `evaluate` report includes the penalties of all layers that are not frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scratchcnn.arguments import non_negative
from scratchcnn.configs import Configured, name_or_self
from scratchcnn.names import look_up, names_of_module
from scratchcnn.operands import Array
from scratchcnn.operations import Operations

__all__ = ["CLASSES", "KNOWN", "L1", "L1L2", "L2", "Regularizer", "get", "l1", "l1_l2", "l2", "serialize"]


class Regularizer(Configured):
    """Base class of all regularizers.

    To write your own, override `penalty` and `add_gradient`.

    Examples
    --------
    >>> class Squared(Regularizer):  # the same as L2(1.0)
    ...     def penalty(self, parameter, ops):
    ...         return float((parameter**2).sum())
    ...
    ...     def add_gradient(self, gradient, parameter, ops):
    ...         return gradient + 2 * parameter
    """

    def penalty(self, parameter: Array, ops: Operations) -> float:
        """Compute the penalty, which is added to the loss."""
        raise NotImplementedError

    def add_gradient(self, gradient: Array, parameter: Array, ops: Operations) -> Array:
        """Return the sum of a gradient w.r.t. the parameter and the gradient of the penalty."""
        raise NotImplementedError


class _Norms(Regularizer):
    """Penalty and gradient of multiples of the L1 norm and of the square of the L2 norm."""

    @property
    def factors(self) -> tuple[float, float]:
        """Those of the L1 norm and of the square of the L2 norm."""
        raise NotImplementedError

    def penalty(self, parameter: Array, ops: Operations) -> float:
        """Compute the penalty, which is added to the loss."""
        l1, l2 = self.factors  # a sum that is multiplied by 0 is not computed
        return (l1 * ops.absolute_sum(parameter) if l1 else 0.0) + (l2 * ops.squared_sum(parameter) if l2 else 0.0)

    def add_gradient(self, gradient: Array, parameter: Array, ops: Operations) -> Array:
        """Return the sum of a gradient w.r.t. the parameter and the gradient of the penalty."""
        return ops.add_penalty_gradient(gradient, parameter, *self.factors)


class L1L2(_Norms):
    """L1 and L2 regularization together.

        penalty = l1 * (sum over i of |w[i]|) + l2 * (sum over i of w[i]**2)

    Parameters
    ----------
    l1, l2 : float, defaults 0
        At least 0. (The name 'l1_l2' stands for 0.01 and 0.01.)

    Raises
    ------
    ValueError
        A factor is negative or not finite.

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 7.1. The factors are those of Keras: there is no 1/2
    before l2.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn import reference
    >>> L1L2(l1=0.5, l2=0.25).penalty(np.array([3.0, -4.0]), reference)  # 0.5 * 7 + 0.25 * 25
    9.75
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = non_negative("l1", l1), non_negative("l2", l2)

    @property
    def factors(self) -> tuple[float, float]:
        """Those of the L1 norm and of the square of the L2 norm."""
        return self.l1, self.l2


class L1(_Norms):
    """L1 regularization: drives weights that the loss hardly depends on to zero.

        penalty = l1 * (sum over i of |w[i]|)

    Its gradient is l1 * sign(w[i]), and 0 where w[i] = 0; see `reference.add_penalty_gradient`.

    Parameters
    ----------
    l1 : float, default 0.01
        At least 0.

    Raises
    ------
    ValueError
        The factor is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn import reference
    >>> L1(0.5).penalty(np.array([3.0, -4.0]), reference)
    3.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = non_negative("l1", l1)

    @property
    def factors(self) -> tuple[float, float]:
        """Those of the L1 norm and of the square of the L2 norm."""
        return self.l1, 0.0


class L2(_Norms):
    """L2 regularization: keeps weights small.

        penalty = l2 * (sum over i of w[i]**2)

    Its gradient is 2 * l2 * w[i]. With plain gradient descent this is weight decay; with Adam it is not, since the
    gradient passes through the moment estimates. See `optimizers.AdamW` for that.

    Parameters
    ----------
    l2 : float, default 0.01
        At least 0.

    Raises
    ------
    ValueError
        The factor is negative or not finite.

    References
    ----------
    Goodfellow, Bengio & Courville 2016, "Deep Learning", section 7.1.1. The factor is that of Keras, without 1/2.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchcnn import reference
    >>> L2(0.5).penalty(np.array([3.0, -4.0]), reference)
    12.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = non_negative("l2", l2)

    @property
    def factors(self) -> tuple[float, float]:
        """Those of the L1 norm and of the square of the L2 norm."""
        return 0.0, self.l2


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Return `L1L2`, by default with both factors 0.01, as the function of this name in Keras 2."""
    return L1L2(l1, l2)


l1, l2 = L1, L2  # Keras's other names of the classes

CLASSES = (L1, L2, L1L2)
KNOWN: dict[str, Regularizer] = {"l1": L1(), "l2": L2(), "l1_l2": l1_l2()}


def get(identifier: str | Regularizer | None) -> Regularizer | None:
    """Return the regularizer of that name with the factor 0.01, or `identifier` itself if it is one or None.

    Raises
    ------
    ValueError
        There is no regularizer of that name.
    """
    if identifier is None or isinstance(identifier, Regularizer):
        return identifier
    return look_up("regularizer", identifier.lower() if isinstance(identifier, str) else identifier, KNOWN)


def serialize(regularizer: Regularizer | None) -> str | Regularizer | None:
    """Return the name of a regularizer with the default factor, for a config; any other one is returned itself."""
    return name_or_self(regularizer, KNOWN) if regularizer is not None else None


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
