"""StoredModel: a model as text and in files; the third part of `Sequential`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from scratchcnn.sequential.compiled import CompiledModel
from scratchcnn.sequential.summary import summary_lines
from scratchcnn.storage import files, keras_config
from scratchcnn.storage.atomic import FilePath


class StoredModel(CompiledModel, methods=True):
    """A model that is printed, written to files and read from them."""

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
