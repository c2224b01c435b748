"""Plot the learning curves of a training run: loss and metrics over the epochs."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from scratchcnn.names import names_arguments
from scratchcnn.plots.picture import panels
from scratchcnn.plots.tiles import listed_axes
from scratchcnn.training import History

MOST_MARKERS = 20  # on one curve


@names_arguments
def plot_history(history: History, ax: Axes | Iterable[Axes] | None = None) -> list[Axes]:
    """Plot the learning curves: loss and metrics of the training and the validation data over the epochs.

    Parameters
    ----------
    history : History
        As returned by `model.fit`.
    ax : Axes or several, optional
        Where to draw: one for the loss and one for each metric, for example `figure.subplots(1, 2)`. Default: a new
        figure.

    Returns
    -------
    list of Axes
        One for the loss and one for each metric. Write the figure to a file with `save(axes[0], 'curves.png')`; a
        notebook displays it.

    Raises
    ------
    TypeError
        `history` is not a History.
    ValueError
        The history is empty, or the number of axes is wrong.

    Notes
    -----
    Training values are means over an epoch, during which the weights change and dropout is active. Validation values
    are computed after the epoch, without dropout, so they may be better, especially in the first epochs.

    Examples
    --------
    >>> history = History()
    >>> history.append(0, {"loss": 0.25, "accuracy": 0.92})
    >>> [axes.get_xlabel() for axes in plot_history(history)]
    ['epoch', 'epoch']
    """
    if not isinstance(history, History):
        raise TypeError(f"Expected a History, as model.fit returns it, received {history!r}.")
    if not history.epoch:
        raise ValueError("Expected a history of at least one epoch, received an empty one; train with model.fit first.")
    names = [name for name in history.history if not name.startswith("val_")]
    if ax is None:
        ax = panels(len(names), 4.6, 3.6)[1]
    every = listed_axes(ax)
    if len(every) != len(names):
        raise ValueError(
            f"Expected {len(names)} axes, for {' and '.join(names)}, received {len(every)}; create them with "
            f"figure.subplots(1, {len(names)})."
        )
    for axes, name in zip(every, names, strict=True):
        _draw(axes, history, name)
    return every


def _draw(axes: Axes, history: History, name: str) -> None:
    """Draw the curves of one quantity, which also differ in line style and marker."""
    epochs = [epoch + 1 for epoch in history.epoch]
    every = max(1, -(-len(epochs) // MOST_MARKERS))
    axes.plot(epochs, history.history[name], "o-", color="black", markersize=4, markevery=every, label="training")
    if f"val_{name}" in history.history:
        axes.plot(
            epochs, history.history[f"val_{name}"], "s--", color="tab:orange", markersize=5, markerfacecolor="white",
            markevery=every, label="validation",
        )  # fmt: skip
    whole_steps(axes, epochs[0], epochs[-1], most=10)
    if name == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, symbol=" %"))
    axes.set(title=name, xlabel="epoch", ylabel=f"{name} (mean per image)" if name == "loss" else name)
    axes.grid(color="0.9")
    axes.legend()


def whole_steps(axes: Axes, first: int, last: int, most: int = 6) -> None:
    """Set the limits of the x axis around the steps or epochs `first` to `last`, with ticks at whole numbers only."""
    space = max(0.5, 0.02 * (last - first))
    axes.set_xlim(first - space, last + space)
    ticks = MaxNLocator(nbins=most, integer=True, min_n_ticks=1).tick_values(first, last)
    axes.set_xticks([tick for tick in ticks if first <= tick <= last])
