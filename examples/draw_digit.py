"""Draw a digit with the mouse, and see the ten predicted probabilities while you draw."""

import argparse
import signal
import sys

import matplotlib.pyplot as plt
from read_digit import train_on_sample

from scratchcnn import Sequential, load_model
from scratchcnn.plots import DrawingBoard

WITHOUT_WINDOW = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")
WAYS = """on a desktop, install a GUI toolkit:  python -m pip install PyQt6
or draw in the browser:               python -m pip install 'scratchcnn[browser]'
                                      MPLBACKEND=webagg python examples/draw_digit.py"""


def main() -> None:
    model = read_command_line()
    figure = open_window()  # before training, as it may fail
    if model is None:
        model = train_on_sample()
    board = DrawingBoard(model, figure, on_quit=lambda: close_window(figure))
    print(board.message, "Keys: c clears, u undoes the last stroke, q quits.", flush=True)
    plt.show()


def open_window() -> plt.Figure:
    """Return an empty figure in a window; exit with installation hints if that is not possible."""
    plt.rcParams.update({"toolbar": "None", "webagg.open_in_browser": False})
    try:
        figure = plt.figure("scratchcnn: draw a digit", figsize=(7.4, 5), facecolor="white")
    except (ImportError, RuntimeError) as error:  # the toolkit or a display is missing
        sys.exit(f"draw_digit.py: error: cannot open a window: {error}\n{WAYS}")
    backend = plt.get_backend().lower()
    if backend in WITHOUT_WINDOW or backend.endswith("inline"):
        sys.exit(f"draw_digit.py: error: matplotlib's backend '{backend}' opens no window\n{WAYS}")
    shortcuts = getattr(figure.canvas.manager, "key_press_handler_id", None)
    if shortcuts is not None:
        figure.canvas.mpl_disconnect(shortcuts)  # of matplotlib, in which c means 'back'
    return figure


def close_window(figure: plt.Figure) -> None:
    """Close the window, so that `plt.show` returns."""
    plt.close(figure)
    if plt.get_backend().lower() == "webagg":
        signal.raise_signal(signal.SIGINT)  # its server runs until Ctrl-C


def read_command_line() -> Sequential | None:
    """Return the model given on the command line, or None; exit if it is not suitable."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=WAYS, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", metavar="FILE",
                        help="a model saved with scratchcnn or Keras\n"
                             "(default: train one on the embedded sample, some seconds)")  # fmt: skip
    options = parser.parse_args()
    if options.model is None:
        return None
    try:
        model = load_model(options.model)
        DrawingBoard(model)  # checks the input and output shapes
    except (OSError, ValueError, ImportError) as error:
        parser.error(f"argument --model: {error}")
    return model


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
