"""A short real training run: the article's network learns real digits."""

import numpy as np
from networks import article_model, sample_digits

from scratchcnn import Sequential
from scratchcnn.layers import Dense, Flatten, Input, Rescaling


def test_the_articles_network_passes_93_percent_on_the_sample_after_three_epochs():
    (x_train, y_train), (x_test, y_test) = sample_digits()
    model = article_model(seed=0)
    history = model.fit(x_train, y_train, batch_size=128, epochs=3, verbose=0, validation_data=(x_test, y_test)).history
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    assert accuracy > 0.93
    assert [loss, accuracy] == [history["val_loss"][-1], history["val_accuracy"][-1]]
    assert accuracy == np.mean(model.predict(x_test).argmax(axis=1) == y_test)
    assert history["loss"] == sorted(history["loss"], reverse=True)


def test_uint8_images_are_taken_as_they_are_and_labels_of_any_integer_type():
    (x_train, y_train), _ = sample_digits()
    as_bytes, as_floats = article_model(seed=0), article_model(seed=0)
    pixels = (x_train[:256] * 255).round().astype(np.uint8)
    for model, x, y in ((as_bytes, pixels, y_train[:256]), (as_floats, pixels.astype(float), y_train[:256, None])):
        model.fit(x, y.astype(np.int16), batch_size=64, verbose=0)
    for a, b in zip(as_bytes.get_weights(), as_floats.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.float32


def test_a_model_that_rescales_trains_on_bytes_as_on_floats():
    (x_train, y_train), _ = sample_digits()
    pixels = (x_train[:256] * 255).round().astype(np.uint8)
    weights = []
    for layers, x in (([Rescaling(1 / 255)], pixels), ([], (pixels * np.float32(1 / 255)))):
        model = Sequential([Input((28, 28, 1)), *layers, Flatten(), Dense(10, activation="softmax")], seed=0)
        model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
        model.fit(x, y_train[:256], batch_size=64, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)
