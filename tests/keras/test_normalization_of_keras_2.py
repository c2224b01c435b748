"""Models with BatchNormalization written by Keras 2 (tf_keras) predict the same, and training resumes as there."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchcnn import load_model
from scratchcnn.layers import BatchNormalization

STORED = Path(__file__).parent / "keras_2_normalization"
SCRIPT = Path(__file__).parents[1] / "support" / "tf_keras_normalization.py"
CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32, sums of at most a hundred terms of order one


@pytest.fixture(scope="module", params=["stored", *(["fresh"] if importlib.util.find_spec("tf_keras") else [])])
def folder(request, tmp_path_factory):
    """The folder of stored files and, if tf_keras is installed, a folder of files that it writes now."""
    if request.param == "stored":
        return STORED
    folder = tmp_path_factory.mktemp("keras_2_normalization")
    subprocess.run([sys.executable, str(SCRIPT), str(folder)], check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    with np.load(folder / "expected.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", ["sequential.h5", "sequential.keras", "functional.h5", "functional.keras"])
def test_model_predicts_the_same_and_resumes_training(folder, expected, name):
    model, x, y = load_model(folder / name), expected["x"], expected["y"]
    np.testing.assert_allclose(model.predict(x), expected[f"{name}/predictions"], **CLOSE)
    before = [layer.get_weights() for layer in model.layers]
    model.train_on_batch(x[8:], y[8:])
    for layer, old in zip(model.layers, before, strict=True):
        for number, (parameter, array) in enumerate(layer.params.items()):
            theirs = expected[f"{name}/{layer.name}/{number}"]
            if parameter == "moving_variance" and isinstance(layer, BatchNormalization) and len(layer.input_shape) == 3:
                # Keras 2 divides the variance of images by one less than the number of values.
                count = 8 * layer.input_shape[0] * layer.input_shape[1]
                rest = layer.momentum * old[number]
                theirs = rest + (theirs - rest) * (count - 1) / count
            # One float32 step of 1e-4 to 1e-1, of values of order 1: a few unit roundoffs each.
            assert np.abs(array - old[number]).max() > 1e-5
            np.testing.assert_allclose(array, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weights", ["weights.h5", "new.weights.h5", "sequential.h5", "sequential.keras"])
def test_weights_are_loaded_from_every_layout(folder, expected, weights):
    model = load_model(folder / "functional.keras")
    model.load_weights(folder / weights)
    whole = "sequential.keras" if weights == "sequential.keras" else "sequential.h5"
    np.testing.assert_allclose(model.predict(expected["x"]), expected[f"{whole}/predictions"], **CLOSE)
