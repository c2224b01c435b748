"""LeNet-5: tanh, average pooling, and SGD with momentum and clipped gradients; layers by name and their weights."""

import numpy as np
from keras.datasets import fashion_mnist
from keras.layers import AveragePooling2D, Conv2D, Dense, Flatten, Input, ZeroPadding2D
from keras.models import Sequential
from keras.optimizers import SGD

class_names = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
(train_images, train_labels), (test_images, test_labels) = fashion_mnist.load_data()
train_images = train_images[..., np.newaxis] / 255.0
test_images = test_images[..., np.newaxis] / 255.0

model = Sequential(
    [
        Input((28, 28, 1)),
        ZeroPadding2D(2),
        Conv2D(6, 5, activation="tanh", name="c1"),
        AveragePooling2D(2),
        Conv2D(16, 5, activation="tanh", name="c3"),
        AveragePooling2D(2),
        Flatten(),
        Dense(120, activation="tanh", name="c5"),
        Dense(84, activation="tanh", name="f6"),
        Dense(10, activation="softmax", name="output"),
    ],
    name="lenet5",
)
model.compile(
    optimizer=SGD(learning_rate=0.05, momentum=0.9, clipnorm=1.0),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train_images, train_labels, epochs=3, batch_size=32, validation_split=0.2)
kernel, bias = model.get_layer("c1").get_weights()
assert kernel.shape == (5, 5, 1, 6)
assert [layer.name for layer in model.layers if layer.count_params()] == ["c1", "c3", "c5", "f6", "output"]
predictions = model.predict(test_images)
print(class_names[np.argmax(predictions[0])], class_names[test_labels[0]])
loss, accuracy = model.evaluate(test_images, test_labels)
