"""A server whose child processes resume training from a checkpoint, for a test to kill. Each input line starts one.

The server imports the package once and forks, so a killed child costs milliseconds. A line is JSON: path, engine,
save_freq, epochs, and 'event', the number of the event at which the child kills itself, or 0 for never. Events are the
times before and after each call of fsync and replace, and the start and end of each batch and epoch.
"""

import json
import os
import signal
import sys

from networks import small_data, small_model

from scratchcnn import load_model
from scratchcnn.callbacks import Callback, EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau
from scratchcnn.optimizers import SGD


class Killer(Callback):
    def __init__(self, event):
        super().__init__()
        self.remaining = event
        for name in ("fsync", "replace"):
            setattr(os, name, self.counted(getattr(os, name)))

    def counted(self, function):
        def called(*arguments):
            self.count()
            result = function(*arguments)
            self.count()
            return result

        return called

    def count(self, *_):
        self.remaining -= 1
        if self.remaining == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    on_train_batch_begin = on_train_batch_end = on_epoch_begin = on_epoch_end = count


def train(path, engine, save_freq, epochs, event):
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
        Killer(event),
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
            train(**json.loads(line))
            os._exit(0)
        print(process, flush=True)
        status = os.waitpid(process, 0)[1]
        print({0: "done", signal.SIGKILL: "dead"}.get(status, f"failed with status {status}"), flush=True)
