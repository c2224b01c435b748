"""LiveView: what the page shows, where it goes, what may fail, and that the training is the same with it."""

import base64
import errno
import os
import re
import types
from urllib.error import URLError
from urllib.request import urlopen

import imageio.v3 as iio
import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn import Sequential
from scratchcnn.callbacks import Callback, EarlyStopping, LambdaCallback, LiveView, TerminateOnNaN
from scratchcnn.callbacks.live_view import callback as timing
from scratchcnn.callbacks.live_view import content, outlets
from scratchcnn.callbacks.live_view.server import LocalServer
from scratchcnn.layers import Conv2D, Dense, Flatten
from scratchcnn.training.sources import EXAMPLES

X, Y = small_data(40)
OTHER_X, OTHER_Y = small_data(20, seed=1)
CARD = re.compile(r'class="live-(right|wrong)"><img src="([^"]+)"[^>]*><span><strong>([^<]+)</strong> <[^>]+>(\d+) %<')
TARGET = re.compile(r'<li>(?:<img[^>]*>)?<span>([^<]+)</span><span class="live-quiet">target ([^<]+)</span>')
SHEETS = re.compile(r'<div class="live-filters[^"]*">(.*?)</div>')


@pytest.fixture
def page(tmp_path):
    return tmp_path / "live.html"


def fit(model, called, epochs=2, **options):
    return model.fit(X, Y, batch_size=16, epochs=epochs, verbose=0, callbacks=called, **options)


def served(url, path=""):
    with urlopen(url + path, timeout=10) as answer:
        return answer.read().decode()


def image_in(url):
    return iio.imread(base64.b64decode(url.removeprefix("data:image/png;base64,")), extension=".png")


def batches(count=2):
    """Batches that can be read once only."""
    return iter([(X[i : i + 10], Y[i : i + 10]) for i in range(0, 10 * count, 10)])


@pytest.mark.parametrize("target", ["file", "port"])
@pytest.mark.parametrize(
    "options",
    [{}, {"validation_data": (OTHER_X, OTHER_Y)}, {"validation_split": 0.2, "validation_freq": 2}],
    ids=["training data", "validation data", "split"],
)
def test_training_is_the_same_to_the_bit(page, target, options):
    plain, shown = small_model(seed=1), small_model(seed=1)
    view = LiveView(page if target == "file" else 0, interval=0)
    assert fit(plain, None, **options).history == fit(shown, view, **options).history
    view.close()
    for a, b in zip(plain.get_weights(), shown.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for name, generator in plain.generators.items():
        assert generator.bit_generator.state == shown.generators[name].bit_generator.state
    for a, b in zip(plain.optimizer_state.slots, shown.optimizer_state.slots, strict=True):
        np.testing.assert_array_equal(a, b)


def test_batches_that_can_be_read_once_are_left_to_the_training(page):
    plain, shown = small_model(seed=1), small_model(seed=1)
    history = plain.fit(batches(4), steps_per_epoch=2, epochs=2, verbose=0)
    assert shown.fit(batches(4), steps_per_epoch=2, epochs=2, verbose=0, callbacks=LiveView(page)).history == (
        history.history
    )
    assert len(CARD.findall(page.read_text("utf-8"))) == 10  # samples of the first batch


class PagesRead(Callback):
    """Reads the page before each batch, and after training."""

    def __init__(self, page):
        super().__init__()
        self.page, self.pages = page, []

    def on_train_batch_begin(self, batch, logs=None):
        self.pages.append(self.page.read_text("utf-8"))


def test_page_follows_the_training(page):
    reader = PagesRead(page)
    history = fit(small_model(seed=0), [LiveView(page, interval=0), reader])
    progress = [re.search("<strong>(Epoch[^<]+)</strong>", text)[1] for text in reader.pages]
    assert progress == [
        "Epoch 1 of 2, batch 0 of 3", "Epoch 1 of 2, batch 1 of 3", "Epoch 1 of 2, batch 2 of 3",
        "Epoch 1 of 2, batch 3 of 3", "Epoch 2 of 2, batch 1 of 3", "Epoch 2 of 2, batch 2 of 3",
    ]  # fmt: skip
    after = [re.search("Predictions ([^:]+):", text)[1] for text in reader.pages]
    assert after == ["before training"] * 3 + ["after 1 epoch"] * 3
    assert all('http-equiv="refresh" content="1"' in text for text in reader.pages)
    final = page.read_text("utf-8")
    assert "Finished after 2 epochs" in final
    assert 'http-equiv="refresh"' not in final
    first, last = history.history["loss"]
    assert f"loss over the epochs: training from {first:.4g} to {last:.4g}" in final
    assert os.listdir(page.parent) == [page.name]


@pytest.mark.parametrize("called", [[], [EarlyStopping("loss", patience=1, mode="max", restore_best_weights=True)]])
def test_predictions_are_those_of_the_final_weights_for_validation_images(page, called):
    model = small_model(seed=3)
    fit(model, [LiveView(page), *called], epochs=4, validation_data=(OTHER_X, OTHER_Y))
    chosen = np.linspace(0, len(OTHER_X) - 1, EXAMPLES).round().astype(int)
    probabilities = model.predict(OTHER_X[chosen])
    found = CARD.findall(page.read_text("utf-8"))
    assert [(kind, int(label), int(percent)) for kind, _, label, percent in found] == [
        ("right" if row.argmax() == label else "wrong", row.argmax(), round(100 * row.max()))
        for row, label in zip(probabilities, OTHER_Y[chosen], strict=True)
    ]
    for (_, url, _, _), image in zip(found, OTHER_X[chosen], strict=True):  # dark ink on white paper
        np.testing.assert_array_equal(image_in(url), np.round(255 * (1 - image[..., 0])).astype(np.uint8))


def test_filters_are_shown_with_their_change(page):
    model = small_model(seed=0)
    start = model.layers[0].params["kernel"].copy()
    fit(model, LiveView(page))
    kernel = model.layers[0].params["kernel"]
    sheets = SHEETS.findall(page.read_text("utf-8"))
    for sheet, weights in zip(sheets, (kernel, kernel - start), strict=True):
        urls = re.findall('src="([^"]+)"', sheet)
        for url, values in zip(urls, weights[:, :, 0].transpose(2, 0, 1), strict=True):
            pixels = image_in(url).astype(int)
            np.testing.assert_array_equal(pixels[..., 3], np.round(255 * abs(values) / abs(weights).max()))
            np.testing.assert_array_equal(pixels[..., 0] > pixels[..., 2], values > 0)  # orange, not blue


def test_examples_and_names_of_classes_are_shown(page):
    fit(small_model(), LiveView(page, (OTHER_X[:3], OTHER_Y[:3]), names=["<a>", "b", "c", "d", "e"]))
    found = CARD.findall(page.read_text("utf-8"))
    assert len(found) == 3
    assert {name for _, _, name, _ in found} <= {"&lt;a&gt;", "b", "c", "d", "e"}


def compiled(layers, loss, seed=0):
    model = Sequential(layers, seed=seed)
    model.compile("sgd", loss)
    return model


def test_yes_or_no_output_has_two_classes(page):
    model = compiled([Dense(1, "sigmoid", input_shape=(3,))], "binary_crossentropy")
    x, y = np.eye(3), np.array([0, 1, 1])
    model.fit(x, y, verbose=0, callbacks=LiveView(page, names=["no", "yes"]))
    found = re.findall(r"<li [^>]+><span><strong>(\w+)</strong> <[^>]+>(\d+) %", page.read_text("utf-8"))
    expected = [("yes" if p >= 0.5 else "no", f"{round(100 * max(p, 1 - p))}") for p in model.predict(x)[:, 0]]
    assert found == expected


def test_outputs_that_are_no_classes_are_shown_beside_their_targets(page):
    model = compiled([Flatten(input_shape=(2, 2)), Dense(4)], "mean_squared_error")
    x = np.random.default_rng(0).random((3, 2, 2))
    model.fit(x, x.reshape(3, 4), verbose=0, callbacks=LiveView(page))
    found = TARGET.findall(page.read_text("utf-8"))
    written = [", ".join(f"{value:.3g}" for value in row[:3]) + ", …" for row in model.predict(x)]
    assert [output for output, _ in found] == written
    assert found[0][1].startswith(f"{x[0, 0, 0]:.3g}, ")


def test_color_images_and_filters_keep_their_colors(page):
    model = compiled([Conv2D(70, 3, input_shape=(8, 8, 3)), Flatten(), Dense(5, "softmax")],
                     "sparse_categorical_crossentropy")  # fmt: skip
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    model.fit(x, np.arange(5), verbose=0, callbacks=LiveView(page))
    text = page.read_text("utf-8")
    np.testing.assert_array_equal(image_in(CARD.search(text)[2]), x[0])
    assert "70 filters of 3 × 3 × 3 weights; the first 64 are shown" in text
    urls = re.findall('src="([^"]+)"', SHEETS.search(text)[1])
    assert len(urls) == 64
    kernel = model.layers[0].params["kernel"].astype(float)[..., :64]
    expected = np.round(255 * (0.5 + kernel / (2 * abs(kernel).max())))[..., 0]
    np.testing.assert_array_equal(image_in(urls[0]), expected)


def test_large_image_is_shown_with_fewer_pixels(page):
    model = compiled([Flatten(input_shape=(200, 100)), Dense(2, "softmax")], "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).integers(0, 256, (2, 200, 100), np.uint8)
    model.fit(x, [0, 1], verbose=0, callbacks=LiveView(page))
    np.testing.assert_array_equal(image_in(CARD.search(page.read_text("utf-8"))[2]), 255 - x[0, ::3, ::3])


def test_validation_batches_are_shown_once_they_were_used(page):
    reader, model = PagesRead(page), small_model(seed=0)
    model.fit(X, Y, verbose=0, batch_size=40, epochs=2, validation_data=batches(4), validation_steps=2,
              callbacks=[LiveView(page, interval=0), reader])  # fmt: skip
    assert ["Predictions" in text for text in reader.pages] == [False, True]
    found = [image_in(url) for _, url, _, _ in CARD.findall(page.read_text("utf-8"))]
    np.testing.assert_array_equal(found, np.round(255 * (1 - X[:10, :, :, 0])).astype(np.uint8))


def test_unknown_number_of_batches_is_not_shown(page):
    reader = PagesRead(page)
    pairs = ((X[i : i + 20], Y[i : i + 20]) for i in (0, 20))
    small_model(seed=0).fit(pairs, verbose=0, callbacks=[LiveView(page, interval=0), reader])
    assert "Epoch 1 of 1, batch 1<" in reader.pages[1]
    assert re.search('<polyline class="live-line live-running"', reader.pages[1])


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e38])
def test_weights_that_are_no_longer_finite_are_stated(page, value):
    def spoil(epoch, logs):
        model.layers[0].params["kernel"][0, 0, 0, 0] = value

    model = small_model(seed=0)
    model.layers[0].params["kernel"][0, 0, 0, 0] = -np.inf if value == np.inf else -3e38
    fit(model, [LiveView(page), TerminateOnNaN(), LambdaCallback(on_epoch_begin=spoil, on_epoch_end=spoil)], epochs=1)
    assert "Some are NaN or infinite." in page.read_text("utf-8")


def test_values_of_other_callbacks_and_of_previous_epochs_are_shown(page):
    model = small_model(seed=0)
    fit(model, None)
    added = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(weight_norm=epoch + 0.5))
    fit(model, [LiveView(page), added], epochs=4, initial_epoch=2)
    text = page.read_text("utf-8")
    assert "Finished after 4 epochs" in text
    assert "weight_norm over the epochs: training from 2.5 to 3.5" in text
    first, last = (model.history.history["loss"][i] for i in (0, 3))
    assert f"training from {first:.4g} to {last:.4g}" in text


def test_training_that_ends_with_nan_is_shown(page):
    model = small_model(seed=0)
    model.layers[-1].params["kernel"][...] = np.nan
    fit(model, [LiveView(page), TerminateOnNaN()])
    text = page.read_text("utf-8")
    assert "loss over the epochs: no values yet" in text
    assert "Finished after 1 epoch<" in text


def test_page_loads_nothing(page):
    fit(small_model(), LiveView(page))
    text = page.read_text("utf-8")
    assert "://" not in text
    assert "<script" not in text
    assert set(re.findall(r'(?:src|href)="(.{5})', text)) == {"data:"}


def test_server_answers_during_training_and_afterwards_until_it_is_closed(capsys):
    view, seen = LiveView(0, interval=0), []
    reader = LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(served(view.url, "content")))
    assert view.url is None
    model = small_model()
    fit(model, [view, reader])
    url = view.url
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
    assert capsys.readouterr().out == f"LiveView: {url}\n"
    assert repr(view) == f"<LiveView: {url}>"
    assert ["Epoch 1 of 2, batch 0 of 3" in seen[0], "Epoch 1 of 2, batch 3 of 3" in seen[1]] == [True, True]
    assert "Finished after 2 epochs" in served(url, "content")
    whole = served(url)
    assert served(url, "content") in whole
    assert "connect-src" in whole
    fit(model, view, epochs=1)  # at the same address
    assert view.url == url
    assert "Finished after 1 epoch<" in served(url)
    view.close()
    view.close()
    assert view.url is None
    with pytest.raises(URLError):
        served(url)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("live",), ValueError, "file name that ends in .html, received 'live'; for a port, pass an int"),
        (("8000",), ValueError, "for a port, pass an int"),
        ((-1,), ValueError, "port from 0 to 65535, received -1"),
        ((65_536,), ValueError, "port from 0 to 65535"),
        ((8000.0,), TypeError, "path or an int, received 8000.0"),
        ((True,), TypeError, "path or an int, received True"),
        ((0, X), ValueError, r"examples as \(x, y\), received ndarray"),
        ((0, None, "abcde"), ValueError, "sequence of names, received 'abcde'"),
        ((0, None, None, -1), ValueError, "interval .* received -1"),
    ],
)
def test_wrong_argument_is_an_error(arguments, error, message):
    with pytest.raises(error, match=message):
        LiveView(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"examples": (X[:, 1:], Y)}, r"examples: x of shape \(samples, 9, 8, 1\)"),
        ({"examples": (X, Y + 5)}, "labels from 0 to 4"),
        ({"names": ["a", "b"]}, "Expected 5 names, one for each class, received 2"),
        ({"path_or_port": None}, "a path or a port outside of a notebook, received None"),
    ],
)
def test_argument_that_does_not_fit_the_model_is_an_error_before_training(page, arguments, message):
    model = small_model(seed=0)
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        fit(model, LiveView(**{"path_or_port": page, **arguments}))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not page.exists()


def test_missing_folder_is_an_error_before_training(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"an existing folder for the page: create it.*nowhere"):
        fit(small_model(), LiveView(tmp_path / "nowhere" / "live.html"))


def test_port_that_is_in_use_is_an_error_before_training():
    server = LocalServer(0)
    port = server.server_port
    with pytest.raises(OSError, match=rf"a free port, received {port} .*; pass 0 for any free port") as caught:
        fit(small_model(), LiveView(port))
    server.close()
    assert caught.value.errno == errno.EADDRINUSE


class FullDisk(Callback):
    """Simulates a disk that is full from a given epoch on, or already before training."""

    def __init__(self, monkeypatch, epoch):
        super().__init__()
        self.monkeypatch, self.epoch = monkeypatch, epoch

    def set_model(self, model):
        if self.epoch is None:
            self.fill()

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            self.fill()

    def fill(self):
        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.monkeypatch.setattr(outlets.os, "replace", full)


def test_full_disk_is_an_error_before_training(page, monkeypatch):
    with pytest.raises(OSError, match=r"No space left on device .*live\.html"):
        fit(small_model(), [FullDisk(monkeypatch, None), LiveView(page)])
    assert os.listdir(page.parent) == []


def test_disk_that_becomes_full_is_one_warning_and_training_continues(page, monkeypatch):
    plain, shown = small_model(seed=1), small_model(seed=1)
    fit(plain, None, epochs=3)
    with pytest.warns(UserWarning, match=r"page of LiveView .* No space left on device .*training continues") as caught:
        fit(shown, [FullDisk(monkeypatch, 1), LiveView(page, interval=0)], epochs=3)
    assert len(caught) == 1
    for a, b in zip(plain.get_weights(), shown.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert "Epoch 1 of 3, batch 3 of 3" in page.read_text("utf-8")  # the last state that could be written
    assert os.listdir(page.parent) == [page.name]


def test_folder_that_vanishes_is_one_warning(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()

    def remove(epoch, logs):
        if epoch == 0:
            (folder / "live.html").unlink()
            folder.rmdir()

    with pytest.warns(UserWarning, match="No such file or directory") as caught:
        fit(small_model(), [LambdaCallback(on_epoch_begin=remove), LiveView(folder / "live.html")])
    assert len(caught) == 1


@pytest.mark.parametrize(("cost", "expected"), [(0.0, 10), (0.05, 4), (2.0, 1)])
def test_updates_are_limited_by_the_interval_and_by_their_cost(page, monkeypatch, cost, expected):
    """50 batches of 0.2 seconds: an update every second, or every 50 times its own duration, but at most 10 seconds."""
    clock = types.SimpleNamespace(now=1000.0)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock.now)
    view, shown = LiveView(page), []

    def show(state):
        shown.append(state.batch)
        clock.now += cost

    monkeypatch.setattr(view, "_show", show)

    def wait(batch, logs):
        clock.now += 0.2

    fifty = [(X[:2], Y[:2])] * 50
    small_model().fit(fifty, epochs=1, verbose=0, callbacks=[view, LambdaCallback(on_train_batch_begin=wait)])
    within = [batch for batch in shown if 0 < batch < 50]
    assert shown[0] == 0  # before training
    assert shown[-1] == 50  # the final state, in any case
    assert len(within) == expected


def test_before_training_there_is_a_text():
    assert "not begun" in LiveView()._repr_html_()
    assert content.summary(content.State("m", 3, None, 0, batch=4)) == "Epoch 1 of 3, batch 4"
