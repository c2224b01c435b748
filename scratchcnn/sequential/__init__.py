"""Sequential, the model and its public interface, in parts of which each builds on the one before.

`layers.row` has the layers, their shapes and parameters; `editing` add, pop and get_layer; `compiled` the engine, loss
and optimizer; `stored` the summary and files; `inference` evaluate and predict; `training` fit and single steps; and
`model` the constructor and copies.
"""

from scratchcnn.sequential.model import Sequential

__all__ = ["Sequential"]
