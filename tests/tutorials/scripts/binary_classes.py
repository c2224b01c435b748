"""One output with a sigmoid, binary cross-entropy and RMSprop by name; the best epoch from the history."""

import numpy as np
from keras import layers, models
from keras.datasets import mnist

(train_images, train_labels), (test_images, test_labels) = mnist.load_data()
x_train = train_images.reshape((len(train_images), 28 * 28)).astype("float32") / 255
x_test = test_images.reshape((len(test_images), 28 * 28)).astype("float32") / 255
y_train = np.asarray(train_labels == 5).astype("float32")
y_test = np.asarray(test_labels == 5).astype("float32")

x_val, partial_x_train = x_train[:1000], x_train[1000:]
y_val, partial_y_train = y_train[:1000], y_train[1000:]

model = models.Sequential()
model.add(layers.Dense(16, activation="relu", input_shape=(784,)))
model.add(layers.Dense(16, activation="relu"))
model.add(layers.Dense(1, activation="sigmoid"))
model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(
    partial_x_train, partial_y_train, epochs=8, batch_size=64, validation_data=(x_val, y_val), verbose=0
)
assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
best_epoch = int(np.argmin(history.history["val_loss"])) + 1
results = model.evaluate(x_test, y_test, verbose=0)
print(best_epoch, results)
accuracy = results[1]
assert model.predict(x_test[:3], verbose=0).shape == (3, 1)
