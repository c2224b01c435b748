"""Networks of several sizes, with L2 regularization and dropout, a learning-rate schedule and early stopping."""

import keras
from keras import layers, regularizers

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, y_train = x_train[:1000].reshape(-1, 784) / 255.0, y_train[:1000]
x_test = x_test.reshape(-1, 784) / 255.0
batch_size, steps_per_epoch = 100, 10

schedule = keras.optimizers.schedules.InverseTimeDecay(
    0.001, decay_steps=steps_per_epoch * 10, decay_rate=1, staircase=False
)


def compile_and_fit(model, name, max_epochs=8):
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model.fit(
        x_train,
        y_train,
        batch_size=batch_size,
        epochs=max_epochs,
        validation_data=(x_test, y_test),
        verbose=0,
        callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", patience=20)],
    )


tiny = keras.Sequential([layers.Input((784,)), layers.Dense(16, activation="elu"), layers.Dense(10)])
large = keras.Sequential(
    [
        layers.Input((784,)),
        layers.Dense(256, activation="elu", kernel_regularizer=regularizers.l2(0.0001)),
        layers.Dropout(0.5),
        layers.Dense(256, activation="elu", kernel_regularizer=regularizers.L2(0.0001)),
        layers.Dropout(0.5),
        layers.Dense(10),
    ]
)
histories = {name: compile_and_fit(model, name) for name, model in {"tiny": tiny, "large": large}.items()}
for name, history in histories.items():
    print(name, history.history["val_loss"][-1], history.history["val_accuracy"][-1])
logits = large.predict(x_test, verbose=0)
without_penalty = float(keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y_test, logits))
assert 0 < without_penalty < histories["large"].history["val_loss"][-1]
accuracy = histories["large"].history["val_accuracy"][-1]
