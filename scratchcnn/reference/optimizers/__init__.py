"""The update rules of the optimizers, gradient clipping and weight decay; one per file."""
