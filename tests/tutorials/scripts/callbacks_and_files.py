"""Checkpoints of weights and models, early stopping, a log, a callback of its own, and models that are loaded again."""

import os

import keras
import numpy as np
from keras.callbacks import Callback, CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau

(train_images, train_labels), (test_images, test_labels) = keras.datasets.mnist.load_data()
train_images = train_images[:1000].reshape(-1, 28 * 28) / 255.0
test_images, test_labels = test_images[:500].reshape(-1, 28 * 28) / 255.0, test_labels[:500]
train_labels = train_labels[:1000]


def create_model():
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    return model


class LossHistory(Callback):
    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])


model = create_model()
losses = LossHistory()
os.makedirs("training", exist_ok=True)
model.fit(
    train_images,
    train_labels,
    epochs=6,
    validation_data=(test_images, test_labels),
    verbose=2,
    callbacks=[
        ModelCheckpoint("training/cp-{epoch:04d}.weights.h5", save_weights_only=True, verbose=1),
        ModelCheckpoint("training/best.keras", monitor="val_accuracy", mode="max", save_best_only=True),
        EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True),
        ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=2, min_lr=1e-5),
        CSVLogger("training/log.csv"),
        losses,
    ],
)
assert len(losses.losses) % 32 == 0
loss, accuracy = model.evaluate(test_images, test_labels, verbose=0)

model.save("digits.keras")
loaded = keras.models.load_model("digits.keras")
np.testing.assert_allclose(loaded.predict(test_images, verbose=0), model.predict(test_images, verbose=0), atol=1e-5)

model.save_weights("digits.weights.h5")
other = create_model()
other.load_weights("digits.weights.h5")
assert other.evaluate(test_images, test_labels, verbose=0)[1] == accuracy

copy = keras.Sequential.from_config(model.get_config())
copy.set_weights(model.get_weights())
np.testing.assert_allclose(copy.predict(test_images, verbose=0), model.predict(test_images, verbose=0), atol=1e-5)
