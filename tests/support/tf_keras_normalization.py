"""Write models with BatchNormalization with Keras 2 (tf_keras): python tests/support/tf_keras_normalization.py FOLDER.

`tests/keras/test_normalization_of_keras_2.py` loads them. The files in `tests/keras/keras_2_normalization` were written
by this script, so that the test does not need TensorFlow; if tf_keras is installed, the test also runs the script.
"""

import sys
from pathlib import Path

import numpy as np
import tf_keras as keras
from tf_keras import layers

SHAPE = (7, 8, 1)


def chain():
    """The layers; without tanh, the next normalization would remove the effect of the first one."""
    return [
        layers.BatchNormalization(axis=3),
        layers.Activation("tanh"),
        layers.Conv2D(3, 3, use_bias=False),
        layers.BatchNormalization(momentum=0.9, epsilon=0.01),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(6, use_bias=False),
        layers.BatchNormalization(scale=False, momentum=0.9, name="norm"),
        layers.Dense(3, activation="softmax"),
    ]


def sequential():
    return keras.Sequential([layers.Input(SHAPE), *chain()])


def functional():
    x = inputs = layers.Input(SHAPE)
    for layer in chain():
        x = layer(x)
    return keras.Model(inputs, x)


def write(folder):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((16, *SHAPE)).astype(np.float32), rng.integers(0, 3, 16)
    expected = {"x": x, "y": y}
    for name, make, optimizer in (
        ("sequential.h5", sequential, keras.optimizers.Adam(0.01)),
        ("sequential.keras", sequential, keras.optimizers.SGD(0.05, momentum=0.5)),
        ("functional.h5", functional, keras.optimizers.SGD(0.05)),
        ("functional.keras", functional, keras.optimizers.Adam(0.01)),
    ):
        model = make()
        model.compile(optimizer, "sparse_categorical_crossentropy")
        for _ in range(6):
            model.train_on_batch(x[:8], y[:8])
        model.save(folder / name)
        if name == "sequential.h5":
            model.save_weights(folder / "weights.h5")
            model.save_weights(folder / "new.weights.h5")
        expected[f"{name}/predictions"] = model.predict(x, verbose=0)
        model.train_on_batch(x[8:], y[8:])
        for layer in model.layers:
            for number, weight in enumerate(layer.get_weights()):
                expected[f"{name}/{layer.name}/{number}"] = weight
    np.savez_compressed(folder / "expected.npz", **expected)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
