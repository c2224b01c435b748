"""Which of the package's layers a layer is: one that computes what its class does here, or a user's own."""

from __future__ import annotations

from scratchcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D, Rescaling

KINDS: tuple[type[Layer], ...] = (Conv2D, MaxPooling2D, Dense, Dropout, Flatten, Rescaling, Activation)


def kind_of(layer: Layer) -> type[Layer] | None:
    """The class whose two passes a layer has; None if it has its own, so that no formula of here is known for it."""
    for kind in KINDS:
        if type(layer).forward is kind.forward and type(layer).backward is kind.backward:
            return kind
    return None
