"""Callbacks: objects whose methods `fit` calls during training. Names, arguments and behavior follow Keras.

`LiveView`, which shows the training in a browser, is not one of Keras's callbacks.

Pass them as fit(..., callbacks=[EarlyStopping(patience=3), ModelCheckpoint('model.npz')]). To write your own, subclass
`Callback`.
"""

from typing import TYPE_CHECKING

from scratchcnn.callbacks.base import Callback, LambdaCallback
from scratchcnn.callbacks.checkpoint import ModelCheckpoint
from scratchcnn.callbacks.csv_logger import CSVLogger
from scratchcnn.callbacks.early_stopping import EarlyStopping
from scratchcnn.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from scratchcnn.callbacks.live_view import LiveView
from scratchcnn.callbacks.terminate_on_nan import TerminateOnNaN
from scratchcnn.names import names_of_module

__all__ = [
    "CSVLogger", "Callback", "EarlyStopping", "LambdaCallback", "LearningRateScheduler", "LiveView",
    "ModelCheckpoint", "ReduceLROnPlateau", "TerminateOnNaN",
]  # fmt: skip

if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
