"""The update rules of the optimizers, gradient clipping and weight decay, compiled."""
