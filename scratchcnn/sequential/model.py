"""Sequential: a model as a row of layers, each applied to the output of the previous one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np

from scratchcnn import losses, optimizers
from scratchcnn.arguments import seed_number
from scratchcnn.layers import Input, Layer
from scratchcnn.layers.parameters import put
from scratchcnn.layers.row import LayerRow
from scratchcnn.names import look_up, nearest
from scratchcnn.sequential.current import Current
from scratchcnn.sequential.training import TrainableModel
from scratchcnn.training.model import Compiled


class Sequential(TrainableModel, methods=True):
    """A model: a row of layers.

    Parameters
    ----------
    layers : sequence of Layer, Sequential or Input, optional
        Added one after the other, as by `add`. A model among them becomes a part of this one.
    engine : {'kernels', 'reference'}
        What computes the operations: the compiled kernels, or the readable formulas, with the same results up to
        rounding.
    dtype : {'float32', 'float64'}
        Of the parameters and of all computations: float32 to train, float64 to check gradients.
    seed : int or None
        Determines the initial parameters, the order of the samples and the dropout masks. None: random.
    name : str, default 'sequential'

    Attributes
    ----------
    name : str
    history : History or None
        Of the last `fit`; updated after each epoch.
    stop_training : bool
        A callback that sets it to True ends training.
    position : Position or None
        How far the current epoch has progressed; None unless training was interrupted. Saved in .npz files.

    Raises
    ------
    ValueError
        Unknown engine or dtype, or a layer that does not accept the output of the previous one.
    AttributeError
        When an attribute is set that a model does not have, and that would have no effect.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(3, input_shape=(4,))], seed=0)
    >>> model.predict(np.zeros((2, 4)))
    array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """

    def __init__(
        self,
        layers: Sequence[Layer | LayerRow | Input] | None = None,
        *,
        engine: str = "kernels",
        dtype: str = "float32",
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(name, str | None):
            raise ValueError(f"Expected name as text, received {name!r}.")
        kind = look_up("dtype", dtype, {name: np.dtype(name) for name in ("float32", "float64")})
        super().__init__(name or "sequential", kind, engine, _generators(seed))
        for layer in layers or ():
            self.add(layer)

    def __getstate__(self) -> dict[str, object]:
        """Return what copy.deepcopy and pickle copy: everything but the plan and the trainer, which are rebuilt."""
        return {**vars(self), "_current": self.optimizer_state}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Set what `__getstate__` returned; training resumes exactly where the original was."""
        optimizer_state = state["_current"]
        vars(self).update(state, _current=Current(str(state["_engine"])))
        if isinstance(optimizer_state, optimizers.State):
            self.trainer.optimizer_state = optimizer_state

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, unless that would have no effect."""
        settable = {"history", "name", "position", "stop_training", "trainable"}
        if type(self) is Sequential and name not in settable and not name.startswith("_"):
            if hasattr(type(self), name) and not callable(getattr(type(self), name)):
                raise AttributeError(
                    f"Expected {name!r} of a model to stay as it is, received {value!r}; make a new model, or use "
                    f"add, compile, set_weights or clone."
                )
            if not hasattr(type(self), name):
                raise AttributeError(
                    f"Expected one of the attributes of a model that can be set, {', '.join(sorted(settable))}, "
                    f"received {name!r}, which would have no effect.{nearest(name, settable)}"
                )
        object.__setattr__(self, name, value)

    def _put_layer(self, number: int, layer: Layer) -> None:
        """Put a new, unbuilt layer in place of another, with its name; documented at `clone`."""
        replaced = self.leaf_layers[number]
        assert replaced.input_shape is not None
        layer.build(replaced.input_shape, np.random.default_rng(0), self._dtype)
        layer.name, layer.trainable = replaced.name, replaced.trainable
        self._exchange(replaced, layer)

    def clone(
        self,
        layers: Mapping[int, Layer] | None = None,
        *,
        optimizer: optimizers.Optimizer | None = None,
        loss: losses.Loss | None = None,
        seed: int | None = None,
    ) -> Sequential:
        """Return a copy that shares no state with this model: the same layers, weights, settings and random states.

        The copy has taken no training steps: no optimizer state, no history.

        Parameters
        ----------
        layers : dict of int to Layer, optional
            New, unbuilt layers to replace those at these positions in `leaf_layers`; they receive the parameters of the
            replaced ones.
        optimizer, loss : optional
            Instead of the model's, if it is compiled.
        seed : int, optional
            Of new random generators, instead of copies of the model's.

        Raises
        ------
        ValueError
            The shapes are not known yet, or a new layer has parameters of other shapes.
        """
        self.expect_built("clone")
        new = object.__new__(type(self))
        vars(new).update(vars(self), history=None, position=None, _current=Current(self._engine))
        new._generators = copy.deepcopy(self._generators) if seed is None else _generators(seed)
        new._rng = new._generators["init"]
        new._parts = [part.clone() if isinstance(part, Sequential) else copy.deepcopy(part) for part in self._parts]
        for number, layer in (layers or {}).items():
            new._put_layer(number, layer)
        put(new.leaf_layers, self.weights)
        if self._compiled is not None:
            mine = copy.deepcopy(self._compiled)
            new._compiled = Compiled(loss or mine.loss, optimizer or mine.optimizer, mine.metrics)
        return new


def _generators(seed: int | None) -> dict[str, np.random.Generator]:
    """Return the random generators of a model, independent of each other."""
    streams = np.random.SeedSequence(seed_number(seed)).spawn(3)
    init, shuffle, dropout = map(np.random.default_rng, streams)
    return {"init": init, "shuffle": shuffle, "dropout": dropout}
