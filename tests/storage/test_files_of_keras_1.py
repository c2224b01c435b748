"""Files in the layout of Keras 1 and of Keras 2.0 to 2.1, made by hand, since those versions do not run any more."""

import json

import h5py
import numpy as np
import pytest
from networks import set_random_weights

from scratchcnn import Sequential, load_model
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
    Reshape,
    ZeroPadding2D,
)
from scratchcnn.storage import StorageError

SHAPE = (8, 9, 2)


def without_regularization(*parameters):
    return {f"{parameter}_{kind}": None for parameter in parameters for kind in ("regularizer", "constraint")}


def convolution_1(name, **options):
    """The configuration of a Convolution2D of Keras 1."""
    return {
        "class_name": "Convolution2D",
        "config": {
            "name": name, "trainable": True, "nb_filter": 3, "nb_row": 3, "nb_col": 2, "init": "glorot_uniform",
            "activation": "linear", "border_mode": "valid", "subsample": [1, 1], "dim_ordering": "tf", "bias": True,
            "activity_regularizer": None, **without_regularization("W", "b"), **options,
        },
    }  # fmt: skip


def dense_1(name, units, activation, **options):
    return {
        "class_name": "Dense",
        "config": {
            "name": name, "trainable": True, "output_dim": units, "init": "uniform", "activation": activation,
            "bias": True, "input_dim": None, "activity_regularizer": None, **without_regularization("W", "b"),
            **options,
        },
    }  # fmt: skip


def pooling_1(name, **options):
    config = {"name": name, "trainable": True, "pool_size": [2, 2], "strides": [2, 2], "border_mode": "valid"}
    return {"class_name": "MaxPooling2D", "config": {**config, "dim_ordering": "tf", **options}}


def simple(kind, name, **options):
    return {"class_name": kind, "config": {"name": name, "trainable": True, **options}}


def normalization_1(name, **options):
    """The configuration of a BatchNormalization of Keras 1."""
    config = {
        "name": name, "trainable": True, "mode": 0, "axis": 3, "epsilon": 0.01, "momentum": 0.75,
        "gamma_regularizer": None, "beta_regularizer": None, **options,
    }  # fmt: skip
    return {"class_name": "BatchNormalization", "config": config}


def normalization_2(name, **options):
    """The configuration of a BatchNormalization of Keras 2, and of tf.keras."""
    initializers = {"beta": "Zeros", "gamma": "Ones", "moving_mean": "Zeros", "moving_variance": "Ones"}
    config = {
        "name": name, "trainable": True, "dtype": "float32", "axis": [3], "momentum": 0.75, "epsilon": 0.01,
        "center": True, "scale": True, **without_regularization("beta", "gamma"),
        **{f"{key}_initializer": {"class_name": kind, "config": {}} for key, kind in initializers.items()}, **options,
    }  # fmt: skip
    return {"class_name": "BatchNormalization", "config": config}


def layers_1():
    first = {"batch_input_shape": [None, *SHAPE], "input_dtype": "float32"}
    return [
        convolution_1("convolution2d_1", activation="relu", **first),
        convolution_1("convolution2d_2", border_mode="same", subsample=[2, 1], nb_filter=4, bias=False),
        simple("Activation", "activation_1", activation="relu"),
        pooling_1("maxpooling2d_1", border_mode="same"),
        simple("Dropout", "dropout_1", p=0.25),
        simple("Flatten", "flatten_1"),
        dense_1("dense_1", 5, "softmax"),
    ]


def layers_2():
    """The same layers in Keras 2.0, with its initializers as objects."""
    start = {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "seed": None}}
    both = {
        "kernel_initializer": start, "bias_initializer": {"class_name": "Zeros", "config": {}},
        "activity_regularizer": None, **without_regularization("kernel", "bias"),
    }  # fmt: skip
    images = {**both, "data_format": "channels_last", "kernel_size": [3, 2], "dilation_rate": [1, 1]}
    return [
        simple("Conv2D", "conv2d_1", filters=3, strides=[1, 1], padding="valid", activation="relu", use_bias=True,
               batch_input_shape=[None, *SHAPE], dtype="float32", **images),
        simple("Conv2D", "conv2d_2", filters=4, strides=[2, 1], padding="same", activation="linear", use_bias=False,
               **images),
        simple("Activation", "activation_1", activation="relu"),
        simple("MaxPooling2D", "max_pooling2d_1", pool_size=[2, 2], strides=[2, 2], padding="same",
               data_format="channels_last"),
        simple("Dropout", "dropout_1", rate=0.25, noise_shape=None, seed=None),
        simple("Flatten", "flatten_1"),
        simple("Dense", "dense_1", units=5, activation="softmax", use_bias=True, **both),
    ]  # fmt: skip


@pytest.fixture
def expected(rng):
    """The equivalent model."""
    model = Sequential(
        [
            Conv2D(3, (3, 2), activation="relu", input_shape=SHAPE),
            Conv2D(4, (3, 2), strides=(2, 1), padding="same", use_bias=False),
            Activation("relu"),
            MaxPooling2D(2, padding="same"),
            Dropout(0.25),
            Flatten(),
            Dense(5, activation="softmax"),
        ],
        seed=0,
    )
    model.set_weights([rng.standard_normal(weight.shape) * 0.3 for weight in model.get_weights()])
    return model


def write(
    path, layers, model, *, flat=True, backend="tensorflow", root="model_weights", functional=False, **attributes
):
    """Write a file in the layout of Keras 1 (flat names of weights) or 2 (nested names)."""
    config = {"class_name": "Sequential", "config": layers}
    if functional:
        config = {"class_name": "Model", "config": functional_of(layers)}
    with h5py.File(path, "w") as file:
        group = file.require_group(root) if root else file
        if root:
            file.attrs["model_config"] = np.bytes_(json.dumps(config))
        file.attrs.update({"keras_version": np.bytes_("1.2.2"), **attributes})
        if backend is not None:
            group.attrs["backend"] = np.bytes_(backend)
        group.attrs["layer_names"] = np.array([layer["config"]["name"] for layer in layers], "S")
        for layer, own in zip(layers, model.layers, strict=True):
            name = layer["config"]["name"]
            short = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
            paths = [f"{name}_{short.get(key, key)}:0" if flat else f"{name}/{key}:0" for key in own.params]
            weights = group.create_group(name)
            weights.attrs["weight_names"] = np.array(paths, "S") if paths else np.zeros(0)
            for each, array in zip(paths, own.params.values(), strict=True):
                weights[each] = array[::-1, ::-1] if backend == "theano" and array.ndim == 4 else array


def functional_of(layers):
    """The configuration of the functional model whose layers are a chain, in Keras 1."""
    shape = layers[0]["config"].pop("batch_input_shape")
    head = simple("InputLayer", "input_1", batch_input_shape=shape, input_dtype="float32", sparse=False)
    chain = [{**layer, "name": layer["config"]["name"]} for layer in (head, *layers)]
    for before, layer in zip([None, *chain], chain, strict=False):
        layer["inbound_nodes"] = [[[before["name"], 0, 0]]] if before else []
    ends = {"input_layers": [["input_1", 0, 0]], "output_layers": [[chain[-1]["name"], 0, 0]]}
    return {"name": "model_1", "layers": chain, **ends}


def assert_equal_models(model, expected, rng):
    x = rng.standard_normal((3, *SHAPE)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(x), expected.predict(x))
    assert [repr(layer.get_config()) for layer in model.layers] == [
        repr({**layer.get_config(), "name": other.name, **initializers(other)})
        for layer, other in zip(expected.layers, model.layers, strict=True)
    ]


def initializers(layer):
    """The initializers of a loaded layer, which are irrelevant."""
    return {key: value for key, value in layer.get_config().items() if key.endswith("_initializer")}


@pytest.mark.parametrize("layers", [layers_1, layers_2])
@pytest.mark.parametrize("functional", [False, True])
def test_model_is_loaded(tmp_path, rng, expected, layers, functional):
    write(tmp_path / "model.h5", layers(), expected, flat=layers is layers_1, functional=functional)
    model = load_model(tmp_path / "model.h5")
    assert [layer.name for layer in model.layers] == [layer["config"]["name"] for layer in layers()]
    assert_equal_models(model, expected, rng)
    assert model.compiled is None


@pytest.mark.parametrize(
    "normalization",
    [
        normalization_1("norm"), normalization_1("norm", beta_init="zero", gamma_init="one"),
        normalization_1("norm", axis=-1), normalization_2("norm"), normalization_2("norm", axis=3),
        normalization_2("norm", renorm=False, renorm_clipping=None, renorm_momentum=0.99, synchronized=False),
        normalization_2("norm", fused=True, virtual_batch_size=None, adjustment=None),
        {**normalization_2("norm"), "class_name": "BatchNormalizationV1"},
        {**normalization_2("norm"), "class_name": "BatchNormalizationV2"},
    ],
)  # fmt: skip
def test_batch_normalization_is_loaded(tmp_path, rng, normalization):
    layers = [layers_1()[0], normalization, simple("Flatten", "flatten"), dense_1("dense", 5, "softmax")]
    expected = Sequential(
        [Conv2D(3, (3, 2), activation="relu", input_shape=SHAPE), BatchNormalization(3, 0.75, 0.01), Flatten(),
         Dense(5, activation="softmax")],
    )  # fmt: skip
    set_random_weights(expected, rng)
    write(tmp_path / "model.h5", layers, expected)
    model = load_model(tmp_path / "model.h5")
    assert (model.layers[1].momentum, model.layers[1].epsilon) == (0.75, 0.01)
    x = rng.standard_normal((3, *SHAPE)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(x), expected.predict(x))


@pytest.mark.parametrize(
    "padding", [[1, 2], [1, 1, 2, 2], {"top_pad": 1, "bottom_pad": 1, "left_pad": 2, "right_pad": 2}]
)
@pytest.mark.parametrize("pooling", [GlobalAveragePooling2D, GlobalMaxPooling2D])
def test_pooling_padding_and_reshaping_are_loaded(tmp_path, rng, padding, pooling):
    expected = Sequential(
        [
            ZeroPadding2D((1, 2), input_shape=SHAPE), Conv2D(3, (3, 2), activation="relu"),
            AveragePooling2D((2, 3), (1, 2), "same"), Reshape((-1, 8, 3)), pooling(), Dense(5, activation="softmax"),
        ],
        seed=0,
    )  # fmt: skip
    layers = [
        simple(
            "ZeroPadding2D", "zeropadding2d_1", padding=padding, dim_ordering="tf", batch_input_shape=[None, *SHAPE]
        ),
        convolution_1("convolution2d_1", activation="relu"),
        {**pooling_1("a", pool_size=[2, 3], strides=[1, 2], border_mode="same"), "class_name": "AveragePooling2D"},
        simple("Reshape", "reshape_1", target_shape=[-1, 8, 3]),
        simple(pooling.__name__, "global_1", dim_ordering="tf"),
        dense_1("dense_1", 5, "softmax"),
    ]
    write(tmp_path / "model.h5", layers, expected)
    assert_equal_models(load_model(tmp_path / "model.h5"), expected, rng)


@pytest.mark.parametrize("backend", ["theano", "tensorflow", "cntk", None])
def test_kernels_of_theano_are_rotated(tmp_path, rng, expected, backend):
    write(tmp_path / "model.h5", layers_1(), expected, backend=backend)
    assert_equal_models(load_model(tmp_path / "model.h5"), expected, rng)


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
def test_weights_are_loaded_from_a_file_of_weights(tmp_path, rng, expected, backend):
    write(tmp_path / "weights.hdf5", layers_1(), expected, backend=backend, root="")
    other = expected.clone()
    other.set_weights([np.zeros_like(weight) for weight in other.get_weights()])
    other.load_weights(tmp_path / "weights.hdf5")
    for a, b in zip(other.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("metrics", [["accuracy"], ["acc"], []])
def test_compilation_is_loaded(tmp_path, expected, metrics):
    optimizer = {"class_name": "SGD", "config": {"lr": 0.125, "momentum": 0.5, "decay": 0.0, "nesterov": True}}
    training = {
        "optimizer_config": optimizer, "loss": "categorical_crossentropy", "metrics": metrics,
        "sample_weight_mode": None, "loss_weights": None,
    }  # fmt: skip
    write(tmp_path / "model.h5", layers_1(), expected, training_config=np.bytes_(json.dumps(training)))
    model = load_model(tmp_path / "model.h5")
    limits = dict.fromkeys(["weight_decay", "clipnorm", "clipvalue", "global_clipnorm"])
    assert model.optimizer.get_config() == {"learning_rate": 0.125, "momentum": 0.5, "nesterov": True, **limits}
    assert [metric.name for metric in model.compiled.metrics] == metrics
    assert model.compiled.loss.name == "categorical_crossentropy"


def test_names_of_layers_in_several_attributes_are_joined(tmp_path, rng, expected):
    """Keras divides a list of names that is too large for one attribute."""
    path = tmp_path / "model.h5"
    write(path, layers_1(), expected)
    with h5py.File(path, "r+") as file:
        attributes = file["model_weights"].attrs
        names = attributes["layer_names"]
        del attributes["layer_names"]
        attributes["layer_names0"], attributes["layer_names1"] = names[:3], names[3:]
    assert_equal_models(load_model(path), expected, rng)


def test_list_of_names_too_large_for_one_attribute_is_divided(tmp_path):
    names = [f"{'relu' * 50}_{number}" for number in range(400)]
    model = Sequential([Activation("relu", input_shape=(2,), name=names[0])], seed=0)
    for name in names[1:]:
        model.add(Activation("relu", name=name))
    model.add(Dense(2))
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        assert {"layer_names0", "layer_names1"} <= set(file["model_weights"].attrs)
    again = load_model(tmp_path / "model.h5")
    assert [layer.name for layer in again.layers] == [*names, "dense"]
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize(
    ("index", "layer", "message"),
    [
        (1, convolution_1("it", dim_ordering="th"),
         r"layer 'it' \('Convolution2D'\) with channels last, .*dim_ordering='th'.*channels_last in Keras"),
        (1, pooling_1("it", dim_ordering="th"), r"layer 'it' \('MaxPooling2D'\) with channels last, .* dim_ordering"),
        (1, simple("GlobalMaxPooling2D", "it", dim_ordering="th"),
         r"layer 'it' \('GlobalMaxPooling2D'\) with channels last, received dim_ordering='th'"),
        (1, simple("ZeroPadding2D", "it", padding=[1, 2, 3]), r"Expected arguments that ZeroPadding2D accepts"),
        (1, simple("ZeroPadding2D", "it", padding={"top": 1}), r"layer 'it' .* received padding={'top': 1}"),
        (1, simple("Reshape", "it", target_shape=[7, 7]), r"expected samples of 49 values"),
        (1, simple("MaxPooling2D", "it", pool_size=[2, 2], data_format="channels_first"),
         r"layer 'it' \('MaxPooling2D'\) with channels last, received data_format='channels_first'"),
        (1, simple("LSTM", "it", output_dim=3), r"layer 'it' \('LSTM'\) of a class among .*received 'LSTM'"),
        (1, convolution_1("it", W_constraint={"name": "MaxNorm", "m": 2}),
         r"layer 'it' \('Convolution2D'\) with options that scratchcnn supports, received kernel_constraint={"),
        (1, convolution_1("it", W_regularizer={"name": "EigenvalueRegularizer", "k": 0.1}),
         r"layer 'it' .* with objects as name or config, received {"),
        (1, convolution_1("it", activation="hard_sigmoid"), r"layer 'it' .*received activation='hard_sigmoid'"),
        (1, convolution_1("it", filters=3), r"Expected filters of layer 'it' \('Convolution2D'\) once"),
        (1, convolution_1("it", border_mode="full"), r"'full'"),
        (6, dense_1("it", "many", "softmax"), r"'many'"),
        (1, normalization_1("it", mode=1), r"layer 'it' \('BatchNormalization'\) with options .*received mode=1"),
        (1, normalization_1("it", axis=1), r"'it' \(BatchNormalization\) expected the last axis .*received axis=1"),
        (1, normalization_2("it", axis=[1, 2]), r"Expected axis as an integer.*received \[1, 2\]"),
        (1, normalization_2("it", renorm=True), r"layer 'it' .*received renorm=True"),
        (1, normalization_2("it", beta_regularizer={"class_name": "L2", "config": {"l2": 0.01}}),
         r"layer 'it' .*received beta_regularizer="),
        (1, simple("InputLayer", "it", batch_input_shape=[None, 3]), r"single input, received the further layer 'it'"),
    ],
    ids=lambda value: value["class_name"] if isinstance(value, dict) else "",
)  # fmt: skip
def test_unsupported_layer_or_option_raises_storage_error_that_names_it(tmp_path, expected, index, layer, message):
    layers = layers_1()
    write(tmp_path / "model.h5", layers, expected)
    layers[index] = layer
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": layers})
    with pytest.raises(StorageError, match=message) as caught:
        load_model(tmp_path / "model.h5")
    assert str(tmp_path / "model.h5") in str(caught.value)


@pytest.mark.parametrize("name", ["WeightRegularizer", "L1L2Regularizer"])
def test_regularizers_are_loaded(tmp_path, expected, name):
    layers = layers_1()
    write(tmp_path / "model.h5", layers, expected)
    layers[1]["config"] |= {"name": "it", "W_regularizer": {"name": name, "l1": 0.0, "l2": 0.1}}
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": layers})
    loaded = load_model(tmp_path / "model.h5").get_layer("it")
    assert loaded.regularizers.keys() == {"kernel"}
    assert loaded.kernel_regularizer.get_config() == {"l1": 0.0, "l2": 0.1}


def test_whole_model_is_not_saved_under_a_name_for_weights(tmp_path, expected):
    with pytest.raises(StorageError, match=r"one for weights: use save_weights, or a name that ends in .h5 only"):
        expected.save(tmp_path / "model.weights.h5")
    assert not list(tmp_path.iterdir())
