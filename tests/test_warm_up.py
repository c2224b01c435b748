"""`python -m scratchcnn.warm_up` compiles the kernels that training and prediction call, and says where they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import scratchcnn
from scratchcnn import warm_up
from scratchcnn.kernels.runtime import dry_run, processes

# Kernels that no network calls which has the library's layers with their default algorithms.
OTHERS = (
    "conv2d.loops:", "im2col:", "conv2d.near_ties:_decide_near_ties",  # algorithms to be selected by name
    "random:", "smooth_noise:", "warp:",  # initial weights and augmentation
    "optimizers.clipping:_scale",  # depends on the norm of the gradient
)  # fmt: skip
# Versions for large arrays of kernels whose arrays are usually small.
RARE = "losses.", "fused.dense_relu:_mask_and_sum"


@pytest.fixture(scope="module")
def recorded_names():
    with pytest.MonkeyPatch.context() as patch:
        names = set()
        patch.setattr(dry_run, "record", lambda kernel, kinds: names.add(processes.name_of(kernel.py_func)))
        for model in warm_up.models("float32"):
            list(warm_up.kernels_of(model))
    return names


def test_every_kernel_is_compiled_unless_networks_do_not_call_it(recorded_names):
    variants = tuple(f"_{name}" for name in ("from_python", "c_code"))
    prefix = "scratchcnn.kernels."
    known = {name for name in processes.kernels if name.startswith(prefix) and not name.endswith(variants)}
    assert len(known) > 50
    missing = {name.removeprefix(prefix) for name in known - recorded_names}
    unexpected = sorted(name for name in missing if not name.startswith((*OTHERS, *RARE)))
    assert unexpected == []


FEW = """
import sys
from scratchcnn import Sequential, warm_up
from scratchcnn.layers import Dense

def models(dtype):
    model = Sequential([Dense(3, activation="relu", input_shape=(2,))], dtype=dtype, seed=0)
    model.compile("sgd", "mse")
    yield model

warm_up.models = models
sys.argv = ["warm_up", "--dtype", "float64"]
warm_up.main()
"""


def run(folder):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": str(Path(scratchcnn.__file__).parents[1])}
    ended = subprocess.run([sys.executable, "-c", FEW], env=environment, capture_output=True, text=True)
    return ended.stdout.splitlines(), ended.stderr, ended.returncode


def test_command_prints_what_was_compiled_and_where_it_is(tmp_path):
    (compiled, cache), errors, code = run(tmp_path)
    assert (errors, code) == ("", 0)
    assert not compiled.startswith("Compiled 0 kernels")
    assert "for float64 in" in compiled
    assert cache.startswith(f"The cache is {tmp_path}, ")
    (compiled, _), errors, code = run(tmp_path)
    assert compiled.startswith("Compiled 0 kernels for float64")


def test_command_without_a_folder_for_the_cache_fails(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    output, errors, code = run(file / "cache")
    assert (output, code) == ([], 1)
    assert errors.startswith("Expected a writable folder for the compiled kernels, received")
