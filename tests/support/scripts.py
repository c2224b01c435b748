"""Run a script in this process as if from the command line.

A process of its own needs seconds of computing time to import NumPy, Numba and matplotlib, or even Keras, which is most
of the time for a script that rejects its arguments or loads a small model. Each script is also tested as a process.
"""

from __future__ import annotations

import contextlib
import io
import runpy
import subprocess
import sys
from pathlib import Path


def run_in_this_process(script: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Exit code, standard output and standard error of a script whose working directory is `folder`."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    command = [str(script), *map(str, arguments)]
    printed = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with contextlib.chdir(folder), printed[0], printed[1], _started_as(command):
        try:
            runpy.run_path(command[0], run_name="__main__")
        except SystemExit as end:
            code = end.code
    if isinstance(code, str):  # as Python does
        err.write(f"{code}\n")
        code = 1
    return subprocess.CompletedProcess(command, code or 0, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _started_as(command: list[str]):
    """Set `sys.argv`, and let the script import the modules beside it, even if tests have some of the same names."""
    folder = Path(command[0]).parent
    beside = {path.stem for path in folder.glob("*.py")}
    arguments, paths = sys.argv, sys.path.copy()
    others = {name: sys.modules.pop(name) for name in beside & sys.modules.keys()}
    sys.argv = command
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.argv, sys.path[:] = arguments, paths
        for name in beside:
            sys.modules.pop(name, None)
        sys.modules.update(others)
