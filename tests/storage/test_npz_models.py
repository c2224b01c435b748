"""A model saved as .npz is loaded unchanged; an error names what cannot be saved or does not fit."""

import json
import zipfile

import numpy as np
import pytest
from networks import article_model, small_data, small_model
from npz_files import rewrite

from scratchcnn import History, Sequential, load_model
from scratchcnn.activations import ELU, KNOWN, ActivationFunction, LeakyReLU
from scratchcnn.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    Layer,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from scratchcnn.losses import CategoricalCrossentropy, Loss
from scratchcnn.metrics import Accuracy, CategoricalAccuracy, Metric
from scratchcnn.optimizers import SGD, Adam, Optimizer, State, schedules
from scratchcnn.storage import StorageError


def same_arrays(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_load_model_restores_architecture_parameters_and_compilation(path, dtype, engine):
    model = small_model(seed=4, dtype=dtype, engine=engine)
    model.compile(SGD(schedules.OneCycle(0.1, 9), momentum=0.5), CategoricalCrossentropy(), [CategoricalAccuracy("a")])
    model.save(path)
    loaded = load_model(path)
    assert (loaded.engine, loaded.dtype, loaded.input_shape) == (engine, np.dtype(dtype), (None, 9, 8, 1))
    assert [(layer.name, layer.get_config()) for layer in loaded.layers] == [
        (layer.name, layer.get_config()) for layer in model.layers
    ]
    same_arrays(loaded.get_weights(), model.get_weights())
    loss, optimizer, (metric,) = loaded.compiled
    assert (type(loss), loss.from_logits, metric.name) == (CategoricalCrossentropy, False, "a")
    assert (type(optimizer), optimizer.momentum, optimizer.learning_rate.total_steps) == (SGD, 0.5, 9)
    assert loaded.optimizer_state is None
    assert loaded.history is None


@pytest.mark.parametrize("pooling", [GlobalAveragePooling2D, GlobalMaxPooling2D])
def test_options_of_pooling_padding_and_reshaping_are_restored(path, rng, pooling):
    model = Sequential(
        [
            ZeroPadding2D(((1, 0), (2, 3)), input_shape=(8, 7, 1)), AveragePooling2D((2, 3), (1, 2), "same"),
            Reshape((6, -1, 3)), Conv2D(4, 2), pooling(keepdims=True), Flatten(), Dense(6), Reshape((3, 2)),
        ],
        seed=0,
    )  # fmt: skip
    model.save(path)
    loaded, x = load_model(path), rng.random((3, 8, 7, 1))
    assert [layer.get_config() for layer in loaded.layers] == [layer.get_config() for layer in model.layers]
    same_arrays([loaded.predict(x)], [model.predict(x)])


def test_uncompiled_model_is_loaded_uncompiled(path):
    model = Sequential([Input(4), Dense(3, name="one"), Activation("relu")], seed=0)
    model.save(str(path))
    loaded = load_model(str(path))
    same_arrays([loaded.predict(np.ones((2, 4)))], [model.predict(np.ones((2, 4)))])
    with pytest.raises(RuntimeError, match="compile"):
        loaded.evaluate(np.ones((2, 4)), [0, 1])


def test_nonfinite_values_are_restored(path):
    model = small_model(seed=0)
    model.layers[0].params["kernel"][0, 0, 0, :3] = np.nan, np.inf, -np.inf
    model.history = History()
    model.history.append(0, {"loss": float("nan"), "accuracy": 1 / 3})
    model.history.append(5, {"loss": float("inf"), "accuracy": np.float32(0.1)})
    model.save(path)
    loaded = load_model(path)
    same_arrays(loaded.get_weights(), model.get_weights())
    assert loaded.history.epoch == [0, 5]
    np.testing.assert_equal(
        loaded.history.history, {"loss": [np.nan, np.inf], "accuracy": [1 / 3, float(np.float32(0.1))]}
    )


def test_file_size_is_that_of_the_parameters(path):
    article_model(seed=0).save(path)
    assert 4 * 1_199_882 < path.stat().st_size < 4 * 1_199_882 + 10_000


def test_save_does_not_change_the_model(path):
    model = small_model(seed=0)
    before = model.generators["shuffle"].bit_generator.state
    model.save(path)
    assert model.optimizer_state is None
    assert model.generators["shuffle"].bit_generator.state == before


# Weights only


@pytest.mark.parametrize("name", ["save", "save_weights"])
def test_weights_are_loaded_into_a_model_with_other_names_and_dtype(path, name):
    model, other = small_model(seed=0), small_model(seed=1, dtype="float64")
    other.layers[0].name = "otherwise"
    getattr(model, name)(path)
    other.load_weights(path)
    same_arrays(other.get_weights(), [weight.astype(np.float64) for weight in model.get_weights()])


def test_loaded_weights_replace_those_of_training(path):
    x, y = small_data(8)
    model = small_model(seed=0)
    model.save_weights(path)
    model.fit(x, y, verbose=0)
    model.load_weights(path)
    loss_before = model.evaluate(x, y, verbose=0)
    same_arrays([loss_before], [small_model(seed=0).evaluate(x, y, verbose=0)])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Dense(5)], r"Expected shape \(4, 5\) for the kernel of layer 'dense' .*received \(4, 3\) of layer 'dense'"),
        (
            [Dense(3, use_bias=False)],
            r"Expected 1 parameters \(kernel\) for layer 'dense' .*received the 2 of layer 'dense'",
        ),
        ([Dense(3), Dense(2)], "parameters for 2 layers, received those of 1: the file has none for layer 'dense_1'"),
        ([Activation("relu")], "parameters for 0 layers, received those of 1: the model has no layer for 'dense'"),
    ],
)
def test_weights_of_other_shapes_raise_storage_error_and_change_nothing(path, layers, message):
    Sequential([Input(4), Dense(3)]).save_weights(path)
    model = Sequential([Input(4), *layers], seed=0)
    before = model.get_weights()
    with pytest.raises(StorageError, match=message) as caught:
        model.load_weights(path)
    assert str(path) in str(caught.value)
    assert "nothing was changed" in str(caught.value)
    same_arrays(model.get_weights(), before)


def test_weights_that_overflow_raise_storage_error_and_change_nothing(path):
    large, model = (Sequential([Input(4), Dense(3)], dtype=dtype, seed=0) for dtype in ("float64", "float32"))
    large.layers[0].params["bias"][1] = 1e39
    large.save_weights(path)
    before = model.get_weights()
    with pytest.raises(StorageError, match=r"values in the range of float32 for the bias of layer 'dense'"):
        model.load_weights(path)
    same_arrays(model.get_weights(), before)


def test_load_model_of_weights_only_raises_storage_error(path):
    small_model().save_weights(path)
    with pytest.raises(StorageError, match=r"received weights only; use model.load_weights"):
        load_model(path)


# Frozen layers


def test_frozen_layers_are_restored_in_files_of_version_2(path):
    model = small_model(seed=0)
    model.save(path)
    assert json.loads(np.load(path)["header"].tobytes())["version"] == 1
    model.layers[0].trainable = False
    model.save(path)
    assert json.loads(np.load(path)["header"].tobytes())["version"] == 2
    assert [layer.trainable for layer in load_model(path).layers] == [False, *[True] * 6]
    model.trainable = False
    model.save(path)
    assert not load_model(path).trainable


def test_weights_are_loaded_into_frozen_layers(path):
    model, frozen = small_model(seed=0), small_model(seed=1)
    frozen.trainable = False
    for save in (model.save_weights, model.save):
        save(path)
        frozen.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
        frozen.load_weights(path)
        same_arrays(frozen.get_weights(), model.get_weights())
        assert not frozen.trainable
    frozen.save_weights(path)
    other = small_model(seed=2)
    other.load_weights(path)
    same_arrays(other.get_weights(), frozen.get_weights())
    assert all(layer.trainable for layer in other.layers)


def test_saving_a_frozen_model_keeps_the_optimizer_state_in_memory(path):
    model, other = small_model(seed=0), small_model(seed=0)
    for one in (model, other):
        one.fit(*small_data(), epochs=1, verbose=0)
    model.layers[0].trainable = False
    model.save(path)
    model.layers[0].trainable = True
    for one in (model, other):
        one.fit(*small_data(), epochs=1, verbose=0)
    same_arrays(model.get_weights(), other.get_weights())


# Custom classes


class Scale(Layer):
    """Multiplies each channel by a trainable factor."""

    def __init__(self, start=1.0, activation=None, **options):
        super().__init__(**options)
        self.start, self.activation = start, activation

    def get_config(self):
        return {**super().get_config(), "start": self.start, "activation": self.activation}

    def initial_params(self, input_shape, rng, dtype):
        return {"factor": np.full(input_shape[-1:], self.start, dtype)}

    def forward(self, x, ops, training, rng):
        y = x * self.params["factor"]
        return (y if self.activation is None else self.activation.forward(y, ops)), x


class Square(ActivationFunction):
    name = "relu"  # the name of a class of the package

    def forward(self, x, ops):
        return x * x


class Halving:
    """A learning-rate schedule."""

    def __init__(self, start):
        self.start = start

    def __call__(self, step):
        return self.start / (step + 1)

    def get_config(self):
        return {"start": self.start}


def test_custom_layer_activation_and_schedule_are_restored_with_custom_objects(path):
    model = Sequential([Input(4), Scale(2.5, Square(), name="mine"), Dense(3, Square()), Activation("softmax")], seed=0)
    model.compile(Adam(Halving(0.5)))
    model.layers[0].params["factor"][1] = 7
    model.save(path)
    custom = {"Scale": Scale, "Square": Square, "Halving": Halving}
    loaded = load_model(path, custom_objects=custom)
    assert type(loaded.layers[0]) is Scale
    assert (loaded.layers[0].name, loaded.layers[0].start) == ("mine", 2.5)
    assert loaded.optimizer.learning_rate(4) == 0.1
    x = np.arange(8.0).reshape(2, 4)
    same_arrays([loaded.predict(x)], [model.predict(x)])
    for missing in custom:
        given = {name: kind for name, kind in custom.items() if name != missing}
        with pytest.raises(StorageError, match=f"received '{missing}'; pass custom_objects=") as caught:
            load_model(path, given)
        assert str(path) in str(caught.value)


class MeanSquaredError(Loss):
    name = "mean_squared_error"

    def __init__(self, scale=1.0):  # the config follows from the attribute of this name
        self.scale = scale

    def forward(self, outputs, targets, ops):
        return self.scale * ((outputs - targets) ** 2).mean(axis=1), outputs

    def backward(self, outputs, targets, ops):
        return 2 * self.scale * (outputs - targets) / targets.size


class MeanAbsoluteError(Metric):
    higher_is_better = False

    def of_samples(self, targets, outputs):
        return abs(targets - outputs).mean(axis=1)


class SignSGD(Optimizer):
    """Steps against the sign of the sum of all past gradients, so that the optimizer has a state."""

    def __init__(self, learning_rate=0.001):
        self.learning_rate = learning_rate

    def start(self, parameters):
        return State(0, [(np.zeros_like(parameter),) for parameter in parameters])

    def step(self, parameters, gradients, state, ops):
        for parameter, gradient, (total,) in zip(parameters, gradients, state.slots, strict=True):
            total += gradient
            parameter -= parameter.dtype.type(self.learning_rate) * np.sign(total)
        return State(state.iterations + 1, state.slots)


def test_training_with_custom_loss_metric_and_optimizer_is_resumed_bit_for_bit(path):
    x, rng = np.linspace(-1, 1, 40).reshape(20, 2), np.random.default_rng(0)
    y = x @ rng.random((2, 3)) + 1
    model = Sequential([Input(2), Dense(4, "relu"), Dense(3)], seed=0)
    model.compile(SignSGD(0.01), MeanSquaredError(2.0), [MeanAbsoluteError("error"), MeanAbsoluteError()])
    model.fit(x, y, epochs=2, verbose=0)
    model.optimizer.learning_rate = 0.02
    model.save(path)
    custom = {"MeanSquaredError": MeanSquaredError, "MeanAbsoluteError": MeanAbsoluteError, "SignSGD": SignSGD}
    loaded = load_model(path, custom)
    assert (type(loaded.compiled.loss), loaded.compiled.loss.scale) == (MeanSquaredError, 2.0)
    assert [(type(metric), metric.name) for metric in loaded.compiled.metrics] == [
        (MeanAbsoluteError, "error"), (MeanAbsoluteError, "mean_absolute_error")
    ]  # fmt: skip
    assert (type(loaded.optimizer), loaded.optimizer.learning_rate) == (SignSGD, 0.02)
    histories = [one.fit(x, y, epochs=4, initial_epoch=2, verbose=0).history for one in (model, loaded)]
    assert histories[0] == histories[1]
    assert len(histories[0]["error"]) == 4
    same_arrays(loaded.get_weights(), model.get_weights())
    for missing in custom:
        with pytest.raises(StorageError, match=f"received '{missing}'; pass custom_objects="):
            load_model(path, {name: kind for name, kind in custom.items() if name != missing})


@pytest.mark.parametrize("metric", ["accuracy", "acc", "categorical_accuracy", CategoricalAccuracy("a")])
def test_names_of_metrics_are_restored(path, metric):
    model = small_model(seed=0)
    model.compile(metrics=[metric])
    model.save(path)
    (restored,) = load_model(path).compiled.metrics
    kind = Accuracy if metric in ("accuracy", "acc") else CategoricalAccuracy
    assert (type(restored), restored.name) == (kind, model.compiled.metrics[0].name)
    assert restored.name == ("a" if isinstance(metric, CategoricalAccuracy) else metric)


def test_custom_class_with_a_name_of_the_package_requires_custom_objects(path):
    class Dense(Layer):
        def forward(self, x, ops, training, rng):
            return -x, None

    Sequential([Input(4), Dense()]).save(path)
    with pytest.raises(StorageError, match="custom_objects"):
        load_model(path)
    loaded = load_model(path, {"Dense": Dense})
    same_arrays([loaded.predict(np.ones((1, 4)))], [-np.ones((1, 4), np.float32)])


def test_custom_objects_do_not_replace_classes_of_the_package(path):
    small_model(seed=0).save(path)
    assert type(load_model(path, {"Dense": Scale}).layers[-1]) is Dense


class WithoutConfig(Dense):
    """A layer with an argument that its config does not contain."""

    def __init__(self, units, extra, **options):
        super().__init__(units, **options)
        self.extra = extra


class WithSet(Scale):
    """A layer whose config contains a set, which cannot be saved."""

    def get_config(self):
        return {"start": {1, 2}}


class HiddenScale(Loss):
    """A loss that stores its argument under another name."""

    def __init__(self, factor):
        self.scale = factor


def test_argument_that_is_no_attribute_raises_storage_error_on_save(path):
    model = Sequential([Input(4), Dense(3)])
    model.compile("sgd", HiddenScale(1.0))
    with pytest.raises(StorageError, match="an inherited get_config that does not know 'factor': override get_config"):
        model.save(path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (WithoutConfig(3, extra=1), "class WithoutConfig of layer 'without_config' .* override get_config too"),
        (WithSet(), "layer 'with_set' .*received {1, 2}, which has no get_config"),
        (Dense(3, kernel_initializer=lambda shape, rng, dtype: np.ones(shape, dtype)), "'kernel_initializer' of layer"),
    ],
)
def test_object_without_complete_config_raises_storage_error_on_save(path, layer, message):
    model = Sequential([Input(4), layer])
    with pytest.raises(StorageError, match=message):
        model.save(path)
    assert not path.exists()
    model.save_weights(path)


def test_learning_rate_function_raises_storage_error_but_weights_can_be_saved(path):
    model = small_model(seed=0)
    model.compile(Adam(lambda step: 0.1 / (step + 1)))
    with pytest.raises(StorageError, match=r"'learning_rate' of the optimizer .*function.*with save_weights"):
        model.save(path)
    assert not path.exists()
    model.save_weights(path)
    small_model(seed=1).load_weights(path)


def test_error_names_arguments_that_a_class_does_not_accept(path):
    Sequential([Input(4), Scale()]).save(path)
    with pytest.raises(StorageError, match=r"Expected arguments that Scale accepts, received .*'start': 1.0"):
        load_model(path, {"Scale": Flatten})


# Other files


@pytest.mark.parametrize("name", ["model", "model.npz.bak", "model.onnx", "model.tf"])
def test_other_suffixes_raise_storage_error(tmp_path, name):
    with pytest.raises(StorageError, match=r"ends in \.npz or \.keras or \.h5 or \.hdf5, received"):
        small_model().save(tmp_path / name)
    with pytest.raises(StorageError, match=r"ends in \.npz or \.keras or \.h5 or \.hdf5, received"):
        load_model(tmp_path / name)


def test_model_of_unknown_shape_cannot_be_saved(path):
    model = Sequential([Conv2D(3, 3)])
    for write in (model.save, model.save_weights, model.load_weights, model.export):
        with pytest.raises(ValueError, match="known shape"):
            write(path)


def test_missing_file_raises_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "missing.npz")
    with pytest.raises(FileNotFoundError):
        small_model().load_weights(tmp_path / "missing.npz")


def test_newer_version_and_other_format_raise_storage_error(path):
    small_model().save(path)
    rewrite(path, lambda header: header.update(version=4))
    with pytest.raises(StorageError, match="file of version 3 or older, received version 4; upgrade scratchcnn"):
        load_model(path)
    rewrite(path, lambda header: header.update(format="other"))
    with pytest.raises(StorageError, match="received another archive"):
        load_model(path)
    np.savez(path, x_train=np.zeros(3))
    with pytest.raises(StorageError, match="received another archive"):
        load_model(path)


@pytest.mark.parametrize("cut", [0, 1, 100, 2000, -1])
def test_truncated_file_raises_storage_error_and_changes_nothing(path, cut):
    model = small_model(seed=0)
    model.save(path)
    path.write_bytes(path.read_bytes()[:cut])
    before = model.get_weights()
    for load in (load_model, model.load_weights):
        with pytest.raises(StorageError, match="received a damaged file or one of another kind") as caught:
            load(path)
        assert str(path) in str(caught.value)
    same_arrays(model.get_weights(), before)


def test_flipped_bit_in_a_weight_is_detected(path):
    model = small_model(seed=0)
    model.save(path)
    content = path.read_bytes()
    place = content.index(model.layers[0].params["kernel"].tobytes()) + 5
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(StorageError, match="CRC"):
        load_model(path)


def test_error_names_a_missing_or_wrong_array(path):
    small_model(seed=0).save(path)
    whole = path.read_bytes()
    rewrite(path, **{"parameters/1.npy": None})
    with pytest.raises(StorageError, match=r"Expected an archive member 'parameters/1.npy'"):
        load_model(path)
    path.write_bytes(whole)
    with zipfile.ZipFile(path) as archive:
        other = archive.read("parameters/0.npy")
    rewrite(path, **{"parameters/1.npy": other})
    with pytest.raises(StorageError, match=r"'parameters/1' as float32 \(4,\), received float32 \(3, 3, 1, 4\)"):
        load_model(path)


def test_loaded_rescaling_accepts_integer_images(path):
    Sequential([Rescaling(1 / 255, input_shape=(2, 2, 1)), Flatten()]).save(path)
    images = np.full((1, 2, 2, 1), 255, np.uint8)
    np.testing.assert_allclose(load_model(path).predict(images), 1, rtol=1e-6)


@pytest.mark.parametrize("activation", [*KNOWN, ELU(0.5), LeakyReLU(0.05)], ids=str)
def test_activations_are_restored_with_their_arguments(path, activation, rng):
    layers = [Conv2D(2, 2, activation=activation), Activation(activation), Flatten(), Dense(3, activation)]
    model = Sequential([Input((5, 4, 1)), *layers], seed=0)
    model.save(path)
    loaded, x = load_model(path), rng.standard_normal((3, 5, 4, 1))
    for layer, original in zip(loaded.layers, model.layers, strict=True):
        if hasattr(original, "activation"):
            assert type(layer.activation) is type(original.activation)
            assert layer.activation.get_config() == original.activation.get_config()
    same_arrays([loaded.predict(x)], [model.predict(x)])


@pytest.mark.parametrize("activation", [ELU(0.5), LeakyReLU(0.05)])
def test_activation_with_arguments_that_keras_does_not_store_raises_storage_error(tmp_path, activation):
    model = Sequential([Dense(3, activation, input_shape=(4,))])
    name = type(activation).__name__
    with pytest.raises(StorageError, match=rf"activation of layer .* received activations\.{name}"):
        model.save(tmp_path / "model.keras")
