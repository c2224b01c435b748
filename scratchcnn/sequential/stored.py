"""StoredModel: a model as text and in files; the fourth part of `Sequential`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Self, cast

from scratchcnn.arguments import boolean
from scratchcnn.atomic import FilePath
from scratchcnn.configs import Config
from scratchcnn.descriptions.words import plural
from scratchcnn.display.blocks import html_of
from scratchcnn.sequential.compiled import CompiledModel
from scratchcnn.sequential.summary import summary_blocks, summary_lines
from scratchcnn.storage import files, keras_config, structure
from scratchcnn.storage.errors import StorageError, shortened
from scratchcnn.storage.objects import CustomObjects
from scratchcnn.training.model import AnyModel

MAX_PARAMETER_BYTES = 1 << 31  # of a model that is made from its configuration: a short one may ask for any size


class StoredModel(CompiledModel, methods=True):
    """A model that is printed, written to files and read from them."""

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
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
        expand_nested : bool, default False
            Whether the layers of inner models are shown, below the row of each.

        Raises
        ------
        ValueError
            The shapes are not known yet, or positions are not three increasing numbers.
        """
        self.expect_built("summary")
        for line in summary_lines(self, line_length, positions, boolean("expand_nested", expand_nested)):
            (print_fn or print)(line)

    def __repr__(self) -> str:
        shapes = f", {self.input_shape} to {self.output_shape}" if self.output_shape else ", not built"
        return f"<{self.label}, {plural(len(self.layers), 'layer')}{shapes}>"

    def _repr_html_(self) -> str:
        """Return what a notebook displays: the table of `summary`."""
        return html_of(summary_blocks(self))

    def get_config(self) -> Config:
        """Return the layers as plain data in Keras's form, without parameters; `from_config` reads it, here and there.

        Raises
        ------
        StorageError (a ValueError)
            The shapes are not known yet, or Keras does not have a layer or option.

        Examples
        --------
        >>> from scratchcnn import Sequential
        >>> from scratchcnn.layers import Dense
        >>> config = Sequential([Dense(3, input_shape=(4,))]).get_config()
        >>> Sequential.from_config(config).output_shape
        (None, 3)
        """
        config: Config = keras_config.to_keras(self)["config"]
        return config

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> Self:
        """Create a model with new parameters from what `get_config` returned, of this package or of Keras.

        Raises
        ------
        StorageError (a ValueError)
            Not the config of a Sequential, or a layer or option that this package does not have.
        """
        return from_description(cls, {"class_name": "Sequential", "config": config}, custom_objects)

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


def from_description(
    model_class: type[AnyModel], description: object, custom_objects: CustomObjects | None
) -> AnyModel:
    """Create a model from its class name and config in the form of Keras; StorageError if that is not possible."""
    try:
        converted = keras_config.from_keras(cast(Config, description))
        return structure.create_model(model_class, converted, custom_objects or {}, MAX_PARAMETER_BYTES)
    except StorageError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise StorageError(
            f"Expected the configuration of a Sequential, as returned by get_config or to_json, received "
            f"{shortened(description)} ({type(error).__name__}: {error})."
        ) from error
