"""LiveView: shows a training in a browser or in a notebook while it goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchcnn.arguments import is_integer, non_negative
from scratchcnn.callbacks.base import Callback, Logs
from scratchcnn.display.cell_output import CellOutput, is_available
from scratchcnn.training.data import Fitting, Samples, check_samples
from scratchcnn.training.sources import Source, evenly_spaced
from scratchcnn.training.warning import warn

if TYPE_CHECKING:  # at run time, they are loaded with the first view: `import scratchcnn` needs no server
    from scratchcnn.callbacks.live_view.content import State
    from scratchcnn.callbacks.live_view.outlets import Outlet, ServerOutlet

SHARE = 0.02  # of the time of training that updates may take
LONGEST_PAUSE = 10.0  # seconds, also after an update that was slow because it compiled kernels


class LiveView(Callback):
    """Shows a training in a browser or in a notebook while it goes on.

    The page has the learning curves, the filters of the first convolution and their change since the start of
    training, and the predictions for a few images. It loads nothing from the internet.

    Parameters
    ----------
    path_or_port : path, int or None
        A path such as 'live.html': the page is written to this file, which reloads itself until training is finished.
        A port: the page is served at http://127.0.0.1:PORT/, to browsers on this computer only; 0: at any free port.
        The address is printed. None: the page is shown in a notebook only.
    examples : (x, y), optional
        Images and labels, as for `fit`, of which at most 12 are shown. Default: samples of the validation data, or of
        the training data if there are none.
    names : sequence of str, optional
        Names of the classes; default: their numbers.
    interval : float, default 1
        Shortest time between two updates within an epoch, in seconds. 0: the page is updated after every batch and
        every epoch, regardless of the cost.

    Attributes
    ----------
    url : str or None
        Address of the page while it is served.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range; before training: the examples or the names do not fit the model, or
        path_or_port is None outside of a notebook.
    OSError
        Before training: the port is not free, or the file cannot be written.

    Notes
    -----
    In a notebook, the content of the page is also shown and updated below the cell, and the object itself displays its
    last state.

    The training is not affected: its results are the same bits. Weights, curves and running means are updated within
    epochs, predictions at their ends. Updates take at most about 2 % of the time, for which epochs that are much
    shorter than a second may be left out; the final state is always shown. It is called after all other callbacks,
    regardless of their order, so that it shows values which they add.

    After training, the server keeps serving the final state, until `close` is called or the process ends; the next
    `fit` with the same object continues at the same address. If training ends with an error or Ctrl-C, the page keeps
    the state before; it states the time of its last update. If a file can no longer be written during training, for
    example because the disk is full, a warning is issued once, and training continues.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from scratchcnn import Sequential
    >>> from scratchcnn.layers import Dense
    >>> model = Sequential([Dense(2, activation="softmax", input_shape=(3,))], seed=0)
    >>> model.compile("sgd", "sparse_categorical_crossentropy")
    >>> x, y = np.eye(3), np.array([0, 1, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = pathlib.Path(folder, "live.html")  # open it in a browser while fit is running
    ...     history = model.fit(x, y, epochs=2, verbose=0, callbacks=[LiveView(page)])
    ...     "Finished after 2 epochs" in page.read_text("utf-8")
    True
    """

    acts_last = True

    def __init__(
        self,
        path_or_port: str | os.PathLike[str] | int | None = None,
        examples: tuple[Any, Any] | None = None,
        names: Sequence[str] | None = None,
        interval: float = 1.0,
    ) -> None:
        super().__init__()
        self.path, self.port = _target(path_or_port)
        if examples is not None and (not isinstance(examples, (tuple, list)) or len(examples) != 2):
            raise ValueError(f"Expected examples as (x, y), received {type(examples).__name__}; pass a pair of arrays.")
        if isinstance(names, str):
            raise ValueError(f"Expected names as a sequence of names, received {names!r}; pass a list of them.")
        self.examples, self.names = examples, None if names is None else [str(name) for name in names]
        self.interval = non_negative("interval", interval)
        self._source: Source | None = None
        self._samples: Samples | None = None
        self._state: State | None = None
        self._outlet: Outlet | None = None
        self._server: ServerOutlet | None = None
        self._cell: CellOutput | None = None
        self._due = self._affordable = 0.0  # times of the next update: within an epoch, and at its end
        self._has_warned = False

    @property
    def url(self) -> str | None:
        """Address of the page while it is served."""
        return None if self._server is None else self._server.server.url

    def close(self) -> None:
        """Stop serving the page; without a server, do nothing."""
        if self._server is not None:
            self._server.server.close()
            self._server = None

    def __repr__(self) -> str:
        if self.path is not None:
            return f"<LiveView: {os.fspath(self.path)}>"
        return f"<LiveView: {self.url or 'not served'}>" if self.port is not None else "<LiveView: in a notebook>"

    def _repr_html_(self) -> str:
        """Return what a notebook displays: the last state."""
        return "<p>The training has not begun.</p>" if self._state is None else self._notebook_html(self._state)

    def set_data(self, training: Source, validation: Source | None) -> None:
        """Keep the source of the images until training ends."""
        self._source = training if validation is None else validation

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check the arguments, open the file or start the server, and show the model before training."""
        from scratchcnn.callbacks.live_view.content import State, filters_of

        self._samples, self._has_warned = self._checked_examples(), False
        before = [] if self.model.history is None else list(self.model.history.rows())
        self._state = State(
            self.model.name, self.params["epochs"], self.params["steps"], epoch=before[-1][0] + 1 if before else 0,
            epochs=before, filters=filters_of(self.model),
        )  # fmt: skip
        self._open(f"Training of {self.model.name}")
        self._predict(self._state)
        self._show(self._state)
        self._due = self._affordable = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Record the epoch."""
        assert self._state is not None
        self._state.epoch, self._state.batch, self._state.running = epoch, 0, []

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Show weights and running means, if the last update was long enough ago."""
        state = self._state
        assert state is not None
        state.batch = batch + 1
        if self._is_after(self._due):
            values = dict(logs or {})
            if state.steps:
                state.running.append((state.epoch + state.batch / state.steps, values))
            else:  # the end of the epoch is not known: the point stays there
                state.running = [(state.epoch + 1, values)]
            self._update(state, predicts=False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Show values, weights and predictions, unless that would cost too much time."""
        assert self._state is not None
        self._state.epochs.append((epoch, {name: float(value) for name, value in (logs or {}).items()}))
        self._state.running = []
        if self._is_after(self._affordable):
            self._update(self._state, predicts=True)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Show the final state."""
        assert self._state is not None
        self._state.is_finished = True
        self._update(self._state, predicts=True)
        self._source = self._samples = None

    def _checked_examples(self) -> Samples | None:
        """Check what depends on the model or on where the program runs; return the given examples."""
        from scratchcnn.callbacks.live_view.predictions import class_count

        trainer = self.model.trainer
        if self.path is None and self.port is None and not is_available():
            raise ValueError(
                "Expected path_or_port as a path or a port outside of a notebook, received None; pass 'live.html', or "
                "0 for any free port."
            )
        classes = class_count(trainer)
        if self.names is not None and len(self.names) != classes:
            raise ValueError(
                f"Expected {classes} names, one for each class, received {len(self.names)}; give a list of them."
            )
        if self.examples is None:
            return None
        shape = self.model.expect_built("LiveView")
        fitting = Fitting(shape, trainer.output_shape, self.model.dtype, trainer.loss)
        return evenly_spaced(check_samples(*self.examples, fitting, "examples: "))

    def _open(self, title: str) -> None:
        """Make the file or the server, and the output of the cell in a notebook."""
        from scratchcnn.callbacks.live_view.outlets import FileOutlet, ServerOutlet

        if self.path is not None:
            self._outlet = FileOutlet(self.path, title, self.interval)
        elif self.port is not None:
            if self._server is None:
                self._server = ServerOutlet(self.port, self.interval)
            self._server.title = title
            self._outlet = self._server
            print(f"LiveView: {self.url}", flush=True)
        self._cell = CellOutput() if is_available() else None

    def _predict(self, state: State) -> None:
        """Compute the predictions for the examples, if there are any yet."""
        from scratchcnn.callbacks.live_view.pictures import picture_of_image
        from scratchcnn.callbacks.live_view.predictions import predict

        if self._samples is None and self._source is not None:
            self._samples = self._source.examples()
        if self._samples is not None:
            if not state.images:
                state.images = [picture_of_image(image) for image in self._samples.x]
            state.predictions = predict(self.model.trainer, self._samples, self.names)
            state.predicted_after = len(state.epochs)

    def _is_after(self, moment: float) -> bool:
        return self.interval == 0 or time.perf_counter() >= moment

    def _update(self, state: State, predicts: bool) -> None:
        """Show the state, and decide from the time that it took when the next update may follow."""
        from scratchcnn.callbacks.live_view.content import filters_of

        started = time.perf_counter()
        if predicts:
            self._predict(state)
        if state.filters is not None:
            state.filters = filters_of(self.model, state.filters.start)
        try:
            self._show(state)
        except OSError as error:
            if not self._has_warned:
                warn(f"Expected the page of LiveView to be written, received {error}; the training continues.")
                self._has_warned = True
        now = time.perf_counter()
        self._affordable = now + min((now - started) / SHARE, LONGEST_PAUSE)
        self._due = max(self._affordable, now + self.interval)

    def _show(self, state: State) -> None:
        from scratchcnn.callbacks.live_view.content import content, summary

        state.time = time.strftime("%H:%M:%S")
        if self._cell is not None:
            self._cell.show_html(self._notebook_html(state), summary(state))
        if self._outlet is not None:
            self._outlet.show(content(state), state.is_finished)

    def _notebook_html(self, state: State) -> str:
        from scratchcnn.callbacks.live_view.content import content
        from scratchcnn.callbacks.live_view.outlets import notebook_style

        return f'<style>{notebook_style()}</style><div class="live">{content(state)}</div>'


def _target(path_or_port: object) -> tuple[Path | None, int | None]:
    """Return the path and the port, of which one is None, or both."""
    if path_or_port is None:
        return None, None
    if is_integer(path_or_port):
        if not 0 <= path_or_port <= 65_535:
            raise ValueError(f"Expected a port from 0 to 65535, received {path_or_port}; pass 0 for any free port.")
        return None, int(path_or_port)
    if not isinstance(path_or_port, (str, os.PathLike)):
        raise TypeError(
            f"Expected path_or_port as a path or an int, received {path_or_port!r}; pass 'live.html', or 0 for any "
            f"free port."
        )
    path = Path(os.fspath(path_or_port))
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(
            f"Expected a file name that ends in .html, received {os.fspath(path)!r}; for a port, pass an int."
        )
    return path, None
