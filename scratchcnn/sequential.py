"""Sequential: a model as a row of layers, each applied to the output of the previous one."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import numpy as np

from scratchcnn import losses, metrics, optimizers
from scratchcnn.arguments import boolean, image_shape, positive_integer, seed_number, whole_number
from scratchcnn.callbacks import Callback
from scratchcnn.callbacks.callback_list import CallbackList
from scratchcnn.fusion.plan import Plan
from scratchcnn.layers import Input, Layer
from scratchcnn.names import look_up, nearest
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations
from scratchcnn.operations import engine as operations_of
from scratchcnn.storage import files
from scratchcnn.storage.atomic import FilePath
from scratchcnn.summary import summary_lines
from scratchcnn.training import History, arguments, inference, parameters
from scratchcnn.training.arguments import DataArguments
from scratchcnn.training.data import Fitting, Samples, batches, check_images, check_samples
from scratchcnn.training.loop import Training
from scratchcnn.training.model import Compiled
from scratchcnn.training.position import Position
from scratchcnn.training.progress import Progress, resolve
from scratchcnn.training.softmax_loss import on_logits
from scratchcnn.training.step import loss_and_gradients, train_step
from scratchcnn.training.trainer import Trainer, carried_over, trainable_parameters


class Sequential:
    """A model: a row of layers.

    Parameters
    ----------
    layers : sequence of Layer or Input, optional
        Added one after the other, as by `add`.
    engine : {'kernels', 'reference'}
        What computes the operations: the compiled kernels, or the readable formulas, with the same results up to
        rounding.
    dtype : {'float32', 'float64'}
        Of the parameters and of all computations: float32 to train, float64 to check gradients.
    seed : int or None
        Determines the initial parameters, the order of the samples and the dropout masks. None: random.

    Attributes
    ----------
    name : str
        'sequential'.
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
        layers: Sequence[Layer | Input] | None = None,
        *,
        engine: str = "kernels",
        dtype: str = "float32",
        seed: int | None = None,
    ) -> None:
        self.name = "sequential"
        self._ops, self._engine = operations_of(engine), engine
        self._dtype = look_up("dtype", dtype, {name: np.dtype(name) for name in ("float32", "float64")})
        self._layers: list[Layer] = []
        self._generators = _generators(seed)
        self._input_shape: Shape | None = None  # of one sample
        self._compiled: Compiled | None = None
        self._plan: Plan | None = None
        self._trainer: Trainer | None = None
        self._trained: tuple[Plan, list[Array]] | None = None  # plan and parameters for which the trainer was made
        self.position: Position | None = None
        self.history: History | None = None
        self.stop_training = False
        for layer in layers or ():
            self.add(layer)

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

    # The row of layers

    @property
    def layers(self) -> list[Layer]:
        """A new list of the layers. To change the row, use `add`, or make a new model."""
        return list(self._layers)

    @property
    def trainable(self) -> bool:
        """Whether any layer is trainable. Setting it freezes or unfreezes every layer; see `Layer.trainable`."""
        return any(layer.trainable for layer in self._layers) or not self._layers

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = boolean("trainable", value)
        for layer in self._layers:
            layer.trainable = value

    def add(self, layer: Layer | Input) -> None:
        """Append a layer. If the shape of its input is known, its parameters are created at once.

        Raises
        ------
        TypeError
            Not a layer.
        ValueError
            The layer does not accept the output of the previous one, already belongs to a model, or has the name of
            another layer. The model is unchanged.
        """
        if isinstance(layer, Input):
            if self._layers or self._input_shape is not None:
                raise ValueError(f"Expected Input first and once, received it after {len(self._layers)} layers.")
            self._input_shape = layer.shape
            return
        if not isinstance(layer, Layer):
            raise TypeError(f"Expected a layer, for example Dense(10), received {layer!r}.")
        if layer.output_shape is not None or any(layer is other for other in self._layers):
            raise ValueError(
                f"Layer {layer.label} already belongs to a model and holds its parameters; make a new layer object."
            )
        input_shape = self._layers[-1].output_shape if self._layers else self._input_shape or layer.input_shape
        name = layer.name or self._free_name(layer.default_name)
        if any(name == other.name for other in self._layers):
            raise ValueError(f"Expected a unique name for every layer, received {name!r} twice.")
        if input_shape is not None:
            layer.build(input_shape, self._generators["init"], self.dtype)
        layer.name = name
        self._layers.append(layer)
        self._input_shape = self._input_shape or (input_shape if len(self._layers) == 1 else None)
        self._plan = self._trainer = None

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the parameters of all layers for batches of `input_shape`, for example (None, 28, 28, 1).

        Raises
        ------
        ValueError
            A layer does not accept the output of the previous one, or the model was built for another shape.
        """
        shape = image_shape("input_shape after the batch axis", tuple(input_shape)[1:])
        if self._input_shape not in (None, shape):
            raise ValueError(f"Expected batches of shape {self.input_shape}, for which the model is built, "
                             f"received {tuple(input_shape)}; make a new model.")  # fmt: skip
        inference.shapes(self._layers, shape)  # raises before any layer is built
        following = shape
        for layer in self._layers:
            following = layer.output_shape or layer.build(following, self._generators["init"], self.dtype)
        self._input_shape = shape

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        """Shape of a batch of inputs, with None for the batch axis; None if it is not known yet."""
        return None if self._input_shape is None else (None, *self._input_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        """Shape of a batch of outputs, with None for the batch axis; None if it is not known yet."""
        shape = self._layers[-1].output_shape if self._layers else self._input_shape
        return None if shape is None else (None, *shape)

    def _free_name(self, name: str) -> str:
        taken = {layer.name for layer in self._layers}
        numbered = (f"{name}_{number}" if number else name for number in range(len(taken) + 1))
        return next(candidate for candidate in numbered if candidate not in taken)

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], object] | None = None,
    ) -> None:
        """Print a table of the layers, their output shapes and numbers of parameters.

        Parameters
        ----------
        line_length : int, optional
            Characters in a line; default 65, or more where a name needs it.
        positions : sequence of three numbers, optional
            Where each column ends, in characters or as fractions of the line; default [0.45, 0.85, 1.0].
        print_fn : callable, optional
            Called with every line instead of `print`.

        Raises
        ------
        ValueError
            The shapes are not known yet, or positions are not three increasing numbers.
        """
        self.expect_built("summary")
        for line in summary_lines(self.name, self._layers, line_length, positions):
            (print_fn or print)(line)

    # What the model consists of: the interface for tools (inspection, callbacks, storage)

    @property
    def engine(self) -> str:
        """'kernels' or 'reference'."""
        return self._engine

    @property
    def ops(self) -> Operations:
        """The primitive operations of the engine: the package `kernels` or `reference`."""
        return self._ops

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """Of the parameters and of all computations."""
        return self._dtype

    @property
    def compiled(self) -> Compiled | None:
        """Loss, optimizer and metrics as set by `compile`; None before."""
        return self._compiled

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimizer; its `learning_rate` may be set. RuntimeError before `compile`."""
        return self.expect_compiled("its optimizer").optimizer

    @property
    def optimizer_state(self) -> optimizers.State | None:
        """Step count, and arrays (moment estimates, velocity) of each trainable parameter; None before training.

        Parameters that were frozen since the last step have no state; those that were unfrozen start from zero.
        """
        if self._trainer is None or self._trained is None:
            return None
        state, (plan, trained) = self._trainer.optimizer_state, self._trained
        if plan.fits(self._layers):
            return state
        now_trained = trainable_parameters(self._layers)
        return carried_over(state, trained, now_trained, self.optimizer.start(now_trained))

    @property
    def generators(self) -> Mapping[str, np.random.Generator]:
        """The random generators: 'init' of the parameters, 'shuffle' of the samples, 'dropout' of the masks."""
        return self._generators

    @property
    def plan(self) -> Plan:
        """How the layers are computed: which are fused, and by which algorithms; `print(model.plan)` shows a table.

        It is updated whenever a layer was changed. ValueError if the shapes are not known yet.
        """
        self.expect_built("its plan")
        if self._plan is None or not self._plan.fits(self._layers):
            self._plan = Plan(self._layers, self._engine)
        return self._plan

    @property
    def trainer(self) -> Trainer:
        """Everything that a training step needs, including the optimizer state.

        It is updated whenever a layer was changed, and keeps the optimizer state of the parameters that were trainable
        before. ValueError if the shapes are not known yet, RuntimeError before `compile`.
        """
        plan = self.plan
        if self._trainer is None or self._trained is None or self._trained[0] is not plan:
            loss, optimizer, chosen = self.expect_compiled("training")
            layers, loss = on_logits(self._layers, loss)
            trained = trainable_parameters(layers)
            state = optimizer.start(trained)
            if self._trainer is not None and self._trained is not None:
                state = carried_over(self._trainer.optimizer_state, self._trained[1], trained, state)
            rngs = self._generators["shuffle"], self._generators["dropout"]
            self._trainer = Trainer(Plan(layers, self._engine), loss, chosen, optimizer, state, self.dtype, *rngs)
            self._trained = plan, trained
        return self._trainer

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
            New, unbuilt layers to replace those at these positions; they receive the parameters of the replaced ones.
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
        new = copy.copy(self)
        new._generators = copy.deepcopy(self._generators) if seed is None else _generators(seed)
        new._layers = [copy.deepcopy(layer) for layer in self._layers]
        for number, layer in (layers or {}).items():
            replaced = self._layers[number]
            assert replaced.input_shape is not None
            layer.build(replaced.input_shape, np.random.default_rng(0), self.dtype)
            layer.name, layer.trainable = replaced.name, replaced.trainable
            new._layers[number] = layer
        parameters.put(new._layers, self.get_weights())
        if self._compiled is not None:
            mine = copy.deepcopy(self._compiled)
            new._compiled = Compiled(loss or mine.loss, optimizer or mine.optimizer, mine.metrics)
        new._plan = new._trainer = new._trained = new.position = new.history = None
        return new

    # Parameters

    def get_weights(self) -> list[Array]:
        """Return copies of all parameters, in Keras's order and layout: kernel, bias, kernel, bias, ...

        Raises
        ------
        ValueError
            The shapes are not known yet.
        """
        self.expect_built("get_weights")
        return [array.copy() for layer in self._layers for array in layer.params.values()]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Set all parameters; the counterpart of `get_weights`.

        Raises
        ------
        ValueError
            Another number of arrays, or an array of another shape. Nothing is changed.
        """
        self.expect_built("set_weights")
        parameters.put(self._layers, weights)

    # Training

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "adam",
        loss: str | losses.Loss = "sparse_categorical_crossentropy",
        metrics: Sequence[str | metrics.Metric] | None = None,
    ) -> None:
        """Set how to train; resets the optimizer state.

        Parameters
        ----------
        optimizer : str or Optimizer
            'adam', 'sgd', or an object.
        loss : str or Loss
            'sparse_categorical_crossentropy' for class numbers, 'categorical_crossentropy' for one-hot rows, or an
            object, for example SparseCategoricalCrossentropy(from_logits=True).
        metrics : sequence of str or Metric, optional
            'accuracy', or an object.

        Raises
        ------
        ValueError
            There is no optimizer, loss or metric of that name. The model stays compiled as before.
        """
        chosen = [_get_metric(metric) for metric in metrics or ()]
        self._compiled = Compiled(losses.get(loss), optimizers.get(optimizer), chosen)
        self._trainer = self.position = None

    def fit(
        self,
        x: object,
        y: object = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Callback | Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: object = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: object = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
    ) -> History:
        """Train on images and labels.

        Parameters
        ----------
        x : (N, *input_shape), integers or floats; or batches
            Batches: any iterable of (x, y) or (x, y, sample_weight), without the argument y. If it ends before
            steps_per_epoch, a warning is issued and training ends.
        y : (N,) integers, or (N, classes) rows for categorical_crossentropy
            In general, what the loss takes as targets.
        batch_size : int, default 32
        epochs : int
            Passes over the data, each in a new random order, including those before initial_epoch.
        verbose : {'auto', 0, 1, 2}
            1: a progress bar with the remaining time; 2: one line per epoch; 0: silent; 'auto': 1 on a terminal, else
            2. The seconds are those of the whole epoch; the time per step excludes validation.
        callbacks : Callback or sequence of Callback, optional
            See `scratchcnn.callbacks`.
        validation_split : float, default 0
            Fraction of the samples, taken from the end, that is used for validation instead of training.
        validation_data : (x, y), (x, y, sample_weight), or batches; optional
            Evaluated after each epoch; takes precedence over validation_split.
        shuffle : bool, default True
            False: every epoch processes the samples in order.
        class_weight : dict of int to float, optional
            Weight of the samples of each class in the loss; 1 for classes that are not listed.
        sample_weight : (N,), optional
            Weight of each sample: the loss is the sum of weight * loss, divided by N. Metrics are not weighted.
        initial_epoch : int, default 0
            Index of the first epoch. A history that ends right before it is continued; so is an epoch in the middle of
            which the model was saved, if it was loaded from that file. See `scratchcnn.callbacks.ModelCheckpoint`.
        steps_per_epoch, validation_steps : int, optional
            Number of batches; default: all.

        Returns
        -------
        History
            Loss and metrics of each epoch: means over the epoch while the parameters change, with dropout; 'val_':
            those of the validation data after the epoch, without dropout. Also `model.history`, while training.

        Raises
        ------
        RuntimeError
            `compile` was not called.
        ValueError, TypeError
            Data or arguments do not fit; nothing is changed. (Batches of an iterable are checked as they arrive.)
        FloatingPointError
            The loss became NaN or infinite; the message names the first layer with such a value.
        KeyboardInterrupt
            After Ctrl-C, at the end of the step. As after any error, the model is in the state after its last complete
            step, `history` contains the completed epochs, and training can be saved and resumed.
        """
        loss = self.expect_compiled("fit").loss
        epochs, initial_epoch = positive_integer("epochs", epochs), whole_number("initial_epoch", initial_epoch)
        shown, called = resolve(verbose), CallbackList(callbacks)
        x = arguments.opened(x, y, steps_per_epoch)
        if not self._layers:
            self.expect_built("fit")
        shapes = inference.shapes(self._layers, self._input_shape or arguments.first_shape(x)[1:])
        given = DataArguments(x, y, batch_size, validation_split, validation_data, shuffle, class_weight, sample_weight,
                              steps_per_epoch, validation_steps)  # fmt: skip
        data, validation = arguments.sources(given, Fitting(*shapes, self.dtype, loss))
        if self._layers[-1].output_shape is None:
            self.build((None, *shapes[0]))
        return Training(self, data, validation, shown).fit(initial_epoch, epochs, called)

    def evaluate(
        self,
        x: object,
        y: object,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: object = None,
    ) -> float | list[float]:
        """Return loss and metrics over images and labels, as means over the samples, without dropout.

        Parameters
        ----------
        x, y, verbose, sample_weight
            As for `fit`.
        batch_size : int, default 32
            Number of images computed at a time; the result does not depend on it.

        Returns
        -------
        [loss, metric, ...], or the loss alone if the model was compiled without metrics

        Raises
        ------
        RuntimeError
            `compile` was not called.
        ValueError, TypeError
            The shapes are not known yet, or the data do not fit.
        """
        samples = self._samples("evaluate", x, y, sample_weight)
        data = batches(samples, batch_size := arguments.checked_batch_size(batch_size), rng=None)
        with closing(Progress(math.ceil(len(samples.x) / batch_size), resolve(verbose))) as progress:
            values = inference.evaluate(self.trainer, data, progress)
            progress.end(values)
        return inference.as_keras(values)

    def predict(self, x: object, batch_size: int | None = None, verbose: str | int = 0) -> Array:
        """Return the outputs for images, without dropout.

        Parameters
        ----------
        x : (N, *input_shape), integers or floats
        batch_size : int, default 32
            Number of images computed at a time; the result does not depend on it.
        verbose : {'auto', 0, 1, 2}, default 0

        Returns
        -------
        (N, *output_shape), the model's dtype

        Raises
        ------
        ValueError, TypeError
            The shapes are not known yet, or x does not fit.
        """
        images = check_images(x, self.expect_built("predict"), self.dtype)
        batch_size = arguments.checked_batch_size(batch_size)
        with closing(Progress(math.ceil(len(images) / batch_size), resolve(verbose))) as progress:
            y = inference.predict(self.plan, images, self.dtype, batch_size, progress)
            progress.end({})
        return y

    def train_on_batch(self, x: object, y: object) -> float | list[float]:
        """Perform one training step on one batch.

        Returns
        -------
        [loss, metric, ...] of this batch before the update, with dropout, or the loss alone without metrics

        Raises
        ------
        RuntimeError
            `compile` was not called.
        ValueError, TypeError
            The shapes are not known yet, or the data do not fit.
        FloatingPointError
            The loss is not finite. No parameter has changed.
        """
        samples = self._samples("train_on_batch", x, y)
        trainer = self.trainer
        x, targets = trainer.encoded(samples)
        of_samples, predictions = train_step(trainer, x, targets)
        return inference.as_keras(inference.RunningMeans(trainer).add(of_samples, targets, predictions))

    def loss_and_gradients(self, x: object, y: object, training: bool = False) -> tuple[float, list[Array]]:
        """Return the mean loss of one batch, and its gradient with respect to each trainable parameter.

        The gradients are in the order of `get_weights`.

        Parameters
        ----------
        x, y : one batch, as for `fit`
        training : bool
            Whether dropout is active.

        Raises
        ------
        RuntimeError
            `compile` was not called.
        ValueError, TypeError
            The shapes are not known yet, or the data do not fit.
        """
        x, targets = self.checked_batch(x, y, "loss_and_gradients")
        return loss_and_gradients(self.trainer, x, targets, training)

    # Files

    def save(self, path: FilePath) -> None:
        """Write the model to a file: .npz contains all that is needed to resume training exactly; .keras is for Keras.

        Raises
        ------
        StorageError (a ValueError), OSError
            A part has no config (a function, for example), or the file cannot be written. A previous file is kept.
        """
        files.save(self, path)

    def save_weights(self, path: FilePath) -> None:
        """Write the parameters only, to .npz or Keras's .weights.h5; errors as for `save`."""
        files.save_weights(self, path)

    def load_weights(self, path: FilePath) -> None:
        """Set the parameters to those in a file of `save`, `save_weights` or Keras; if any does not fit, set none.

        Raises
        ------
        StorageError (a ValueError), OSError
            The file is damaged or of another kind, or a layer, which is named, does not fit. The model is unchanged.
        """
        files.load_weights(self, path)

    def export(self, path: FilePath) -> None:
        """Write what `predict` computes to an .onnx file, in float32; errors as for `save`."""
        files.export(self, path)

    # Checks

    def checked_batch(self, x: object, y: object, what: str) -> tuple[Array, Array]:
        """Return a batch as a training step takes it: images (N, *input_shape) and encoded targets.

        Raises
        ------
        RuntimeError
            `compile` was not called; `what` names the caller in the message.
        ValueError, TypeError
            The shapes are not known yet, or the data do not fit.
        """
        samples = self._samples(what, x, y)
        return self.trainer.encoded(samples)

    def expect_compiled(self, what: str) -> Compiled:
        """Return `compiled`; RuntimeError before `compile`. `what` names the caller in the message."""
        if self._compiled is None:
            raise RuntimeError(
                f"Expected a compiled model for {what}: call model.compile(loss='sparse_categorical_crossentropy', "
                f"optimizer='adam', metrics=['accuracy']) first."
            )
        return self._compiled

    def expect_built(self, what: str) -> Shape:
        """Return the shape of one sample; ValueError if it is not known or there are no layers."""
        if not self._layers or self._input_shape is None or self._layers[-1].output_shape is None:
            missing = "has no layers yet: add some" if not self._layers else (
                "does not know the shape of its input: give input_shape to its first layer, or call "
                "model.build((None, 28, 28, 1)) or fit"
            )  # fmt: skip
            raise ValueError(f"Expected a model of known shape for {what}; this one {missing}.")
        return self._input_shape

    def _samples(self, what: str, x: object, y: object, sample_weight: object = None) -> Samples:
        loss = self.expect_compiled(what).loss
        input_shape, output_shape = self.expect_built(what), self._layers[-1].output_shape
        assert output_shape is not None
        fitting = Fitting(input_shape, output_shape, self.dtype, loss)
        return check_samples(x, y, fitting, sample_weight=sample_weight)


_get_metric = metrics.get  # `compile` has an argument of that name


def _generators(seed: int | None) -> dict[str, np.random.Generator]:
    """Return the random generators of a model, independent of each other."""
    streams = np.random.SeedSequence(seed_number(seed)).spawn(3)
    init, shuffle, dropout = map(np.random.default_rng, streams)
    return {"init": init, "shuffle": shuffle, "dropout": dropout}
