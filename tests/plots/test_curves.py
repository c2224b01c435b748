"""plot_history: loss and metrics of training and validation, for any number of epochs."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from scratchcnn import History
from scratchcnn.plots import plot_history


def history_of(epochs: int, *names: str) -> History:
    history = History()
    for epoch in range(epochs):
        history.append(epoch, {name: 0.9 / (epoch + 1) + 0.01 * place for place, name in enumerate(names)})
    return history


ALL = ("loss", "accuracy", "val_loss", "val_accuracy")


def test_curves_of_training_and_validation():
    history = history_of(3, *ALL)
    loss, accuracy = plot_history(history)
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        training, validation = axes.lines
        assert list(training.get_xdata()) == list(validation.get_xdata()) == [1, 2, 3]
        assert list(training.get_ydata()) == history.history[name]
        assert list(validation.get_ydata()) == history.history[f"val_{name}"]
        # Distinguishable without colours.
        assert training.get_linestyle() != validation.get_linestyle()
        assert training.get_marker() != validation.get_marker()
        assert axes.get_xlabel() == "epoch"
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]
    assert loss.get_ylabel() == "loss (mean per image)"
    assert accuracy.yaxis.get_major_formatter()(0.5) in ("50 %", "50.0 %")


@pytest.mark.parametrize("epochs", [1, 2, 3, 9, 10, 11, 50, 300])
@pytest.mark.parametrize("names", [("loss",), ("loss", "val_loss"), ("loss", "accuracy"), ALL])
def test_any_history_is_legible(epochs: int, names: tuple):
    every = plot_history(history_of(epochs, *names))
    assert len(every) == sum(not name.startswith("val_") for name in names)
    figure = every[0].figure
    figure.canvas.draw()
    for axes in every:
        ticks = axes.get_xticks()
        assert 1 <= len(ticks) <= 11
        assert all(tick == int(tick) and 1 <= tick <= epochs for tick in ticks)
        assert [label.get_text() for label in axes.get_xticklabels()] == [str(int(tick)) for tick in ticks]
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
        assert len(axes.lines) == 1 + any(name.startswith("val_") for name in names)
    outer = figure.get_tightbbox()
    assert 0 <= outer.x0 < outer.x1 <= figure.get_figwidth()
    assert 0 <= outer.y0 < outer.y1 <= figure.get_figheight()


def test_given_axes():
    figure = Figure()
    mine = figure.subplots(1, 2)
    assert plot_history(history_of(2, "loss", "accuracy"), mine) == list(mine)
    assert plot_history(history_of(2, "loss", "accuracy"), ax=iter(figure.subplots(1, 2)))[0].get_title() == "loss"
    assert plot_history(history_of(2, "loss"), ax=mine[0]) == [mine[0]]
    with pytest.raises(ValueError, match=r"Expected 2 axes, for loss and accuracy, received 1; .*subplots\(1, 2\)"):
        plot_history(history_of(2, "loss", "accuracy"), ax=mine[0])


def test_other_metrics_are_labelled_by_name():
    every = plot_history(history_of(2, "loss", "top_3", "val_loss", "val_top_3"))
    assert every[1].get_ylabel() == "top_3"


def test_invalid_history_is_rejected():
    with pytest.raises(ValueError, match=r"at least one epoch, received an empty one; train"):
        plot_history(History())
    for wrong in ({"loss": [1.0]}, None, np.zeros(3)):
        with pytest.raises(TypeError, match="Expected a History"):
            plot_history(wrong)
