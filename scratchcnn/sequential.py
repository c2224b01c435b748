"""Sequential: a model as a row of layers, each taking what the one before it gave."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import numpy as np

from scratchcnn import losses, metrics, optimizers
from scratchcnn.arguments import image_shape, positive_integer, seed_number, whole_number
from scratchcnn.callbacks import Callback
from scratchcnn.callbacks.listing import CallbackList
from scratchcnn.layers import Input, Layer
from scratchcnn.names import look_up
from scratchcnn.operands import Array, Shape
from scratchcnn.operations import engine as operations_of
from scratchcnn.storage import files
from scratchcnn.storage.atomic import FilePath
from scratchcnn.summary import summary_lines
from scratchcnn.training import History, arguments, inference, parameters
from scratchcnn.training.arguments import Asked
from scratchcnn.training.data import Fitting, Samples, as_input, batches, check_images, check_samples
from scratchcnn.training.loop import Training
from scratchcnn.training.position import Position
from scratchcnn.training.progress import Progress, resolve
from scratchcnn.training.step import Trainer, loss_and_gradients, on_logits, train_step


class Sequential:
    """A row of layers.

    Parameters
    ----------
    layers : sequence of Layer or Input, optional
        As if each were given to `add`.
    engine : {'kernels', 'reference'}
        What computes: the compiled kernels, or the readable formulas, with the same results up to rounding.
    dtype : {'float32', 'float64'}
        Of parameters and of everything computed: float32 to train, float64 to check gradients.
    seed : int or None
        Fixes the initial parameters, the order of the samples and the dropped units. None: different every time.

    Attributes
    ----------
    name : str
        'sequential'.
    layers : list of Layer
    input_shape, output_shape : tuple
        With None for the batch; None before the model's shape is known.
    history : History or None
        Of the last `fit`, epoch by epoch while it trains.
    stop_training : bool
        A callback that sets it to True ends training.

    Raises
    ------
    ValueError
        Unknown engine or dtype, or a layer that does not fit the one before it.

    Examples
    --------
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(3, input_shape=(4,))], seed=0)
    >>> model.predict(np.zeros((2, 4)))
    array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """

    name = "sequential"

    def __init__(
        self,
        layers: Sequence[Layer | Input] | None = None,
        *,
        engine: str = "kernels",
        dtype: str = "float32",
        seed: int | None = None,
    ) -> None:
        self.engine = engine
        self.dtype = look_up("dtype", dtype, {name: np.dtype(name) for name in ("float32", "float64")})
        self.layers: list[Layer] = []
        self._ops = operations_of(engine)
        streams = np.random.SeedSequence(seed_number(seed)).spawn(3)
        self._init_rng, self._shuffle_rng, self._dropout_rng = map(np.random.default_rng, streams)
        self._input_shape: Shape | None = None  # of one sample
        self._compiled: tuple[losses.Loss, optimizers.Optimizer, list[metrics.Metric]] | None = None
        self._trainer: Trainer | None = None
        self._position: Position | None = None  # in an epoch that is not done
        self.history: History | None = None
        self.stop_training = False
        for layer in layers or ():
            self.add(layer)

    # The row of layers

    def add(self, layer: Layer | Input) -> None:
        """Put a layer at the end. If the shape of its input is known, its parameters are made at once.

        Raises
        ------
        TypeError
            Not a layer.
        ValueError
            The layer cannot take what the one before it gives, is part of a model already, or bears the name of
            another. The model is unchanged.
        """
        if isinstance(layer, Input):
            if self.layers or self._input_shape is not None:
                raise ValueError(f"Expected Input first and once, received it after {len(self.layers)} layers.")
            self._input_shape = layer.shape
            return
        if not isinstance(layer, Layer):
            raise TypeError(f"Expected a layer, as Dense(10), received {layer!r}.")
        if layer.output_shape is not None or any(layer is other for other in self.layers):
            raise ValueError(
                f"Layer {layer.label} is part of a model already, and holds its parameters; make a new layer object."
            )
        input_shape = self._shape_after_last() if self.layers else self._input_shape or layer.input_shape
        name = layer.name or self._free_name(layer.default_name)
        if any(name == other.name for other in self.layers):
            raise ValueError(f"Expected a name of its own for every layer, received {name!r} twice.")
        if input_shape is not None:
            layer.build(input_shape, self._init_rng, self.dtype)
        layer.name = name
        self.layers.append(layer)
        self._input_shape = self._input_shape or (input_shape if len(self.layers) == 1 else None)
        self._trainer = None

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the parameters of all layers for batches of `input_shape`, (None, 28, 28, 1).

        Raises
        ------
        ValueError
            A layer cannot take what the one before it gives, or the model was built for another shape.
        """
        shape = image_shape("input_shape after the batch axis", tuple(input_shape)[1:])
        if self._input_shape not in (None, shape):
            raise ValueError(f"Expected batches of shape {self.input_shape}, for which the model is built, "
                             f"received {tuple(input_shape)}; make a new model.")  # fmt: skip
        following = shape
        for layer in self.layers:  # find out first whether all fit, so that an error leaves nothing half built
            following = layer.compute_output_shape(following)
        following = shape
        for layer in self.layers:
            following = layer.output_shape or layer.build(following, self._init_rng, self.dtype)
        self._input_shape = shape

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        """Shape of a batch of inputs, with None for its length; None before it is known."""
        return None if self._input_shape is None else (None, *self._input_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        """Shape of a batch of outputs, with None for its length; None before it is known."""
        shape = self._shape_after_last() if self.layers else self._input_shape
        return None if shape is None else (None, *shape)

    def _shape_after_last(self) -> Shape | None:
        return self.layers[-1].output_shape

    def _free_name(self, name: str) -> str:
        taken = {layer.name for layer in self.layers}
        numbered = (f"{name}_{number}" if number else name for number in range(len(taken) + 1))
        return next(candidate for candidate in numbered if candidate not in taken)

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], object] | None = None,
    ) -> None:
        """Print the layers, their output shapes and parameters as a table.

        Parameters
        ----------
        line_length : int, optional
            Characters in a line; default 65, or more where a name needs it.
        positions : sequence of three numbers, optional
            Where each column ends, in characters or as shares of the line; default [0.45, 0.85, 1.0].
        print_fn : callable, optional
            Called with every line instead of `print`.

        Raises
        ------
        ValueError
            The shapes are not known yet, or positions are not three rising numbers.
        """
        self._expect_built("summary")
        for line in summary_lines(self.name, self.layers, line_length, positions):
            (print_fn or print)(line)

    # Parameters

    def get_weights(self) -> list[Array]:
        """Copies of all parameters, in Keras's order and layout: kernel, bias, kernel, bias, ...

        Raises
        ------
        ValueError
            The shapes are not known yet.
        """
        self._expect_built("get_weights")
        return [array.copy() for layer in self.layers for array in layer.params.values()]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Set all parameters; the counterpart of `get_weights`.

        Raises
        ------
        ValueError
            Another number of arrays, or one of another shape. Nothing is changed.
        """
        self._expect_built("set_weights")
        parameters.put(self.layers, weights)

    # Training

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "adam",
        loss: str | losses.Loss = "sparse_categorical_crossentropy",
        metrics: Sequence[str | metrics.Metric] | None = None,
    ) -> None:
        """Choose how to train; forgets what an optimizer remembered.

        Parameters
        ----------
        optimizer : str or Optimizer
            'adam', 'sgd', or an object with settings of its own.
        loss : str or Loss
            'sparse_categorical_crossentropy' for class numbers, 'categorical_crossentropy' for one-hot rows, or an
            object, as SparseCategoricalCrossentropy(from_logits=True).
        metrics : sequence of str or Metric, optional
            'accuracy', or an object.

        Raises
        ------
        ValueError
            There is none of that name. What was compiled before stays.
        """
        chosen = [_get_metric(metric) for metric in metrics or ()]
        self._compiled = losses.get(loss), optimizers.get(optimizer), chosen
        self._trainer = self._position = None

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """What `compile` chose; its `learning_rate` may be set. RuntimeError before."""
        return self._expect_compiled("its optimizer")[1]

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
            Batches are what a generator or anything else that can be iterated over gives, without y: (x, y) or
            (x, y, sample_weight). If they end before steps_per_epoch, a warning says so, and training ends.
        y : (N,) integers, or (N, classes) rows for categorical_crossentropy
        batch_size : int, default 32
        epochs : int
            Passes over the data, each in a new random order; those before initial_epoch counted.
        verbose : {'auto', 0, 1, 2}
            1: a bar with the time left; 2: a line an epoch; 0: silent; 'auto': 1 on a terminal, else 2. The seconds are
            those of the whole epoch; the time of a step is that of training alone, without validation.
        callbacks : Callback or sequence of Callback, optional
            See `scratchcnn.callbacks`.
        validation_split : float, default 0
            Share of the samples, the last ones, that is not trained on but validated on.
        validation_data : (x, y), (x, y, sample_weight), or batches; optional
            Looked at after each epoch; comes before validation_split.
        shuffle : bool, default True
            False: every epoch takes the samples in order.
        class_weight : dict of int to float, optional
            How much a sample of each class counts in the loss; 1 for the others.
        sample_weight : (N,), optional
            How much each sample counts: the loss is the sum of weight * loss, divided by N. Metrics have no weights.
        initial_epoch : int, default 0
            Number of the first epoch. A history that ends right before it goes on; an epoch goes on in whose middle the
            model was saved to a file that it was loaded from. See `scratchcnn.callbacks.ModelCheckpoint`.
        steps_per_epoch, validation_steps : int, optional
            So many batches, rather than all.

        Returns
        -------
        History
            Loss and metrics of each epoch: means over the epoch while the model learns, dropout on; 'val_' those of the
            validation data after it, dropout off. Also `model.history`, from the first step on.

        Raises
        ------
        RuntimeError
            `compile` was not called.
        ValueError, TypeError
            Data or arguments do not fit, before anything is changed; but batches are looked at as they come.
        FloatingPointError
            The loss became NaN or infinite; the message names the first layer at fault.
        KeyboardInterrupt
            After Ctrl-C, at the end of the step. As after any error, the model is what it was after its last step,
            `history` has the epochs that are done, and both can be saved and gone on with.
        """
        loss = self._expect_compiled("fit")[0]
        epochs, initial_epoch = positive_integer("epochs", epochs), whole_number("initial_epoch", initial_epoch)
        shown, called = resolve(verbose), CallbackList(callbacks)
        x = arguments.opened(x, y, steps_per_epoch)
        if not self.layers:
            self._expect_built("fit")
        input_shape, output_shape = inference.shapes(self.layers, self._input_shape or arguments.first_shape(x)[1:])
        asked = Asked(x, y, batch_size, validation_split, validation_data, shuffle, class_weight, sample_weight,
                      steps_per_epoch, validation_steps)  # fmt: skip
        data, validation = arguments.sources(
            asked, Fitting(input_shape, arguments.classes_of(output_shape), self.dtype, loss)
        )
        if self._input_shape is None or self._shape_after_last() is None:
            self.build((None, *input_shape))
        return Training(self, self._ready_trainer(), data, validation, shown).fit(initial_epoch, epochs, called)

    def evaluate(
        self,
        x: object,
        y: object,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: object = None,
    ) -> float | list[float]:
        """Loss and metrics over images and labels, dropout off, as a mean over the samples.

        Parameters
        ----------
        x, y, verbose, sample_weight
            As for `fit`.
        batch_size : int, default 32
            How many images at once; the result does not depend on it.

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
            values = inference.evaluate(self._ready_trainer(), data, progress)
            progress.end(values)
        return inference.as_keras(values)

    def predict(self, x: object, batch_size: int | None = None, verbose: str | int = 0) -> Array:
        """Outputs for images, dropout off.

        Parameters
        ----------
        x : (N, *input_shape), integers or floats
        batch_size : int, default 32
            How many images at once; the result does not depend on it.
        verbose : {'auto', 0, 1, 2}, default 0

        Returns
        -------
        (N, *output_shape), the model's dtype

        Raises
        ------
        ValueError, TypeError
            The shapes are not known yet, or x does not fit.
        """
        images = check_images(x, self._expect_built("predict"), self.dtype)
        batch_size = arguments.checked_batch_size(batch_size)
        with closing(Progress(math.ceil(len(images) / batch_size), resolve(verbose))) as progress:
            y = inference.predict(self.layers, images, self._ops, self.dtype, batch_size, progress)
            progress.end({})
        return y

    def train_on_batch(self, x: object, y: object) -> float | list[float]:
        """One step of learning from one batch.

        Returns
        -------
        [loss, metric, ...] of this batch before the step, dropout on, or the loss alone without metrics

        Raises
        ------
        RuntimeError
            `compile` was not called.
        ValueError, TypeError
            The shapes are not known yet, or the data do not fit.
        FloatingPointError
            The loss is not finite. No parameter has changed.
        """
        samples, trainer = self._samples("train_on_batch", x, y), self._ready_trainer()
        targets = trainer.loss.encode(samples.y, trainer.classes, self.dtype)
        of_samples, probabilities = train_step(trainer, as_input(samples.x, self.dtype), targets)
        return inference.as_keras(inference.RunningMeans(trainer).add(of_samples, targets, probabilities))

    def loss_and_gradients(self, x: object, y: object, training: bool = False) -> tuple[float, list[Array]]:
        """The mean loss of one batch, and its gradient by every parameter, in the order of `get_weights`.

        Parameters
        ----------
        x, y : one batch, as for `fit`
        training : bool
            Whether dropout drops.

        Raises
        ------
        RuntimeError
            `compile` was not called.
        ValueError, TypeError
            The shapes are not known yet, or the data do not fit.
        """
        samples, trainer = self._samples("loss_and_gradients", x, y), self._ready_trainer()
        targets = trainer.loss.encode(samples.y, trainer.classes, self.dtype)
        return loss_and_gradients(trainer, as_input(samples.x, self.dtype), targets, training)

    # Files

    def save(self, path: FilePath) -> None:
        """Write the model to a file: .npz holds all that training needs to go on to the bit; .keras is for Keras.

        Raises
        ------
        StorageError (a ValueError), OSError
            A part has no config, as a function; or the system cannot write. What was there before is unchanged.
        """
        files.save(self, path)

    def save_weights(self, path: FilePath) -> None:
        """Write the parameters alone, to .npz or Keras's .weights.h5; errors as for `save`."""
        files.save_weights(self, path)

    def load_weights(self, path: FilePath) -> None:
        """Set the parameters to those of a file of `save`, `save_weights`, or Keras; if any does not fit, set none.

        Raises
        ------
        StorageError (a ValueError), OSError
            The file is damaged or another; or a layer, which is named, does not fit. The model is unchanged.
        """
        files.load_weights(self, path)

    def export(self, path: FilePath) -> None:
        """Write what `predict` computes to an .onnx file, in float32; errors as for `save`."""
        files.export(self, path)

    # What must be known first

    def _samples(self, what: str, x: object, y: object, sample_weight: object = None) -> Samples:
        loss = self._expect_compiled(what)[0]
        fitting = Fitting(
            self._expect_built(what), arguments.classes_of(self._shape_after_last() or ()), self.dtype, loss
        )
        return check_samples(x, y, fitting, sample_weight=sample_weight)

    def _ready_trainer(self) -> Trainer:
        """What training needs, gathered once; its optimizer state lives as long as the model stays as compiled."""
        if self._trainer is None:
            loss, optimizer, chosen = self._expect_compiled("training")
            layers, loss = on_logits(self.layers, loss)
            parameters = [array for layer in layers for array in layer.params.values()]
            self._trainer = Trainer(
                layers, loss, chosen, optimizer, optimizer.start(parameters), self._ops, self.dtype,
                self._shuffle_rng, self._dropout_rng,
            )  # fmt: skip
        return self._trainer

    def _expect_compiled(self, what: str) -> tuple[losses.Loss, optimizers.Optimizer, list[metrics.Metric]]:
        if self._compiled is None:
            raise RuntimeError(
                f"Expected a compiled model for {what}: call model.compile(loss='sparse_categorical_crossentropy', "
                f"optimizer='adam', metrics=['accuracy']) first."
            )
        return self._compiled

    def _expect_built(self, what: str) -> Shape:
        """Shape of one sample, if the model has layers and knows it."""
        if not self.layers or self._input_shape is None or self._shape_after_last() is None:
            missing = "has no layers yet: add some" if not self.layers else (
                "does not know the shape of its input: give input_shape to its first layer, or call "
                "model.build((None, 28, 28, 1)) or fit"
            )  # fmt: skip
            raise ValueError(f"Expected a model of known shape for {what}; this one {missing}.")
        return self._input_shape


_get_metric = metrics.get
