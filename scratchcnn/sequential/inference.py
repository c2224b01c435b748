"""InferringModel: evaluate, predict and calls, none of which change the parameters; the fifth part of `Sequential`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scratchcnn.arguments import boolean
from scratchcnn.callbacks import Callback
from scratchcnn.callbacks.callback_list import CallbackList
from scratchcnn.layers.calling import expect_array
from scratchcnn.operands import Array
from scratchcnn.sequential.stored import StoredModel
from scratchcnn.training import arguments, inference
from scratchcnn.training.arguments import DataArguments
from scratchcnn.training.data import as_input, check_images, check_samples
from scratchcnn.training.inference import Result
from scratchcnn.training.progress import resolve
from scratchcnn.training.step import forward


class InferringModel(StoredModel, methods=True):
    """A model that computes outputs, losses and metrics."""

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

        Then dropout is active, and BatchNormalization uses the statistics of the batch. The parameters do not change. A
        model whose shapes are not known yet is built for x first.

        Raises
        ------
        ValueError, TypeError
            x does not fit, or is no array.

        Examples
        --------
        >>> from scratchcnn import Sequential
        >>> from scratchcnn.layers import Dense
        >>> Sequential([Dense(3, input_shape=(4,))])(np.zeros((1, 4)))
        array([[0., 0., 0.]], dtype=float32)
        """
        expect_array(f"model {self.label}", x)
        training = boolean("training", training)
        is_new = bool(self._parts) and self._output_shape is None
        shape = np.asarray(x).shape[1:] if is_new else self.expect_built("a call")
        images = as_input(check_images(x, shape, self.dtype), self.dtype)
        if is_new:
            self.build((None, *shape))
        if not training:
            return inference.predict_batch(self.plan, images)
        return forward(self.plan, images, True, self._generators["dropout"])[0]

    def predict_on_batch(self, x: object) -> Array:
        """Return the outputs for one batch of images, without dropout; errors as for `predict`."""
        return self(x)

    def test_on_batch(self, x: object, y: object, sample_weight: object = None, return_dict: bool = False) -> Result:
        """Return loss and metrics of one batch, without dropout; arguments and errors as for `evaluate`."""
        fitting, return_dict = self._fitting("test_on_batch"), boolean("return_dict", return_dict)
        samples = check_samples(x, y, fitting, sample_weight=sample_weight)
        trainer = self.trainer
        values = inference.evaluate_batch(trainer, samples, inference.RunningMeans(trainer), [])
        return inference.as_keras(values, return_dict)
