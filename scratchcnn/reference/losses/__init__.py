"""The losses and their gradients, and the penalty of a regularizer; one per file."""
