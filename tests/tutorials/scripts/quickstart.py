"""A dense network on MNIST that returns logits, a loss object, and a model with probabilities around it."""

import keras
import numpy as np

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0

model = keras.models.Sequential(
    [
        keras.layers.Input(shape=(28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10),
    ]
)
logits = np.asarray(model(x_train[:1]))
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
print("Loss before training:", float(loss_of(y_train[:1], logits)))

model.compile(optimizer="adam", loss=loss_of, metrics=["accuracy"])
model.fit(x_train, y_train, epochs=3)
loss, accuracy = model.evaluate(x_test, y_test, verbose=2)

probability_model = keras.Sequential([model, keras.layers.Softmax()])
probabilities = np.asarray(probability_model(x_test[:5]))
print(probabilities.argmax(axis=1), y_test[:5])
