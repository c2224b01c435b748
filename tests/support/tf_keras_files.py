"""Write files with Keras 2 (the package tf_keras) into a folder: python tests/support/tf_keras_files.py FOLDER.

`tests/keras/test_files_of_keras_2.py` loads them. The files in `tests/keras/keras_2` were written by this script, so
that the test does not need TensorFlow; if tf_keras is installed, the test also runs the script.
"""

import sys
from pathlib import Path

import numpy as np
import tf_keras as keras
from tf_keras import layers

SHAPE = (7, 8, 1)


def chain():
    return [
        layers.Rescaling(1 / 2, offset=0.25),
        layers.Conv2D(3, (2, 3), padding="same", strides=(1, 2), use_bias=False, kernel_initializer="he_normal"),
        layers.Activation("relu"),
        layers.Conv2D(2, 2, activation="relu", name="wide"),
        layers.MaxPooling2D((2, 1)),
        layers.Flatten(),
        layers.Dense(3, activation="softmax", name="probabilities"),
    ]


def sequential():
    first, *rest = chain()
    return keras.Sequential([layers.Input(SHAPE), first, *rest])


def first_layer_with_input_shape():
    return keras.Sequential([layers.Conv2D(2, 3, input_shape=SHAPE), layers.Flatten(), layers.Dense(3, "softmax")])


def functional():
    x = inputs = layers.Input(SHAPE)
    for layer in chain():
        x = layer(x)
    return keras.Model(inputs, x)


def nested():
    """A sequential, a functional, and again a sequential model inside a sequential one."""
    first = keras.Sequential([layers.Input(SHAPE), *chain()[:4]], name="first")
    x = inputs = layers.Input(first.output_shape[1:])
    for layer in (*chain()[4:6], layers.Dense(5)):
        x = layer(x)
    last = keras.Sequential([layers.Dense(5, name="inside")])
    parts = [first, keras.Model(inputs, x), last, layers.Dense(3, activation="softmax")]
    return keras.Sequential([layers.Input(SHAPE), *parts])


def without_input_shape():
    model = keras.Sequential([layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.build((None, *SHAPE))
    return model


def write(folder):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((8, *SHAPE)).astype(np.float32), rng.integers(0, 3, 8)
    expected = {"x": x, "y": y}
    old = keras.optimizers.legacy
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    cases = {
        "sequential.h5": (sequential, keras.optimizers.Adam(0.01)),
        "sequential.keras": (sequential, keras.optimizers.Adam(0.01)),
        "functional.h5": (functional, keras.optimizers.SGD(0.05)),
        "functional.keras": (functional, keras.optimizers.SGD(decay, momentum=0.5, nesterov=True)),
        "old_adam.h5": (first_layer_with_input_shape, old.Adam(0.01)),
        "old_sgd.h5": (without_input_shape, old.SGD(0.05, momentum=0.9)),
        "old.keras": (first_layer_with_input_shape, old.Adam(0.01)),
        "nested.h5": (nested, keras.optimizers.Adam(0.01)),
        "nested.keras": (nested, keras.optimizers.Adam(0.01)),
    }
    for name, (make, optimizer) in cases.items():
        model = make()
        model.set_weights([rng.standard_normal(weight.shape) * 0.3 for weight in model.get_weights()])
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        for start in (0, 4, 2):
            model.train_on_batch(x[start : start + 4], y[start : start + 4])
        model.save(folder / name, **({"save_format": "h5"} if name == "old.keras" else {}))
        if name == "sequential.h5":
            model.save_weights(folder / "weights.h5")
            model.save_weights(folder / "new.weights.h5")
        expected[f"{name}/predictions"] = model.predict(x, verbose=0)
        model.train_on_batch(x[:4], y[:4])  # the weights after a further step depend on the optimizer state
        for number, weight in enumerate(model.get_weights()):
            expected[f"{name}/{number}"] = weight
    np.savez_compressed(folder / "expected.npz", **expected)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
