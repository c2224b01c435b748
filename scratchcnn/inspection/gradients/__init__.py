"""Is a layer, loss or optimizer right? Checks of gradients, layers, losses, optimizers and data."""
