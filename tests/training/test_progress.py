"""Progress display: lines like Keras's, a bar, or nothing; the printed values are those of the history."""

import io
import re

import pytest
from networks import small_data, small_model

from scratchcnn.training import History
from scratchcnn.training.progress import Progress, duration_text, resolve, values_text

LINE = re.compile(
    r"5/5 - \d+s - \d+(s|ms|us)/step - loss: (\S+) - accuracy: (\S+) - val_loss: (\S+) - val_accuracy: (\S+)"
)
NAMES = ["loss", "accuracy", "val_loss", "val_accuracy"]


def fit(verbose):
    x, y = small_data()
    model = small_model(seed=1)
    return model, model.fit(x, y, batch_size=8, epochs=2, verbose=verbose, validation_data=(x, y)).history


def test_verbose_2_prints_one_line_per_epoch_with_the_values_of_the_history(capsys):
    model, history = fit(verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert [lines[0], lines[2]] == ["Epoch 1/2", "Epoch 2/2"]
    for epoch, line in enumerate((lines[1], lines[3])):
        assert list(LINE.fullmatch(line).groups()[1:]) == [f"{history[name][epoch]:.4f}" for name in NAMES]
    x, y = small_data()
    assert model.evaluate(x, y, verbose=2) == [history["val_loss"][-1], history["val_accuracy"][-1]]
    last = capsys.readouterr().out
    assert re.fullmatch(r"2/2 - \d+s - \d+(s|ms|us)/step - loss: \S+ - accuracy: \S+\n", last)
    assert last.endswith(values_text({name: history[f"val_{name}"][-1] for name in NAMES[:2]}) + "\n")


def test_bar_shows_remaining_time_and_running_means(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr("tqdm.std.time", lambda: now)
    progress = Progress(3, verbose=1)
    for loss in (0.5, 0.25):
        now += 7.0
        progress.step({"loss": loss, "accuracy": 0.75})
    progress.close()
    drawn = capsys.readouterr().out
    assert re.search(r"\r1/3 \|█+.* \| 00:14 left, loss: 0.5000 - accuracy: 0.7500", drawn)
    assert re.search(r"\r2/3 \|█+.* \| 00:07 left, loss: 0.2500 - accuracy: 0.7500", drawn)


def test_verbose_1_ends_with_the_lines_of_verbose_2(capsys):
    _, history = fit(verbose=1)
    drawn = capsys.readouterr().out
    lines = [line.rsplit("\r", 1)[-1] for line in drawn.split("\n")]
    assert [lines[0], lines[2]] == ["Epoch 1/2", "Epoch 2/2"]
    for epoch, line in enumerate((lines[1], lines[3])):
        assert list(LINE.fullmatch(line).groups()[1:]) == [f"{history[name][epoch]:.4f}" for name in NAMES]


def test_verbose_0_is_silent(capsys):
    fit(verbose=0)
    assert capsys.readouterr() == ("", "")


def test_verbose_auto_prints_lines_to_a_file_and_a_bar_on_a_terminal(capsys, monkeypatch):
    fit(verbose="auto")
    out = capsys.readouterr().out
    assert "\r" not in out
    assert LINE.search(out)

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdout", Terminal())
    assert resolve("auto") == 1


@pytest.mark.parametrize("verbose", [3, -1, "loud", None, 1.5])
def test_invalid_verbose_raises(verbose):
    with pytest.raises(ValueError, match=r"Expected verbose as 'auto', 0 .* received"):
        fit(verbose)


def test_values_and_durations_are_formatted_as_in_keras():
    assert values_text({"loss": 0.24641, "accuracy": 0.0}) == " - loss: 0.2464 - accuracy: 0.0000"
    assert values_text({"loss": 0.00001234}) == " - loss: 1.2340e-05"
    assert [duration_text(s) for s in (14.2, 0.0304, 0.000085)] == ["14s", "30ms", "85us"]


def test_history_prints_a_table_with_one_row_per_epoch():
    model, history = fit(verbose=0)
    title, heads, _, *rows = [line for line in str(model.history).splitlines() if line]
    assert title == "History of 2 epochs"
    assert heads.split() == ["epoch", *NAMES]
    assert [row.split() for row in rows] == [
        [str(epoch + 1), *(f"{history[name][epoch]:.4f}" for name in NAMES)] for epoch in range(2)
    ]
    assert repr(model.history) == "<History: History of 2 epochs; print it>"
    assert str(History()) == "History of 0 epochs"
