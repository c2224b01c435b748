"""TerminateOnNaN: ends training when the loss is no number any more, instead of raising an error."""

from __future__ import annotations

from scratchcnn.callbacks.base import Callback


class TerminateOnNaN(Callback):
    """Ends training when the loss of a batch is NaN or infinite.

    Without it, `fit` raises a FloatingPointError that names the layer at fault. With it, `fit` ends as if training
    were over, and the history's last row has that loss. Either way the step is not taken: the weights are those
    before it. (In Keras they have become NaN.)
    """

    def on_non_finite_loss(self, batch: int, loss: float) -> bool:
        """End training."""
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
        return True
