"""Short training runs on real digits."""

import numpy as np
from networks import article_model, lenet5, sample_digits

from scratchcnn import Sequential
from scratchcnn.layers import Dense, Flatten, Input, Rescaling


def test_article_network_exceeds_93_percent_accuracy_after_three_epochs_of_the_sample():
    (x_train, y_train), (x_test, y_test) = sample_digits()
    model = article_model(seed=0)
    history = model.fit(x_train, y_train, batch_size=128, epochs=3, verbose=0, validation_data=(x_test, y_test)).history
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    assert accuracy > 0.93
    assert [loss, accuracy] == [history["val_loss"][-1], history["val_accuracy"][-1]]
    assert accuracy == np.mean(model.predict(x_test).argmax(axis=1) == y_test)
    assert history["loss"] == sorted(history["loss"], reverse=True)


def test_lenet5_exceeds_90_percent_accuracy_after_three_epochs_of_the_sample():
    (x_train, y_train), (x_test, y_test) = sample_digits()
    model = lenet5(seed=0)
    assert model.count_params() == 61_706
    losses = model.fit(x_train, y_train, batch_size=64, epochs=3, verbose=0).history["loss"]
    assert losses == sorted(losses, reverse=True)
    assert model.evaluate(x_test, y_test, verbose=0)[1] > 0.9


def test_images_and_labels_of_any_numeric_type_give_the_same_bits():
    (x_train, y_train), _ = sample_digits()
    as_bytes, as_floats = article_model(seed=0), article_model(seed=0)
    pixels = (x_train[:256] * 255).round().astype(np.uint8)
    for model, x, y in ((as_bytes, pixels, y_train[:256]), (as_floats, pixels.astype(float), y_train[:256, None])):
        model.fit(x, y.astype(np.int16), batch_size=64, verbose=0)
    for a, b in zip(as_bytes.get_weights(), as_floats.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.float32


def test_rescaling_layer_on_uint8_equals_scaled_float_images():
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
