"""Files written by Keras 2 (tf_keras) load with equal predictions, and training resumes from their optimizer state."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from scratchcnn import Sequential, load_model
from scratchcnn.layers import Dense, Flatten
from scratchcnn.storage import StorageError

STORED = Path(__file__).parent / "keras_2"
SCRIPT = Path(__file__).parents[1] / "support" / "tf_keras_files.py"
MODELS = [
    path.name for path in sorted(STORED.iterdir()) if path.name not in {"expected.npz", "new.weights.h5", "weights.h5"}
]
CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32, sums of at most a hundred terms of order one


@pytest.fixture(scope="module", params=["stored", *(["fresh"] if importlib.util.find_spec("tf_keras") else [])])
def folder(request, tmp_path_factory):
    """The folder of stored files and, if tf_keras is installed, a folder of files that it writes now."""
    if request.param == "stored":
        return STORED
    folder = tmp_path_factory.mktemp("keras_2")
    subprocess.run([sys.executable, str(SCRIPT), str(folder)], check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    with np.load(folder / "expected.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", MODELS)
def test_model_predicts_the_same_and_resumes_training(folder, expected, name):
    model, x, y = load_model(folder / name), expected["x"], expected["y"]
    np.testing.assert_allclose(model.predict(x), expected[f"{name}/predictions"], **CLOSE)
    assert [metric.name for metric in model.compiled.metrics] == ["accuracy"]
    assert model.optimizer_state.iterations == 3
    before = model.get_weights()
    model.train_on_batch(x[:4], y[:4])
    for number, (weight, previous) in enumerate(zip(model.get_weights(), before, strict=True)):
        step = expected[f"{name}/{number}"] - previous
        assert np.abs(step).max() > 1e-3
        np.testing.assert_allclose(weight - previous, step, rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize("name", ["weights.h5", "new.weights.h5", "sequential.h5", "functional.h5"])
def test_weights_are_loaded_from_every_layout(folder, expected, name):
    model = load_model(folder / "functional.keras")
    model.load_weights(folder / name)
    whole = "functional.h5" if name == "functional.h5" else "sequential.h5"
    np.testing.assert_allclose(model.predict(expected["x"]), expected[f"{whole}/predictions"], **CLOSE)


def test_older_layout_is_recognized_under_the_newer_name(folder, expected, tmp_path):
    """Keras 2 before 2.12 wrote the older layout under any name."""
    path = tmp_path / "old.weights.h5"
    path.write_bytes((folder / "weights.h5").read_bytes())
    model = load_model(folder / "functional.keras")
    model.load_weights(path)
    np.testing.assert_allclose(model.predict(expected["x"]), expected["sequential.h5/predictions"], **CLOSE)
    path = tmp_path / "new.h5"
    path.write_bytes((folder / "new.weights.h5").read_bytes())
    other = load_model(folder / "functional.keras")
    other.load_weights(path)
    np.testing.assert_array_equal(other.predict(expected["x"]), model.predict(expected["x"]))


@pytest.mark.parametrize("counted_twice", [False, True])
def test_layers_under_the_name_of_keras_2_13_are_loaded(folder, expected, tmp_path, counted_twice):
    path = tmp_path / "model.weights.h5"
    path.write_bytes((folder / "new.weights.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file.move("layers", "_layer_checkpoint_dependencies")
        if counted_twice:  # layers with weights are listed under two keys
            file["_layer_checkpoint_dependencies"].move("conv2d_1", "conv2d_2")
    model = load_model(folder / "functional.keras")
    model.load_weights(path)
    np.testing.assert_allclose(model.predict(expected["x"]), expected["sequential.h5/predictions"], **CLOSE)
    with h5py.File(path, "r+") as file:
        file["_layer_checkpoint_dependencies"].create_dataset("dense_7/vars/0", data=np.ones(3))
    with pytest.raises(StorageError, match=r"the model has no layer for 'dense_7'"):
        model.load_weights(path)


def test_file_of_weights_is_not_a_model(folder):
    with pytest.raises(StorageError, match=r"Expected a complete model, .* use model.load_weights"):
        load_model(folder / "weights.h5")


def test_weights_of_another_model_leave_the_model_unchanged(folder):
    model = Sequential([Flatten(input_shape=(7, 8, 1)), Dense(3)], seed=0)
    before = model.get_weights()
    for name, message in [
        ("weights.h5", r"parameters \(kernel, bias\) for layer 'dense' .*received the 1 of layer 'conv2d"),
        ("old_adam.h5", r"shape \(56, 3\) for the kernel of layer 'dense' .*received \(3, 3, 1, 2\) of layer 'conv2d"),
        ("new.weights.h5", r"shape \(56, 3\) for the kernel of layer 'dense' .*received \(18, 3\) of layer 'dense'"),
    ]:
        with pytest.raises(StorageError, match=f"{message}.*nothing was changed"):
            model.load_weights(folder / name)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


# Variants of the files of Keras 2


@pytest.fixture
def changed(tmp_path):
    """A function that changes a copy of old_adam.h5 and returns its path."""

    def change(function):
        path = tmp_path / "changed.h5"
        path.write_bytes((STORED / "old_adam.h5").read_bytes())
        with h5py.File(path, "r+") as file:
            function(file)
        return path

    return change


def change_json(file, name, function):
    content = json.loads(file.attrs[name])
    function(content)
    file.attrs[name] = json.dumps(content)


def test_file_without_training_config_is_loaded_uncompiled(changed):
    assert load_model(changed(lambda file: file.attrs.pop("training_config"))).compiled is None


@pytest.mark.parametrize("name", ["training/Adam/Variable_{}:0", "param_{}"])
def test_optimizer_state_without_names_of_moments_is_not_restored(changed, name):
    """Keras 2.0 to 2.2 with TensorFlow, and with Theano, whose kernels are rotated."""

    def rename(file):
        group = file["optimizer_weights"]
        names = ["Adam/iter:0", *(name.format(n) for n in range(len(group.attrs["weight_names"]) - 1))]
        for old, new in zip(list(group.attrs["weight_names"]), names, strict=True):
            if old != new:
                group.move(old, new)
        group.attrs["weight_names"] = np.array(names, "S")

    with pytest.warns(UserWarning, match="The model is loaded without the optimizer state") as caught:
        model = load_model(changed(rename))
    assert caught[0].filename == __file__
    assert model.optimizer_state.iterations == 0
    assert model.optimizer.learning_rate == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"decay": 1e-4}, r"received decay=0.0001"),
        ({"use_ema": True}, r"received use_ema=True"),
        ({"clipvalue": 0.5}, None),
        ({"lr": 0.5}, None),
        ({"epsilon": None}, None),
    ],
    ids=str,
)
def test_optimizer_of_keras_2_with_other_options(changed, config, message):
    def change(training):
        options = training["optimizer_config"]["config"]
        if "lr" in config:
            del options["learning_rate"]
        options.update(config)

    path = changed(lambda file: change_json(file, "training_config", change))
    if message is None:
        model = load_model(path)
        assert model.optimizer.learning_rate == config.get("lr", pytest.approx(0.01))
        assert model.optimizer.epsilon == 1e-7
        assert model.optimizer.clipvalue == config.get("clipvalue")
    else:
        with pytest.warns(UserWarning, match=f"{message}.* The model is loaded uncompiled: call compile"):
            assert load_model(path).compiled is None


@pytest.mark.parametrize("optional", ["layer_names", "model_weights"])
def test_file_without_the_list_of_layers_raises_storage_error(changed, optional):
    def remove(file):
        if optional == "model_weights":
            del file["model_weights"]
        else:
            del file["model_weights"].attrs["layer_names"]

    with pytest.raises(
        StorageError, match=r"Expected (a group 'model_weights', received none|parameters for 2 layers)"
    ):
        load_model(changed(remove))


def test_file_without_the_weights_of_a_layer_raises_storage_error_that_names_it(changed):
    def remove(file):
        group = file["model_weights"]
        names = list(group.attrs["layer_names"])
        group.attrs["layer_names"] = np.array(names[:-1], "S")

    with pytest.raises(StorageError, match=r"the file has none for layer 'dense\w*' \(Dense\)"):
        load_model(changed(remove))

    def remove_kernel(file):
        del file["model_weights"]["dense/dense/kernel:0"]

    with pytest.raises(StorageError, match=r"'dense/dense/kernel:0' as a contiguous array of numbers, received None"):
        load_model(changed(remove_kernel))
