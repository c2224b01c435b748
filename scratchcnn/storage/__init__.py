"""Saving and loading of models: scratchcnn's own .npz, Keras's .keras and .weights.h5, and ONNX.

`files` selects the format by the suffix of the file name. The formats are `npz`, `keras_archive` (with `keras_config`
and `keras_hdf5`) and `onnx_graph`. `structure`, `parameters`, `training_state` and `objects` convert the parts of a
model to plain data and back. `atomic` writes files, `archive` reads them.
"""

from scratchcnn.storage.errors import StorageError

__all__ = ["StorageError"]
