"""Run all lessons as from the command line, and print as JSON the exit code and the output of each.

    python lessons_child.py FOLDER    the folder for the figures

One process runs them all, so that NumPy, Numba and matplotlib are imported once. Before a figure is saved, its texts
are checked for legibility, and a lesson with an illegible text ends with that error.
"""

import contextlib
import io
import json
import runpy
import sys
import traceback
from pathlib import Path

TESTS = Path(__file__).parents[1]
EXAMPLES = TESTS.parent / "examples"
sys.path[:0] = [str(EXAMPLES), str(TESTS / "support")]

import lesson  # noqa: E402 - found in EXAMPLES
from legible import assert_legible  # noqa: E402

from scratchcnn import Sequential  # noqa: E402
from scratchcnn.layers import Conv2D, Dense, Flatten  # noqa: E402

WRONG = {
    "same digits": ("01_one_neuron.py", "--digits", "3", "3"),
    "no digit": ("01_one_neuron.py", "--digits", "3", "10"),
    "no folder": ("02_a_layer_of_neurons.py", "--output", __file__),
    "no folder for figures of the network": ("10_look_inside.py", "--output", __file__),
    "no network of lesson 9": ("10_look_inside.py", "--output", "FOLDER/an empty folder"),
    "damaged network of lesson 9": ("10_look_inside.py", "--output", "FOLDER/damaged"),
    "no such image": ("10_look_inside.py", "--output", "FOLDER", "--image", "1000"),
    "no such model": ("10_look_inside.py", "--output", "FOLDER", "--model", "FOLDER/nowhere.npz"),
    "no model file": ("10_look_inside.py", "--output", "FOLDER", "--model", __file__),
    "other images": ("10_look_inside.py", "--output", "FOLDER", "--model", "FOLDER/other_images.npz"),
    "no convolution": ("10_look_inside.py", "--output", "FOLDER", "--model", "FOLDER/no_convolution.npz"),
    "no probabilities": ("10_look_inside.py", "--output", "FOLDER", "--model", "FOLDER/no_probabilities.npz"),
}


def main() -> None:
    folder = Path(sys.argv[1])
    save = lesson.save

    def save_if_legible(figure, path):
        assert_legible(figure.axes[0])
        save(figure, path)

    lesson.save = save_if_legible
    scripts = [*sorted(EXAMPLES.glob("[0-9][0-9]_*.py")), EXAMPLES / "write_your_own_layer.py"]
    done = {script.stem: run(script.name, "--output", str(folder)) for script in scripts}
    done["other digits"] = run("01_one_neuron.py", "--digits", "4", "9", "--output", str(folder / "other"))
    save_wrong_networks(folder)
    for name, arguments in WRONG.items():
        done[name] = run(*(argument.replace("FOLDER", str(folder)) for argument in arguments))
    print(json.dumps(done))


def save_wrong_networks(folder: Path) -> None:
    (folder / "damaged").mkdir()
    (folder / "damaged" / "network.npz").write_bytes(b"PK and no more")
    convolution = Conv2D(2, 3, input_shape=(28, 28, 1))
    for name, layers in {
        "other_images": [Flatten(input_shape=(8, 8, 1)), Dense(10, activation="softmax")],
        "no_convolution": [Flatten(input_shape=(28, 28, 1)), Dense(10, activation="softmax")],
        "no_probabilities": [convolution, Flatten(), Dense(10)],
    }.items():
        Sequential(layers).save(folder / f"{name}.npz")


def run(script: str, *arguments: str) -> dict[str, object]:
    """Exit code, standard output and standard error of a lesson."""
    out, err = io.StringIO(), io.StringIO()
    sys.argv = [script, *arguments]
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(str(EXAMPLES / script), run_name="__main__")
        except SystemExit as stop:
            code = stop.code
        except Exception:
            traceback.print_exc()
            code = 1
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    main()
