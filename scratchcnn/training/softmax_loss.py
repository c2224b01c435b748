"""A final softmax combined with the loss: cross-entropy of logits, which neither overflows nor takes log(0)."""

from __future__ import annotations

from collections.abc import Sequence

from scratchcnn.activations import Softmax
from scratchcnn.layers import Activation, Conv2D, Dense, Layer
from scratchcnn.layers import Softmax as SoftmaxLayer
from scratchcnn.layers.activation import without_activation
from scratchcnn.losses import CategoricalCrossentropy, Loss
from scratchcnn.training.warning import warn

ENDING = (Activation, SoftmaxLayer, Conv2D, Dense)  # the layers that may end in a softmax


def on_logits(layers: Sequence[Layer], loss: Loss) -> tuple[list[Layer], Loss]:
    """Move a final softmax from the layers to the loss.

    A last layer with a softmax activation is replaced by a copy without activation, which shares its parameters. Only
    layers of this package's classes are replaced; the output of any other layer reaches the loss as it is.

    Returns
    -------
    layers : list of Layer
    loss : Loss
        Includes softmax, if a softmax was removed from the layers.

    Warns
    -----
    UserWarning
        The loss expects probabilities and the model does not end in softmax, or the other way round.
    """
    layers = list(layers)
    last = layers[-1]
    ends_in_softmax = isinstance(getattr(last, "activation", None), Softmax)
    if isinstance(loss, CategoricalCrossentropy) and ends_in_softmax == loss.from_logits:
        warn(
            "Expected a model that ends in softmax, or a loss with from_logits=True, "
            + ("received both: softmax is applied twice." if ends_in_softmax else "received neither: the outputs of "
               f"layer {last.label} are used as probabilities.")
        )  # fmt: skip
    logits_loss = loss.on_logits()
    if logits_loss is None or not _has_own_softmax(last) or getattr(loss, "from_logits", False):
        return layers, loss
    layers.pop()
    if type(last) not in (Activation, SoftmaxLayer) or not layers:
        layers.append(without_activation(last))
    return layers, logits_loss


def _has_own_softmax(layer: Layer) -> bool:
    """Whether a layer is of this package, with this package's softmax, and no method of either was replaced."""
    if not isinstance(layer, ENDING) or type(layer) not in ENDING:
        return False
    activation = layer.activation
    replaced = any(hasattr(type(thing), name) for thing in (layer, activation) for name in vars(thing))
    return type(activation) is Softmax and not replaced
