"""A server whose child processes resume training from a checkpoint, for a test to kill. Each input line starts one.

The server imports the package once and forks, so a killed child costs milliseconds. A line is JSON: path, engine,
save_freq, epochs, and the arguments of `CountedEvents`. Events are the times before and after each call of fsync and
replace, and the start and end of each batch and epoch. The child prints its process number first.
"""

import json
import os
import signal
import sys

from counted_events import CountedEvents
from networks import small_data, small_model

from scratchcnn import load_model
from scratchcnn.callbacks import Callback, EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau
from scratchcnn.optimizers import SGD


class Batches(Callback):
    """Counts the start and end of each batch and epoch as events, too."""

    def __init__(self, events):
        super().__init__()
        self.count = events.count

    def on_train_batch_begin(self, *_):
        self.count()

    on_train_batch_end = on_epoch_begin = on_epoch_end = on_train_batch_begin


def train(path, engine, save_freq, epochs, fatal=0, reported=False):
    if os.path.exists(path):
        model = load_model(path)
    else:
        model = small_model(seed=3, engine=engine)
        model.compile(SGD(0.05, momentum=0.9), metrics=["accuracy"])
    callbacks = [
        ModelCheckpoint(path, save_freq=save_freq),  # called last, although it is listed first
        LearningRateScheduler(lambda epoch, rate: rate * 0.99),
        ReduceLROnPlateau("val_loss", factor=0.9, patience=2, cooldown=1),
        EarlyStopping("val_loss", patience=epochs),
        Batches(CountedEvents(fatal, reported)),
    ]
    completed = model.history.epoch if model.history else []
    x, y = small_data()
    model.fit(
        x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks, initial_epoch=len(completed),
        validation_split=0.2, class_weight={1: 2.0},
    )  # fmt: skip
    model.save(f"{path}.end.npz")


if __name__ == "__main__":
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            print(os.getpid(), flush=True)
            train(**json.loads(line))
            os._exit(0)
        status = os.waitpid(process, 0)[1]
        print({0: "done", signal.SIGKILL: "dead"}.get(status, f"failed with status {status}"), flush=True)
