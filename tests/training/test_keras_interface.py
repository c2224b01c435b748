"""The interface of a Keras model: layers by name, calls, single batches, batches for evaluate and predict."""

import numpy as np
import pytest
from networks import small_data, small_model

from scratchcnn import Sequential
from scratchcnn.layers import Dense, Dropout
from scratchcnn.metrics import CategoricalAccuracy
from scratchcnn.optimizers import Adam

X, Y = small_data(20)
BATCHES = [(X[:8], Y[:8]), (X[8:16], Y[8:16]), (X[16:], Y[16:])]


class Numbered:
    """Batches by number, like Keras's Sequence: no __iter__, and no IndexError at the end."""

    def __init__(self, batches):
        self.numbers, self.epochs, self.made = batches, 0, 0

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, number):
        self.made += 1
        return self.numbers[number % len(self.numbers)]

    def on_epoch_end(self):
        self.epochs += 1


def test_layers_by_name_and_index():
    model = small_model()
    assert model.get_layer("dense_1") is model.get_layer(index=-1) is model.layers[-1]
    assert model.get_layer(index=0) is model.get_layer(name="conv2d")


@pytest.mark.parametrize(("arguments", "message"), [
    ({"name": "dens"}, "name of a layer, 'conv2d', .*'dense_1', received 'dens'. Did you mean 'dense'"),
    ({"index": 7}, "index as the number of one of 7 layers, received 7"),
    ({"index": 1.0}, "index .* received 1.0"), ({}, "either name or index"),
    ({"name": "dense", "index": 1}, "either name or index, received name='dense' and index=1"),
])  # fmt: skip
def test_layer_that_does_not_exist_is_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        small_model().get_layer(**arguments)


def test_pop_removes_the_last_layer_and_training_goes_on_with_another():
    model = small_model(seed=0)
    model.fit(X, Y, verbose=0)
    features = model.get_weights()[:4]
    assert model.pop().name == "dense_1"
    assert model.output_shape == (None, 8)
    for before, after in zip(features, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    model.add(Dense(5, activation="softmax", name="head"))
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"]).all()


def test_pop_of_a_model_without_layers_is_an_error():
    with pytest.raises(ValueError, match="received one without layers"):
        Sequential().pop()


def test_name_is_shown_in_the_summary(capsys):
    Sequential([Dense(2, input_shape=(3,))], name="digits").summary()
    assert 'Model: "digits"' in capsys.readouterr().out


def test_call_is_predict_and_with_training_a_pass_with_dropout():
    model = small_model(seed=0)
    assert model(X).tobytes() == model.predict_on_batch(X).tobytes() == model.predict(X).tobytes()
    model = Sequential([Dropout(0.5, input_shape=(100,))], seed=0)
    assert set(np.unique(model(np.ones((2, 100)), training=True))) == {0, 2}
    with pytest.raises(ValueError, match="training as True or False, received 'yes'"):
        model(np.ones((2, 100)), training="yes")


def test_results_by_name_and_as_list_are_the_same():
    model = small_model(seed=0)
    assert model.metrics_names == ["loss", "accuracy"]
    listed, named = (model.evaluate(X, Y, verbose=0, return_dict=each) for each in (False, True))
    assert named == dict(zip(model.metrics_names, listed, strict=True))
    assert model.test_on_batch(X, Y) == pytest.approx(listed, rel=1e-6)  # the sum over all batches is rounded once
    assert list(model.test_on_batch(X, Y, return_dict=True)) == model.metrics_names
    twin = small_model(seed=0)
    assert list(twin.train_on_batch(X, Y, return_dict=True).values()) == model.train_on_batch(X, Y)


def test_weights_of_train_on_batch_are_those_of_fit(rng):
    weights = rng.random(20).astype("float32")
    for arguments in ({"sample_weight": weights}, {"class_weight": {0: 2.0, 3: 0.5}}):
        one, other = small_model(seed=0), small_model(seed=0)
        one.train_on_batch(X, Y, **arguments)
        other.fit(X, Y, batch_size=20, shuffle=False, verbose=0, **arguments)
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_weight_of_a_sample_scales_its_loss_in_test_on_batch():
    model = small_model(seed=0)
    plain, doubled = (model.test_on_batch(X, Y, sample_weight=np.full(20, each))[0] for each in (1.0, 2.0))
    assert doubled == 2 * plain


SOURCES = {
    "list": list,
    "iterator": iter,
    "numbered": Numbered,
    "generator": lambda batches: (each for each in batches),
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_evaluate_on_batches_is_evaluate_on_the_samples(make):
    model = small_model(seed=0)
    assert model.evaluate(make(BATCHES), verbose=0) == model.evaluate(X, Y, verbose=0)
    weighted = [(x, y, np.full(len(y), 2.0)) for x, y in BATCHES]
    assert model.evaluate(make(weighted), verbose=0) == model.evaluate(X, Y, sample_weight=np.full(20, 2.0), verbose=0)


@pytest.mark.parametrize("make", [each for name, each in SOURCES.items() if name != "list"])
@pytest.mark.parametrize("batches", [BATCHES, [x for x, _ in BATCHES]], ids=["pairs", "images"])
def test_predict_on_batches_is_predict_on_the_images(make, batches):
    model = small_model(seed=0)
    assert model.predict(make(batches)).tobytes() == model.predict(X).tobytes()


def test_steps_limit_what_is_read():
    model = small_model(seed=0)
    endless = Numbered(BATCHES)
    assert model.evaluate(X, Y, 8, verbose=0, steps=2) == model.evaluate(X[:16], Y[:16], verbose=0)
    assert model.evaluate(endless, steps=2, verbose=0) == model.evaluate(X[:16], Y[:16], verbose=0)
    assert endless.made == 2
    np.testing.assert_array_equal(model.predict(X, batch_size=8, steps=2), model.predict(X[:16]))
    np.testing.assert_array_equal(model.predict(iter(BATCHES), steps=1), model.predict(X[:8]))


@pytest.mark.parametrize(("call", "message"), [
    (lambda m: m.evaluate(iter([])), "at least one batch, received data that yielded none"),
    (lambda m: m.predict(iter([])), "at least one batch, received data that yielded none"),
    (lambda m: m.evaluate(BATCHES, batch_size=4), "no batch_size beside batches"),
    (lambda m: m.predict(iter(BATCHES), batch_size=4), "no batch_size beside batches of images, received 4"),
    (lambda m: m.evaluate(X), r"Expected y beside x, or x as batches of \(x, y\)"),
    (lambda m: m.evaluate(X, Y, steps=2), "at most 1 steps, as 20 samples make 1 batches of 32, received 2"),
    (lambda m: m.predict(X, steps=0), "steps as a whole number of at least 1, received 0"),
    (lambda m: m.predict(iter([X, X[:, 1:]])), r"x of batch 2 of shape \(samples, 9, 8, 1\), received \(20, 8, 8, 1\)"),
    (lambda m: m.evaluate(iter([X])), r"Batch 1 of the data: Expected \(x, y\)"),
    (lambda m: m.fit(X, Y, validation_batch_size=0), "validation_batch_size as a whole number of at least 1"),
    (lambda m: m.fit(X, Y, validation_freq=0), "validation_freq as a whole number of at least 1, received 0"),
    (lambda m: m.fit(X, Y, validation_freq=[1, -1]), "each epoch in validation_freq .* received -1"),
    (lambda m: m.evaluate(X, Y, return_dict=1), "return_dict as True or False, received 1"),
])  # fmt: skip
def test_arguments_that_do_not_fit_are_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(small_model())


def test_data_that_run_out_are_reported_at_the_line_of_the_user():
    with pytest.warns(UserWarning, match="Expected 5 batches, received 3: the data ran out") as caught:
        small_model().predict(iter(BATCHES), steps=5)
    assert caught[0].filename == __file__


def test_numbered_batches_train_like_a_list_and_are_told_of_the_end_of_an_epoch():
    numbered, one, other = Numbered(BATCHES), small_model(seed=0), small_model(seed=0)
    assert one.fit(numbered, epochs=2, verbose=0).history == other.fit(BATCHES, epochs=2, verbose=0).history
    assert numbered.epochs == 2


@pytest.mark.parametrize(("frequency", "epochs"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4]), ([1, 5], [1, 5]), ({3}, [3])])
def test_validation_frequency_chooses_the_epochs(frequency, epochs):
    model = small_model(seed=0)
    values = []
    for epoch in range(1, 6):  # what validation after every epoch gives
        model.fit(X, Y, epochs=epoch, initial_epoch=epoch - 1, verbose=0)
        values.append(model.evaluate(X, Y, verbose=0)[0])
    history = small_model(seed=0).fit(X, Y, epochs=5, verbose=0, validation_data=(X, Y), validation_freq=frequency)
    assert history.history["val_loss"] == [values[epoch - 1] for epoch in epochs]
    assert len(history.history["loss"]) == 5


@pytest.mark.parametrize("arguments", [{"validation_split": 0.5}, {"validation_data": (X, Y)}])
def test_validation_batch_size_is_that_of_validation(arguments):
    from scratchcnn.callbacks import LambdaCallback

    sizes = {"train": 0, "test": 0}

    def count(kind):
        def add(batch, logs):
            sizes[kind] += 1

        return add

    counter = LambdaCallback(on_train_batch_end=count("train"), on_test_batch_end=count("test"))
    samples = 20 if "validation_data" in arguments else 10
    small_model().fit(X, Y, batch_size=5, validation_batch_size=2, verbose=0, callbacks=counter, **arguments)
    assert sizes == {"train": samples / 5, "test": samples / 2}


@pytest.mark.parametrize("metrics", ["accuracy", ["accuracy"], ("accuracy",), CategoricalAccuracy(name="accuracy")])
def test_one_metric_needs_no_list(metrics):
    model = small_model(seed=0)
    model.compile(metrics=metrics)
    assert model.metrics_names == ["loss", "accuracy"]


@pytest.mark.parametrize("argument", [{"optimizer": Adam}, {"metrics": CategoricalAccuracy}])
def test_class_in_place_of_an_object_is_an_error_that_shows_the_call(argument):
    name = next(iter(argument.values())).__name__
    with pytest.raises(ValueError, match=rf"call the class: {name}\(\)"):
        small_model().compile(**argument)
