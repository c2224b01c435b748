"""A window to draw a digit in with the mouse: ten bars show what the network takes it for, while you draw."""

import argparse
import signal
import sys

import matplotlib.pyplot as plt
from read_digit import train_on_sample

from scratchcnn import Sequential, load_model
from scratchcnn.plots import DrawingBoard

WITHOUT_WINDOW = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")
WAYS = """on a desktop, give matplotlib a toolkit:  python -m pip install PyQt6
or draw in the browser:                   python -m pip install 'scratchcnn[browser]'
                                          MPLBACKEND=webagg python examples/draw_digit.py"""


def main() -> None:
    model = read_command_line()
    figure = open_window()  # before the training, so that nobody waits for nothing
    if model is None:
        model = train_on_sample()
    board = DrawingBoard(model, figure, on_quit=lambda: close_window(figure))
    print(board.message, "Keys: c clears, u takes the last stroke away, q quits.", flush=True)
    plt.show()


def open_window() -> plt.Figure:
    """An empty figure in a window, or a message that says how to get one."""
    plt.rcParams.update({"toolbar": "None", "webagg.open_in_browser": False})
    try:
        figure = plt.figure("scratchcnn: draw a digit", figsize=(7.4, 5), facecolor="white")
    except (ImportError, RuntimeError) as error:  # the toolkit is missing, or there is no screen
        sys.exit(f"draw_digit.py: error: no window can be opened: {error}\n{WAYS}")
    backend = plt.get_backend().lower()
    if backend in WITHOUT_WINDOW or backend.endswith("inline"):
        sys.exit(f"draw_digit.py: error: matplotlib's backend '{backend}' opens no window\n{WAYS}")
    shortcuts = getattr(figure.canvas.manager, "key_press_handler_id", None)
    if shortcuts is not None:
        figure.canvas.mpl_disconnect(shortcuts)  # of matplotlib, where c means 'back'
    return figure


def close_window(figure: plt.Figure) -> None:
    """Close the window, and so end `plt.show`."""
    plt.close(figure)
    if plt.get_backend().lower() == "webagg":
        signal.raise_signal(signal.SIGINT)  # its server runs on until Ctrl-C


def read_command_line() -> Sequential | None:
    """The model that is named, if one is; a wrong one ends the program with a line that says why."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=WAYS, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", metavar="FILE",
                        help="a model that was saved with scratchcnn or Keras;\n"
                             "default: one that is trained on the sample now, which takes some seconds")  # fmt: skip
    options = parser.parse_args()
    if options.model is None:
        return None
    try:
        model = load_model(options.model)
        DrawingBoard(model)  # refuses one for other images
    except (OSError, ValueError, ImportError) as error:
        parser.error(f"argument --model: {error}")
    return model


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
