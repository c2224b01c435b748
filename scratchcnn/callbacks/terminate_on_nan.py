"""TerminateOnNaN: ends training when the loss is NaN or infinite, instead of raising an error."""

from __future__ import annotations

from scratchcnn.callbacks.base import Callback


class TerminateOnNaN(Callback):
    """Ends training when the loss of a batch is NaN or infinite.

    Without it, `fit` raises a FloatingPointError that names the layer responsible. With it, `fit` returns normally, and
    the last row of the history contains that loss. In both cases the parameters are not updated with this batch. (In
    Keras, they are NaN by then.)
    """

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """End training."""
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
        return True
