"""Runs lessons one after the other, as from the command line; prints as JSON what each of them wrote, or said wrong.

    python lessons_child.py FOLDER    the folder for the pictures

One process for all, so that NumPy, Numba and matplotlib are imported once. Before a picture is saved, its texts are
looked at (`legible`), and a lesson with one that cannot be read ends with that error.
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

import lesson  # noqa: E402 - of the examples, which Python does not know before
from legible import assert_legible  # noqa: E402

WRONG = {
    "same digits": ("01_one_neuron.py", "--digits", "3", "3"),
    "no digit": ("01_one_neuron.py", "--digits", "3", "10"),
    "no folder": ("02_a_layer_of_neurons.py", "--output", __file__),
    "no model": ("10_look_inside.py", "--output", "EMPTY"),
    "no such image": ("10_look_inside.py", "--image", "1000"),
    "no model file": ("10_look_inside.py", "--model", __file__),
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
    for name, arguments in WRONG.items():
        done[name] = run(*(str(folder / "empty") if argument == "EMPTY" else argument for argument in arguments))
    print(json.dumps(done))


def run(script: str, *arguments: str) -> dict[str, object]:
    """Exit code, and what was written to the two streams."""
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
