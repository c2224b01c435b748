"""A model saved as .npz comes back as it was, or the error says what cannot be kept or what does not fit."""

import json
import zipfile

import numpy as np
import pytest
from networks import article_model, small_data, small_model

from scratchcnn import History, Sequential, load_model
from scratchcnn.activations import ActivationFunction
from scratchcnn.layers import Activation, Conv2D, Dense, Flatten, Input, Layer, Rescaling
from scratchcnn.losses import CategoricalCrossentropy
from scratchcnn.metrics import CategoricalAccuracy
from scratchcnn.optimizers import SGD, Adam, schedules
from scratchcnn.storage import StorageError


def same_arrays(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def rewritten(path, change=None, **members):
    """The archive with another header or other members."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    if change is not None:
        header = json.loads(np.load(path)["header"].tobytes())
        change(header)
        text = np.frombuffer(json.dumps(header).encode(), np.uint8)
        np.savez(path.with_name("header.npz"), header=text)
        with zipfile.ZipFile(path.with_name("header.npz")) as archive:
            contents["header.npy"] = archive.read("header.npy")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**contents, **members}.items():
            if content is not None:
                archive.writestr(name, content)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ["kernels", "reference"])
def test_everything_comes_back(path, dtype, engine):
    model = small_model(seed=4, dtype=dtype, engine=engine)
    model.compile(SGD(schedules.OneCycle(0.1, 9), momentum=0.5), CategoricalCrossentropy(), [CategoricalAccuracy("a")])
    model.save(path)
    loaded = load_model(path)
    assert (loaded.engine, loaded.dtype, loaded.input_shape) == (engine, np.dtype(dtype), (None, 9, 8, 1))
    assert [(layer.name, layer.get_config()) for layer in loaded.layers] == [
        (layer.name, layer.get_config()) for layer in model.layers
    ]
    same_arrays(loaded.get_weights(), model.get_weights())
    loss, optimizer, (metric,) = loaded._compiled
    assert (type(loss), loss.from_logits, metric.name) == (CategoricalCrossentropy, False, "a")
    assert (type(optimizer), optimizer.momentum, optimizer.learning_rate.total_steps) == (SGD, 0.5, 9)
    assert loaded._trainer is None
    assert loaded.history is None


def test_a_model_that_is_not_compiled_comes_back_so(path):
    model = Sequential([Input(4), Dense(3, name="one"), Activation("relu")], seed=0)
    model.save(str(path))
    loaded = load_model(str(path))
    same_arrays([loaded.predict(np.ones((2, 4)))], [model.predict(np.ones((2, 4)))])
    with pytest.raises(RuntimeError, match="compile"):
        loaded.evaluate(np.ones((2, 4)), [0, 1])


def test_numbers_that_are_not_finite_come_back_too(path):
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


def test_the_article_takes_as_much_room_as_its_numbers(path):
    article_model(seed=0).save(path)
    assert 4 * 1_199_882 < path.stat().st_size < 4 * 1_199_882 + 10_000


def test_what_training_remembers_does_not_move_into_the_model_that_is_saved(path):
    model = small_model(seed=0)
    before = model._shuffle_rng.bit_generator.state
    model.save(path)
    assert model._trainer is None
    assert model._shuffle_rng.bit_generator.state == before


# Weights alone


@pytest.mark.parametrize("name", ["save", "save_weights"])
def test_weights_go_into_a_model_of_other_names_and_dtype(path, name):
    model, other = small_model(seed=0), small_model(seed=1, dtype="float64")
    other.layers[0].name = "otherwise"
    getattr(model, name)(path)
    other.load_weights(path)
    same_arrays(other.get_weights(), [weight.astype(np.float64) for weight in model.get_weights()])


def test_weights_are_those_that_the_next_step_starts_from(path):
    x, y = small_data(8)
    model = small_model(seed=0)
    model.save_weights(path)
    model.fit(x, y, verbose=0)
    model.load_weights(path)
    loss_before = model.evaluate(x, y, verbose=0)
    same_arrays([loss_before], [small_model(seed=0).evaluate(x, y, verbose=0)])


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([Dense(5)], r"Expected shape \(4, 5\) for the kernel of layer 'dense' .*received \(4, 3\) of 'dense'"),
        ([Dense(3, use_bias=False)], r"Expected 1 parameters \(kernel\) for layer 'dense' .*received 2 of 'dense'"),
        ([Dense(3), Dense(2)], "parameters for 2 layers, received those of 1: none is left for layer 'dense_1'"),
        ([Activation("relu")], "parameters for 0 layers, received those of 1: no layer is left for 'dense'"),
    ],
)
def test_weights_that_do_not_fit_change_nothing(path, layers, said):
    Sequential([Input(4), Dense(3)]).save_weights(path)
    model = Sequential([Input(4), *layers], seed=0)
    before = model.get_weights()
    with pytest.raises(StorageError, match=said) as caught:
        model.load_weights(path)
    assert str(path) in str(caught.value)
    assert "nothing was changed" in str(caught.value)
    same_arrays(model.get_weights(), before)


def test_numbers_too_large_for_the_dtype_change_nothing(path):
    large, model = (Sequential([Input(4), Dense(3)], dtype=dtype, seed=0) for dtype in ("float64", "float32"))
    large.layers[0].params["bias"][1] = 1e39
    large.save_weights(path)
    before = model.get_weights()
    with pytest.raises(StorageError, match=r"numbers within float32 for the bias of layer 'dense'"):
        model.load_weights(path)
    same_arrays(model.get_weights(), before)


def test_weights_alone_are_no_model(path):
    small_model().save_weights(path)
    with pytest.raises(StorageError, match=r"received weights alone; use model.load_weights"):
        load_model(path)


# A user's own classes


class Scale(Layer):
    """Multiplies each channel by a number that is learned."""

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
    name = "relu"  # taken by another, which it is not

    def forward(self, x, ops):
        return x * x


class Halving:
    """A schedule that is a class."""

    def __init__(self, start):
        self.start = start

    def __call__(self, step):
        return self.start / (step + 1)

    def get_config(self):
        return {"start": self.start}


def test_a_users_own_classes_come_back_by_custom_objects(path):
    model = Sequential([Input(4), Scale(2.5, Square(), name="mine"), Dense(3, Square()), Activation("softmax")], seed=0)
    model.compile(Adam(Halving(0.5)))
    model.layers[0].params["factor"][1] = 7
    model.save(path)
    custom = {"Scale": Scale, "Square": Square, "Halving": Halving}
    loaded = load_model(path, custom_objects=custom)
    assert type(loaded.layers[0]) is Scale
    assert (loaded.layers[0].name, loaded.layers[0].start) == ("mine", 2.5)
    assert loaded._compiled[1].learning_rate(4) == 0.1
    x = np.arange(8.0).reshape(2, 4)
    same_arrays([loaded.predict(x)], [model.predict(x)])
    for missing in custom:
        given = {name: kind for name, kind in custom.items() if name != missing}
        with pytest.raises(StorageError, match=f"received '{missing}'; give custom_objects=") as caught:
            load_model(path, given)
        assert str(path) in str(caught.value)


def test_a_users_class_of_a_known_name_is_not_taken_for_the_known_one(path):
    class Dense(Layer):
        def forward(self, x, ops, training, rng):
            return -x, None

    Sequential([Input(4), Dense()]).save(path)
    with pytest.raises(StorageError, match="custom_objects"):
        load_model(path)
    loaded = load_model(path, {"Dense": Dense})
    same_arrays([loaded.predict(np.ones((1, 4)))], [-np.ones((1, 4), np.float32)])


def test_known_classes_are_not_replaced_by_custom_objects(path):
    small_model(seed=0).save(path)
    assert type(load_model(path, {"Dense": Scale}).layers[-1]) is Dense


class Forgetful(Dense):
    """Takes an argument of which its config says nothing."""

    def __init__(self, units, extra, **options):
        super().__init__(units, **options)
        self.extra = extra


class Odd(Scale):
    """Holds in its config what no file can."""

    def get_config(self):
        return {"start": {1, 2}}


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (Forgetful(3, extra=1), "class Forgetful of layer 'forgetful' .* write get_config too"),
        (Odd(), "layer 'odd' .*received {1, 2}, which has no get_config"),
        (Dense(3, kernel_initializer=lambda shape, rng, dtype: np.ones(shape, dtype)), "'kernel_initializer' of layer"),
    ],
)
def test_what_cannot_be_made_again_is_refused_at_once(path, layer, said):
    model = Sequential([Input(4), layer])
    with pytest.raises(StorageError, match=said):
        model.save(path)
    assert not path.exists()
    model.save_weights(path)


def test_a_learning_rate_that_is_a_function_is_refused_and_weights_can_be_kept(path):
    model = small_model(seed=0)
    model.compile(Adam(lambda step: 0.1 / (step + 1)))
    with pytest.raises(StorageError, match=r"'learning_rate' of the optimizer .*function.*with save_weights"):
        model.save(path)
    assert not path.exists()
    model.save_weights(path)
    small_model(seed=1).load_weights(path)


def test_arguments_that_a_class_refuses_are_told(path):
    Sequential([Input(4), Scale()]).save(path)
    with pytest.raises(StorageError, match=r"Expected arguments that Scale takes, received .*'start': 1.0"):
        load_model(path, {"Scale": Flatten})


# Files that are something else


@pytest.mark.parametrize("name", ["model", "model.h5", "model.npz.bak", "model.onnx", "model.weights.h5"])
def test_other_names_are_refused(tmp_path, name):
    with pytest.raises(StorageError, match=r"ends in \.npz or \.keras, received"):
        small_model().save(tmp_path / name)
    with pytest.raises(StorageError, match=r"ends in \.npz or \.keras, received"):
        load_model(tmp_path / name)


def test_a_model_of_unknown_shape_is_not_saved(path):
    model = Sequential([Conv2D(3, 3)])
    for write in (model.save, model.save_weights, model.load_weights, model.export):
        with pytest.raises(ValueError, match="known shape"):
            write(path)


def test_a_missing_file_is_as_usual(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "missing.npz")
    with pytest.raises(FileNotFoundError):
        small_model().load_weights(tmp_path / "missing.npz")


def test_a_newer_version_and_another_format_are_refused(path):
    small_model().save(path)
    rewritten(path, lambda header: header.update(version=2))
    with pytest.raises(
        StorageError, match="file of version 1 at most, received version 2; a newer scratchcnn wrote it"
    ):
        load_model(path)
    rewritten(path, lambda header: header.update(format="other"))
    with pytest.raises(StorageError, match="received another archive"):
        load_model(path)
    np.savez(path, x_train=np.zeros(3))
    with pytest.raises(StorageError, match="received another archive"):
        load_model(path)


@pytest.mark.parametrize("cut", [0, 1, 100, 2000, -1])
def test_a_file_cut_short_is_refused_and_changes_nothing(path, cut):
    model = small_model(seed=0)
    model.save(path)
    path.write_bytes(path.read_bytes()[:cut])
    before = model.get_weights()
    for load in (load_model, model.load_weights):
        with pytest.raises(StorageError, match="received a damaged or another file") as caught:
            load(path)
        assert str(path) in str(caught.value)
    same_arrays(model.get_weights(), before)


def test_a_flipped_bit_in_a_weight_is_found(path):
    model = small_model(seed=0)
    model.save(path)
    content = path.read_bytes()
    place = content.index(model.layers[0].params["kernel"].tobytes()) + 5
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(StorageError, match="CRC"):
        load_model(path)


def test_a_missing_or_wrong_array_is_named(path):
    small_model(seed=0).save(path)
    whole = path.read_bytes()
    rewritten(path, **{"parameters/1.npy": None})
    with pytest.raises(StorageError, match=r"Expected a member 'parameters/1.npy'"):
        load_model(path)
    path.write_bytes(whole)
    with zipfile.ZipFile(path) as archive:
        other = archive.read("parameters/0.npy")
    rewritten(path, **{"parameters/1.npy": other})
    with pytest.raises(StorageError, match=r"'parameters/1' as float32 \(4,\), received float32 \(3, 3, 1, 4\)"):
        load_model(path)


def test_rescaling_takes_bytes_after_loading(path):
    Sequential([Rescaling(1 / 255, input_shape=(2, 2, 1)), Flatten()]).save(path)
    images = np.full((1, 2, 2, 1), 255, np.uint8)
    np.testing.assert_allclose(load_model(path).predict(images), 1, rtol=1e-6)
