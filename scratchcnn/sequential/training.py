"""TrainableModel: fit, and single training steps; the sixth part of `Sequential`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from scratchcnn.arguments import boolean, positive_integer, whole_number
from scratchcnn.callbacks import Callback
from scratchcnn.callbacks.callback_list import CallbackList
from scratchcnn.kernels.runtime.dry_run import compiled_together
from scratchcnn.operands import Array
from scratchcnn.sequential.inference import InferringModel
from scratchcnn.training import History, arguments, inference
from scratchcnn.training.arguments import DataArguments
from scratchcnn.training.data import Fitting, check_samples
from scratchcnn.training.dry_run import dry_run_of_step
from scratchcnn.training.inference import Result
from scratchcnn.training.loop import Training
from scratchcnn.training.progress import resolve
from scratchcnn.training.sources import weighed
from scratchcnn.training.step import loss_and_gradients, train_step
from scratchcnn.training.weights import check_class_weight


class TrainableModel(InferringModel, methods=True):
    """A model that is trained."""

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
        shown, called = resolve(verbose), CallbackList(callbacks)
        frequency = arguments.checked_frequency(validation_freq)
        x = arguments.opened(x, y, steps_per_epoch)
        if not self._parts:
            self.expect_built("fit")
        shape = self._input_shape or arguments.first_shape(x)[1:]
        given = DataArguments(x, y, batch_size, validation_split, validation_data, shuffle, class_weight, sample_weight,
                              steps_per_epoch, validation_steps, validation_batch_size)  # fmt: skip
        data, validation = arguments.sources(given, Fitting(shape, self._output_for(shape), self.dtype, loss))
        if self._output_shape is None:
            self.build((None, *shape))
        return Training(self, data, validation, frequency, shown).fit(initial_epoch, epochs, called)

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
        with compiled_together(dry_run_of_step(trainer, x)):
            of_samples, predictions = train_step(trainer, x, targets, samples.weights)
        values = inference.RunningMeans(trainer).add(of_samples, targets, predictions)
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
