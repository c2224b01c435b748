"""Saving and loading of models: scratchcnn's own .npz, Keras's .keras, .h5 and .weights.h5, and ONNX.

`files` selects the format by the suffix of the file name. The formats are `npz`, `keras_archive`, `keras_model_h5`,
`keras_hdf5` and `onnx_graph`. Keras's formats share `keras_config` (with `keras_chain` and `keras_names`),
`keras_legacy_hdf5` and `keras_optimizer`. `structure`, `parameters`, `training_state` and `objects` convert the parts
of a model to plain data and back. `atomic` writes files, `archive` and `hdf5` read them.
"""

from scratchcnn.storage.errors import StorageError

__all__ = ["StorageError"]
