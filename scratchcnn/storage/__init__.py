"""Models in files: scratchcnn's own .npz, Keras's .keras and .weights.h5, and ONNX.

`files` picks the format; `npz`, `keras_archive`, `keras_hdf5` and `onnx_graph` are the formats; `structure`,
`parameters`, `training_state` and `objects` take a model apart and put it together; `atomic` writes, `archive` reads.
"""

from scratchcnn.storage.errors import StorageError

__all__ = ["StorageError"]
