"""Sequential: a model as a row of layers, each applied to the output of the previous one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from scratchcnn import losses, metrics, optimizers
from scratchcnn.arguments import boolean, positive_integer, seed_number, whole_number
from scratchcnn.callbacks import Callback
from scratchcnn.callbacks.callback_list import CallbackList
from scratchcnn.descriptions.words import plural
from scratchcnn.display.blocks import html_of
from scratchcnn.fusion.plan import Plan
from scratchcnn.layers import Input, Layer
from scratchcnn.layers.parameters import put
from scratchcnn.layers.row import LayerRow
from scratchcnn.names import Named, look_up, nearest
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import Operations
from scratchcnn.operations import engine as operations_of
from scratchcnn.storage import files, keras_config
from scratchcnn.storage.atomic import FilePath
from scratchcnn.summary import summary_blocks, summary_lines
from scratchcnn.training import History, arguments, inference
from scratchcnn.training.arguments import DataArguments
from scratchcnn.training.current import Current
from scratchcnn.training.data import Fitting, as_input, check_images, check_samples
from scratchcnn.training.inference import Result
from scratchcnn.training.loop import Training
from scratchcnn.training.model import Compiled
from scratchcnn.training.position import Position
from scratchcnn.training.progress import resolve
from scratchcnn.training.sources import weighed
from scratchcnn.training.step import forward, loss_and_gradients, train_step
from scratchcnn.training.trainer import Trainer
from scratchcnn.training.weights import check_class_weight


class Sequential(Named, methods=True):
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
        layers: Sequence[Layer | Input] | None = None,
        *,
        engine: str = "kernels",
        dtype: str = "float32",
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(name, str | None):
            raise ValueError(f"Expected name as text, received {name!r}.")
        self.name = name or "sequential"
        operations_of(engine)  # raises for an unknown one
        self._engine = engine
        self._dtype = look_up("dtype", dtype, {name: np.dtype(name) for name in ("float32", "float64")})
        self._generators = _generators(seed)
        self._row = LayerRow(self._generators["init"], self._dtype)
        self._compiled: Compiled | None = None
        self._current = Current(engine)
        self.position: Position | None = None
        self.history: History | None = None
        self.stop_training = False
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

    # The row of layers

    @property
    def layers(self) -> list[Layer]:
        """A new list of the layers. To change the row, use `add`, or make a new model."""
        return list(self._row.layers)

    @property
    def trainable(self) -> bool:
        """Whether any layer is trainable. Setting it freezes or unfreezes every layer; see `Layer.trainable`."""
        return any(layer.trainable for layer in self._row.layers) or not self._row.layers

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = boolean("trainable", value)
        for layer in self._row.layers:
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
        self._row.add(layer)
        self._current = Current(self._engine)

    def pop(self) -> Layer:
        """Remove the last layer and return it. The optimizer state is reset, as by `add`.

        Raises
        ------
        ValueError
            There are no layers.
        """
        layer = self._row.pop()
        self._current = Current(self._engine)
        return layer

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the layer with this name, or at this index.

        Raises
        ------
        ValueError
            There is no such layer, or not exactly one of name and index is given.

        Examples
        --------
        >>> from scratchcnn.layers import Dense
        >>> Sequential([Dense(3, input_shape=(4,))]).get_layer("dense")
        <'dense' (Dense), (4,) to (3,)>
        """
        return self._row.get(name, index)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Create the parameters of all layers for batches of `input_shape`, for example (None, 28, 28, 1).

        Raises
        ------
        ValueError
            A layer does not accept the output of the previous one, or the model was built for another shape.
        """
        self._row.build(input_shape)

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        """Shape of a batch of inputs, with None for the batch axis; None if it is not known yet."""
        shape = self._row.input_shape
        return None if shape is None else (None, *shape)

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        """Shape of a batch of outputs, with None for the batch axis; None if it is not known yet."""
        shape = self._row.output_shape
        return None if shape is None else (None, *shape)

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
        for line in summary_lines(self.name, self._row.layers, line_length, positions):
            (print_fn or print)(line)

    def __repr__(self) -> str:
        shapes = f", {self.input_shape} to {self.output_shape}" if self.output_shape else ", not built"
        return f"<{self.name!r} ({type(self).__name__}), {plural(len(self._row.layers), 'layer')}{shapes}>"

    def _repr_html_(self) -> str:
        """Return what a notebook displays: the table of `summary`."""
        return html_of(summary_blocks(self.name, self._row.layers))

    # What the model consists of: the interface for tools (inspection, callbacks, storage)

    @property
    def engine(self) -> str:
        """'kernels' or 'reference'."""
        return self._engine

    @property
    def ops(self) -> Operations:
        """The primitive operations of the engine: the package `kernels` or `reference`."""
        return operations_of(self._engine)

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """Of the parameters and of all computations."""
        return self._dtype

    @property
    def compiled(self) -> Compiled | None:
        """Loss, optimizer and metrics as set by `compile`; None before."""
        return self._compiled

    @property
    def metrics_names(self) -> list[str]:
        """Names of the values that `evaluate` returns: 'loss', and each metric's. RuntimeError before `compile`."""
        return ["loss", *(metric.name for metric in self.expect_compiled("its metrics").metrics)]

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimizer; its `learning_rate` may be set. RuntimeError before `compile`."""
        return self.expect_compiled("its optimizer").optimizer

    @property
    def optimizer_state(self) -> optimizers.State | None:
        """Step count, and arrays (moment estimates, velocity) of each trainable parameter; None before training.

        Parameters that were frozen since the last step have no state; those that were unfrozen start from zero.
        """
        return self._current.optimizer_state(self._row.layers, self._compiled)

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
        return self._current.plan(self._row.layers)

    @property
    def trainer(self) -> Trainer:
        """Everything that a training step needs, including the optimizer state.

        It is updated whenever a layer was changed, and keeps the optimizer state of the parameters that were trainable
        before. ValueError if the shapes are not known yet, RuntimeError before `compile`.
        """
        self.expect_built("training")
        compiled = self.expect_compiled("training")
        return self._current.trainer(self._row.layers, compiled, self._dtype, self._generators)

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
        new = object.__new__(type(self))
        vars(new).update(vars(self), history=None, position=None, _current=Current(self._engine))
        new._generators = copy.deepcopy(self._generators) if seed is None else _generators(seed)
        new._row = self._row.copy(new._generators["init"], layers or {})
        if self._compiled is not None:
            mine = copy.deepcopy(self._compiled)
            new._compiled = Compiled(loss or mine.loss, optimizer or mine.optimizer, mine.metrics)
        return new

    # Parameters

    def get_weights(self) -> list[Array]:
        """Return copies of all parameters, in Keras's order and layout: kernel, bias, kernel, bias, ...

        They include statistics, such as the moving mean of a BatchNormalization.

        Raises
        ------
        ValueError
            The shapes are not known yet.
        """
        self.expect_built("get_weights")
        return [array.copy() for array in self.weights]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Set all parameters; the counterpart of `get_weights`.

        Raises
        ------
        ValueError
            Another number of arrays, or an array of another shape. Nothing is changed.
        """
        self.expect_built("set_weights")
        put(self._row.layers, weights)

    @property
    def weights(self) -> list[Array]:
        """The parameters themselves, not copies, in the order of `get_weights`."""
        return [array for layer in self._row.layers for array in layer.weights]

    @property
    def trainable_weights(self) -> list[Array]:
        """The parameters that the optimizer updates: those of the layers that are not frozen, without statistics."""
        return [array for layer in self._row.layers for array in layer.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[Array]:
        """The parameters that the optimizer leaves unchanged: statistics, and those of the frozen layers."""
        return [array for layer in self._row.layers for array in layer.non_trainable_weights]

    def count_params(self) -> int:
        """Return the total number of elements of all parameters.

        Raises
        ------
        ValueError
            The shapes are not known yet.

        Examples
        --------
        >>> from scratchcnn.layers import Dense
        >>> Sequential([Dense(3, input_shape=(4,))]).count_params()
        15
        """
        self.expect_built("count_params")
        return sum(layer.count_params() for layer in self._row.layers)

    # Training

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "adam",
        loss: str | losses.Loss = "sparse_categorical_crossentropy",
        metrics: str | metrics.Metric | Sequence[str | metrics.Metric] | None = None,
    ) -> None:
        """Set how to train; resets the optimizer state.

        Parameters
        ----------
        optimizer : str or Optimizer
            'adam', 'sgd', or an object.
        loss : str or Loss
            'sparse_categorical_crossentropy' for class numbers, 'categorical_crossentropy' for one-hot rows, or an
            object, for example SparseCategoricalCrossentropy(from_logits=True).
        metrics : str or Metric, or a sequence of these; optional
            'accuracy', or an object.

        Raises
        ------
        ValueError
            There is no optimizer, loss or metric of that name. The model stays compiled as before.
        """
        chosen = _get_metrics(metrics)
        self._compiled = Compiled(losses.get(loss), optimizers.get(optimizer), chosen)
        self._current.discard_trainer()
        self.position = None

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
        validation_batch_size: int | None = None,
        validation_freq: int | Collection[int] = 1,
    ) -> History:
        """Train on images and labels.

        Parameters
        ----------
        x : (N, *input_shape), integers or floats; or batches
            Batches: any iterable of (x, y) or (x, y, sample_weight), without the argument y, or an object with
            __len__ and __getitem__, like Keras's Sequence. If they end before steps_per_epoch, a warning is issued and
            training ends.
        y : (N,) integers, or (N, classes) rows for categorical_crossentropy
            In general, what the loss takes as targets.
        batch_size : int, default 32
        epochs : int
            Passes over the data, each in a new random order, including those before initial_epoch.
        verbose : {'auto', 0, 1, 2}
            1: a progress bar with the remaining time; 2: one line per epoch; 0: silent; 'auto': 1 on a terminal and in
            a notebook, else 2. The seconds are those of the whole epoch; the time per step excludes validation.
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
        validation_batch_size : int, default batch_size
        validation_freq : int or collection of int, default 1
            After every how many epochs the model is validated; or after which ones, counted from 1.

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
        shown, called, frequency = (
            resolve(verbose),
            CallbackList(callbacks),
            arguments.checked_frequency(validation_freq),
        )
        x = arguments.opened(x, y, steps_per_epoch)
        if not self._row.layers:
            self.expect_built("fit")
        shapes = self._row.shapes(self._row.input_shape or arguments.first_shape(x)[1:])
        given = DataArguments(x, y, batch_size, validation_split, validation_data, shuffle, class_weight, sample_weight,
                              steps_per_epoch, validation_steps, validation_batch_size)  # fmt: skip
        data, validation = arguments.sources(given, Fitting(*shapes, self.dtype, loss))
        if self._row.output_shape is None:
            self.build((None, *shapes[0]))
        return Training(self, data, validation, frequency, shown).fit(initial_epoch, epochs, called)

    def evaluate(
        self,
        x: object,
        y: object = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: object = None,
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
        return_dict: bool = False,
    ) -> Result:
        """Return loss and metrics over images and labels, as means over the samples, without dropout.

        Parameters
        ----------
        x, y, verbose, sample_weight, callbacks
            As for `fit`; x may be batches.
        batch_size : int, default 32
            Number of images computed at a time; the result does not depend on it.
        steps : int, optional
            Number of batches; default: all.
        return_dict : bool, default False

        Returns
        -------
        [loss, metric, ...], or the loss alone if the model was compiled without metrics; with return_dict, a dict of
        the values by the names in `metrics_names`

        Raises
        ------
        RuntimeError
            `compile` was not called.
        ValueError, TypeError
            The shapes are not known yet, or the data do not fit.
        """
        fitting, shown, return_dict = self._fitting("evaluate"), resolve(verbose), boolean("return_dict", return_dict)
        given = DataArguments(x, y, batch_size, sample_weight=sample_weight, steps_per_epoch=steps)
        source = arguments.evaluated(given, fitting)
        return inference.as_keras(inference.evaluation(self, source, shown, CallbackList(callbacks)), return_dict)

    def predict(
        self,
        x: object,
        batch_size: int | None = None,
        verbose: str | int = 0,
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
    ) -> Array:
        """Return the outputs for images, without dropout.

        Parameters
        ----------
        x : (N, *input_shape), integers or floats; or batches
            Batches: any iterable of images, or of (x, y) or (x, y, sample_weight), whose x is used. A list is one
            array of images.
        batch_size : int, default 32
            Number of images computed at a time; the result does not depend on it.
        verbose : {'auto', 0, 1, 2}, default 0
        steps : int, optional
            Number of batches; default: all.
        callbacks : Callback or sequence of Callback, optional

        Returns
        -------
        (N, *output_shape), the model's dtype

        Raises
        ------
        ValueError, TypeError
            The shapes are not known yet, or x does not fit.
        """
        source = arguments.predicted(x, batch_size, steps, self.expect_built("predict"), self.dtype)
        return inference.prediction(self, source, resolve(verbose), CallbackList(callbacks))

    def __call__(self, x: object, training: bool = False) -> Array:
        """Return the outputs for one batch of images; with training=True, those in training.

        Then dropout is active, and BatchNormalization uses the statistics of the batch. The model is not changed.

        Raises
        ------
        ValueError, TypeError
            The shapes are not known yet, or x does not fit.

        Examples
        --------
        >>> from scratchcnn.layers import Dense
        >>> Sequential([Dense(3, input_shape=(4,))])(np.zeros((1, 4)))
        array([[0., 0., 0.]], dtype=float32)
        """
        images = as_input(check_images(x, self.expect_built("a call"), self.dtype), self.dtype)
        if not boolean("training", training):
            return inference.predict_batch(self.plan, images)
        return forward(self.plan, images, True, self._generators["dropout"])[0]

    def predict_on_batch(self, x: object) -> Array:
        """Return the outputs for one batch of images, without dropout; errors as for `predict`."""
        return self(x)

    def train_on_batch(
        self,
        x: object,
        y: object,
        sample_weight: object = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Result:
        """Perform one training step on one batch.

        Parameters
        ----------
        x, y, sample_weight, class_weight
            One batch, as for `fit`.
        return_dict : bool, default False

        Returns
        -------
        Loss and metrics of this batch before the update, with dropout, in the form of `evaluate`

        Raises
        ------
        RuntimeError
            `compile` was not called.
        ValueError, TypeError
            The shapes are not known yet, or the data do not fit.
        FloatingPointError
            The loss is not finite. No parameter has changed.
        """
        fitting, return_dict = self._fitting("train_on_batch"), boolean("return_dict", return_dict)
        samples = check_samples(x, y, fitting, sample_weight=sample_weight)
        samples = weighed(samples, check_class_weight(class_weight, fitting.output_shape[-1]), fitting)
        trainer = self.trainer
        x, targets = trainer.encoded(samples)
        of_samples, predictions = train_step(trainer, x, targets, samples.weights)
        values = inference.RunningMeans(trainer).add(of_samples, targets, predictions)
        return inference.as_keras(values, return_dict)

    def test_on_batch(self, x: object, y: object, sample_weight: object = None, return_dict: bool = False) -> Result:
        """Return loss and metrics of one batch, without dropout; arguments and errors as for `evaluate`."""
        fitting, return_dict = self._fitting("test_on_batch"), boolean("return_dict", return_dict)
        samples = check_samples(x, y, fitting, sample_weight=sample_weight)
        trainer = self.trainer
        values = inference.evaluate_batch(trainer, samples, inference.RunningMeans(trainer), [])
        return inference.as_keras(values, return_dict)

    def loss_and_gradients(self, x: object, y: object, training: bool = False) -> tuple[float, list[Array]]:
        """Return the mean loss of one batch, and its gradient with respect to each trainable parameter.

        The gradients are in the order of `get_weights`.

        Parameters
        ----------
        x, y : one batch, as for `fit`
        training : bool
            Whether dropout is active, and BatchNormalization uses the statistics of the batch.

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

    def to_json(self, indent: int | None = None) -> str:
        """Return the layers as JSON in Keras's form, without parameters; `models.model_from_json` reads it.

        Raises
        ------
        StorageError (a ValueError)
            The shapes are not known yet, or Keras does not have a layer or option.
        """
        return json.dumps(keras_config.to_keras(self), indent=indent)

    def save(self, path: FilePath) -> None:
        """Write the model to a file: .npz, from which training resumes exactly; .keras or .h5 for Keras.

        Raises
        ------
        StorageError (a ValueError), OSError
            A part has no config (a function, for example), or the file cannot be written. A previous file is kept.
        """
        files.save(self, path)

    def save_weights(self, path: FilePath) -> None:
        """Write the parameters only, to .npz, or to .weights.h5 or .h5 of Keras; errors as for `save`."""
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
        samples = check_samples(x, y, self._fitting(what))
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
        if not self._row.layers or self._row.input_shape is None or self._row.output_shape is None:
            missing = "has no layers yet: add some" if not self._row.layers else (
                "does not know the shape of its input: give input_shape to its first layer, or call "
                "model.build((None, 28, 28, 1)) or fit"
            )  # fmt: skip
            raise ValueError(f"Expected a model of known shape for {what}; this one {missing}.")
        return self._row.input_shape

    def _fitting(self, what: str) -> Fitting:
        """Return what data must fit; RuntimeError before `compile`, ValueError if the shapes are not known."""
        loss, input_shape = self.expect_compiled(what).loss, self.expect_built(what)
        assert self._row.output_shape is not None
        return Fitting(input_shape, self._row.output_shape, self._dtype, loss)


_get_metrics = metrics.get_all  # `compile` has an argument of that name


def _generators(seed: int | None) -> dict[str, np.random.Generator]:
    """Return the random generators of a model, independent of each other."""
    streams = np.random.SeedSequence(seed_number(seed)).spawn(3)
    init, shuffle, dropout = map(np.random.default_rng, streams)
    return {"init": init, "shuffle": shuffle, "dropout": dropout}
