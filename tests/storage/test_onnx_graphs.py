"""An exported model computes the same predictions in ONNX Runtime."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from networks import article_model, set_random_weights

from scratchcnn import Sequential
from scratchcnn.activations import ELU, ActivationFunction, LeakyReLU
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
    Input,
    Layer,
    MaxPooling2D,
    ReLU,
    Rescaling,
    Reshape,
    Softmax,
    ZeroPadding2D,
)
from scratchcnn.layers import LeakyReLU as LeakyReLULayer
from scratchcnn.storage import StorageError

MODELS = {
    "strides and same padding": [
        Conv2D(3, (3, 2), strides=(2, 3), padding="same", activation="relu"), MaxPooling2D((3, 2), (1, 2), "same"),
    ],
    "dilation, no bias": [Conv2D(3, 2, dilation_rate=(2, 3), use_bias=False), Conv2D(2, (1, 3), (2, 1))],
    "softmax over channels": [Conv2D(3, 3, activation="softmax"), Activation("softmax")],
    "pooling first": [MaxPooling2D(2), Rescaling(0.5, -1), Conv2D(2, 2)],
    "without convolutions": [Rescaling(1 / 255), Activation("relu"), Dropout(0.5)],
    **{
        f"{getattr(activation, 'name', activation)} {i}": [
            Conv2D(3, 3, activation=activation), Conv2D(2, 2), Activation(activation), Flatten(), Dense(3, activation),
        ]
        for i, activation in enumerate(
            ["sigmoid", "tanh", "elu", ELU(0.5), "leaky_relu", LeakyReLU(1.5), "gelu", "silu", "swish", "softplus"]
        )
    },
    "layers of one function": [Conv2D(3, 3), LeakyReLULayer(), Conv2D(2, 2), ReLU(), Flatten(), Dense(4), Softmax()],
    "batch normalization": [
        BatchNormalization(), Conv2D(3, 3), BatchNormalization(epsilon=0.1, scale=False), ReLU(), Flatten(), Dense(4),
        BatchNormalization(center=False), BatchNormalization(center=False, scale=False),
    ],
    "average pooling with strides and same padding": [Conv2D(3, 2), AveragePooling2D((3, 2), (1, 2), "same")],
    "average pooling": [AveragePooling2D(2), Conv2D(2, 2), AveragePooling2D((2, 1)), Flatten(), Dense(2)],
    "global average": [Conv2D(3, 2), GlobalAveragePooling2D(), Dense(4, "softmax")],
    "global average of rows and columns": [GlobalAveragePooling2D(keepdims=True), Conv2D(4, 1), Activation("softmax")],
    "global maximum": [GlobalMaxPooling2D(), Dense(4)],
    "global maximum of rows and columns": [Conv2D(3, 2), GlobalMaxPooling2D(keepdims=True)],
    "zero padding": [ZeroPadding2D(((1, 0), (2, 3))), Conv2D(2, 3), ZeroPadding2D(2)],
    "reshape of images": [Conv2D(4, 2), Reshape((6, 6, 8)), Conv2D(2, 3), Reshape((-1, 4)), Softmax()],
    "reshape to a vector": [Reshape((-1,)), Dense(12, "relu"), Reshape((2, 2, 3)), MaxPooling2D(2)],
    "dense without bias": [Conv2D(2, 3), Flatten(), Dense(4, "relu", use_bias=False), Dense(3, "softmax")],
}  # fmt: skip


def predicted(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["output"], {"input": x})[0]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_equal_those_of_onnxruntime(tmp_path, rng, name, dtype):
    layers = [type(layer).from_config({**layer.get_config(), "name": None}) for layer in MODELS[name]]
    model = Sequential([Input((9, 10, 2)), *layers], engine="reference", dtype=dtype, seed=1)
    set_random_weights(model, rng)
    model.export(tmp_path / "model.onnx")
    x = rng.standard_normal((3, 9, 10, 2)).astype(np.float32)
    found, expected = predicted(tmp_path / "model.onnx", x), model.predict(x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)  # sums of at most 100 float32 terms


def test_article_model_is_exported_for_any_batch_size(tmp_path, rng):
    model = article_model(seed=1)
    model.export(tmp_path / "model.onnx")
    for count in (1, 5):
        x = rng.random((count, 28, 28, 1), np.float32)
        np.testing.assert_allclose(predicted(tmp_path / "model.onnx", x), model.predict(x), rtol=1e-4, atol=1e-6)
    transposed = [node for node in onnx.load(tmp_path / "model.onnx").graph.node if node.op_type == "Transpose"]
    assert len(transposed) == 2  # once before the convolutions, once before Flatten


class Own(Layer):
    def forward(self, x, ops, training, rng):
        return x, None


class Cube(ActivationFunction):
    pass


@pytest.mark.parametrize("layer", [Own(name="mine"), Dense(3, Cube(), name="mine")])
def test_custom_layer_or_activation_raises_storage_error_that_names_it(tmp_path, layer):
    with pytest.raises(StorageError, match=r"received (Cube of )?layer 'mine'"):
        Sequential([Input(4), layer]).export(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_other_suffix_raises_storage_error(tmp_path):
    with pytest.raises(StorageError, match=r"ends in \.onnx"):
        Sequential([Dense(3, input_shape=(4,))]).export(tmp_path / "model.pb")


def test_error_without_onnx_contains_the_installation_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"onnx to be installed .*python -m pip install 'scratchcnn\[onnx\]'"):
        Sequential([Dense(3, input_shape=(4,))]).export(tmp_path / "model.onnx")


def test_batch_normalization_is_one_node(tmp_path):
    layers = [Conv2D(3, 2, input_shape=(5, 5, 1)), BatchNormalization(epsilon=0.25), Flatten(), BatchNormalization()]
    Sequential(layers).export(tmp_path / "model.onnx")
    nodes = onnx.load(tmp_path / "model.onnx").graph.node
    epsilons = [node.attribute[0].f for node in nodes if node.op_type == "BatchNormalization"]
    assert epsilons == pytest.approx([0.25, 0.001])
    kinds = [node.op_type for node in nodes]
    assert kinds == [
        "Transpose",
        "Conv",
        "BatchNormalization",
        "Transpose",
        "Flatten",
        "BatchNormalization",
        "Identity",
    ]


def test_batch_normalization_of_samples_with_two_axes_is_exported(tmp_path, rng):
    model = Sequential([BatchNormalization(input_shape=(5, 3))])
    set_random_weights(model, rng)
    model.export(tmp_path / "model.onnx")
    x = rng.standard_normal((4, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(predicted(tmp_path / "model.onnx", x), model.predict(x), rtol=1e-5, atol=1e-6)
