"""A final softmax or sigmoid combined with the loss: cross-entropy of logits, which never overflows or takes log(0)."""

from __future__ import annotations

from collections.abc import Sequence

from scratchcnn import activations
from scratchcnn.layers import Activation, Conv2D, Dense, Layer
from scratchcnn.layers import Softmax as SoftmaxLayer
from scratchcnn.layers.activation import without_activation
from scratchcnn.losses import Loss
from scratchcnn.training.warning import warn

ENDING = (Activation, SoftmaxLayer, Conv2D, Dense)  # the layers that may end in a softmax or sigmoid
PROBABILITIES = (activations.Softmax, activations.Sigmoid)  # the activation functions whose outputs are probabilities


def on_logits(layers: Sequence[Layer], loss: Loss) -> tuple[list[Layer], Loss]:
    """Move a final activation from the layers to a loss that includes it: a softmax, or a sigmoid.

    A last layer with that activation is replaced by a copy without activation, which shares its parameters. Only layers
    of this package's classes are replaced; the output of any other layer reaches the loss as it is.

    Returns
    -------
    layers : list of Layer
    loss : Loss
        Includes the activation, if it was removed from the layers.

    Warns
    -----
    UserWarning
        The loss expects probabilities and the model does not end in that activation, or the other way round.
    """
    layers = list(layers)
    last = layers[-1]
    _warn_of_mismatch(last, loss)
    logits_loss = loss.on_logits()
    if logits_loss is None or not _has_own_activation(last, loss) or getattr(loss, "from_logits", False):
        return layers, loss
    layers.pop()
    if type(last) not in (Activation, SoftmaxLayer) or not layers:
        layers.append(without_activation(last))
    return layers, logits_loss


def _warn_of_mismatch(last: Layer, loss: Loss) -> None:
    """Warn if probabilities are passed through the activation again, or if arbitrary outputs are used as such."""
    name, from_logits = loss.activation, getattr(loss, "from_logits", None)
    activation = getattr(last, "activation", None)
    if name is None or from_logits is None:
        return
    if isinstance(activation, type(activations.KNOWN[name])):
        received = f"both: {name} is applied twice." if from_logits else None
    else:
        are_probabilities = name == "sigmoid" and isinstance(activation, PROBABILITIES)
        neither = f"neither: the outputs of layer {last.label} are used as probabilities."
        received = None if from_logits or are_probabilities else neither
    if received is not None:
        warn(f"Expected a model that ends in {name}, or a loss with from_logits=True, received {received}")


def _has_own_activation(layer: Layer, loss: Loss) -> bool:
    """Whether a layer is of this package, with the loss's activation, and no method of either was replaced."""
    if not isinstance(layer, ENDING) or type(layer) not in ENDING or loss.activation is None:
        return False
    activation = layer.activation
    replaced = any(hasattr(type(thing), name) for thing in (layer, activation) for name in vars(thing))
    return type(activation) is type(activations.KNOWN[loss.activation]) and not replaced
