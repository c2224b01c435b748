"""Random small models, each with a batch: all kinds of layers, geometries, activations and losses, on both engines."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from scratchcnn import Sequential, activations
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from scratchcnn.losses import SparseCategoricalCrossentropy

ENGINES = ["kernels", "reference"]


WITH_FORMULA = ["sigmoid", "tanh", "elu", "leaky_relu", "gelu", "silu", "softplus", activations.ELU(0.5)]


class Leaky(activations.ActivationFunction):
    """Leaky ReLU, as a user would write it: an elementwise activation that the package does not know."""

    name, elementwise = "leaky", True

    def forward(self, x, ops):
        return np.where(x > 0, x, x * x.dtype.type(0.25))

    def backward(self, dy, y, ops):
        return np.where(y > 0, dy, dy * dy.dtype.type(0.25))


@st.composite
def models(draw, engine=None, own_activation=True, dtypes=("float32", "float64")):
    """Draw a small random model and a batch for it: (model, x, y); an activation may be `Leaky` with own_activation."""
    size = (draw(st.integers(6, 12)), draw(st.integers(6, 12)), draw(st.sampled_from([1, 2, 16])))
    activation = st.sampled_from([None, "relu", "relu", "softmax", *[Leaky()] * own_activation, *WITH_FORMULA])
    layers = [Rescaling(0.5, 0.25)] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 3))):
        layers.append(
            Conv2D(
                draw(st.sampled_from([1, 3, 16])), (draw(st.integers(1, 3)), draw(st.sampled_from([2, 3, 3]))),
                strides=(draw(st.sampled_from([1, 1, 2])), 1), padding=draw(st.sampled_from(["same", "valid", "same"])),
                dilation_rate=(1, draw(st.sampled_from([1, 1, 2]))), activation=draw(activation),
                use_bias=draw(st.booleans()),
            )
        )  # fmt: skip
        if draw(st.integers(0, 3)) == 0:
            layers.append(
                BatchNormalization(momentum=0.75, epsilon=0.1, center=draw(st.booleans()), scale=draw(st.booleans()))
            )
        if draw(st.booleans()):
            pooling = draw(st.sampled_from([MaxPooling2D, AveragePooling2D]))
            layers.append(pooling(draw(st.integers(1, 3)), draw(st.sampled_from([None, 1, 2])), padding="same"))
        if draw(st.booleans()):
            layers.append(ZeroPadding2D(draw(st.sampled_from([1, ((0, 1), (2, 0))]))))
        if draw(st.booleans()):
            layers.append(Dropout(0.3))
        if draw(st.booleans()):
            layers.append(Activation("relu"))
    layers += draw(
        st.sampled_from([
            [Flatten()], [Flatten()], [Reshape((-1,))], [GlobalAveragePooling2D()], [GlobalMaxPooling2D()],
            [GlobalMaxPooling2D(keepdims=True), Flatten()], [GlobalAveragePooling2D(keepdims=True), Flatten()],
        ])
    )  # fmt: skip
    if draw(st.booleans()):
        layers += [Dense(7, activation=draw(activation)), Dropout(0.5)]
        layers += [BatchNormalization(momentum=0.75, epsilon=0.1)] if draw(st.integers(0, 3)) == 0 else []
    ends = draw(st.sampled_from(["softmax", "softmax", "layer", "logits"]))
    layers.append(Dense(4, activation="softmax" if ends == "softmax" else None))
    if ends == "layer":
        layers.append(Activation("softmax"))
    dtype, engine = draw(st.sampled_from(dtypes)), engine or draw(st.sampled_from(ENGINES))
    model = Sequential(layers, engine=engine, dtype=dtype, seed=draw(st.integers(0, 99)))
    try:
        model.build((None, *size))
    except ValueError:
        assume(False)
    model.compile(loss=SparseCategoricalCrossentropy(from_logits=ends == "logits"))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    model.set_weights([weight + 0.1 * rng.standard_normal(weight.shape) for weight in model.get_weights()])
    count = draw(st.integers(1, 5))
    return model, rng.standard_normal((count, *size)), rng.integers(0, 4, count)
