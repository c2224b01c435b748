"""OptimizerMicroscope records the steps of `fit` without changing them, and its printed sums give the stored weight."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import small_data, small_model

from scratchcnn import Sequential, optimizers, reference
from scratchcnn.callbacks import Callback, ModelCheckpoint
from scratchcnn.inspection import OptimizerMicroscope, compare_optimizers, watch_weight
from scratchcnn.layers import Dense
from scratchcnn.training.diagnosis import NonFiniteLossError
from scratchcnn.training.dry_run import dry_run_of_step

OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.01),
    "amsgrad": lambda: optimizers.Adam(0.01, beta_1=0.7, amsgrad=True),
    "schedule": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.01, 5)),
    "sgd": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9),
    "nesterov": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "nesterov without momentum": lambda: optimizers.SGD(0.1, nesterov=True),
    "weight decay": lambda: optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1),
    "clipnorm": lambda: optimizers.SGD(0.1, clipnorm=0.01),
    "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=0.1),
    "rmsprop": lambda: optimizers.RMSprop(0.01),
    "rmsprop, centered": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True, epsilon=1e-3),
    "adagrad": lambda: optimizers.Adagrad(0.1, clipvalue=0.001),
    "adadelta": lambda: optimizers.Adadelta(1.0),
}
PLACES = [("conv2d", "kernel", (1, 2, 0, 3)), ("dense", "bias", 4), ("dense_1", "kernel", (7, 0))]


def trained(optimizer, callbacks=None, epochs=2, **options):
    model = small_model(seed=3, **options)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(
        *small_data(40), batch_size=16, epochs=epochs, verbose=0, callbacks=callbacks(model) if callbacks else None
    )
    return model


@pytest.mark.parametrize("engine", ["kernels", "reference"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_watching_changes_no_bit(name, engine):
    seen = []

    def watch(model):
        seen.extend(OptimizerMicroscope(model, *place) for place in PLACES)
        return seen

    plain, watched = trained(OPTIMIZERS[name](), engine=engine), trained(OPTIMIZERS[name](), watch, engine=engine)
    for one, other in zip(plain.get_weights(), watched.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()
    assert plain.optimizer_state.iterations == watched.optimizer_state.iterations == 6
    assert watched.trainer.optimizer is watched.optimizer
    for microscope, (layer, parameter, position) in zip(seen, PLACES, strict=True):
        found = microscope.result
        stored = next(each for each in watched.layers if each.name == layer).params[parameter][position]
        assert found.after[-1] == stored
        assert (found.before[1:] == found.after[:-1]).all()
        assert found.steps.tolist() == [1, 2, 3, 4, 5, 6]


def test_recorded_values_are_those_of_single_steps():
    x, y = small_data(40)
    model = small_model(seed=3)
    model.compile(optimizers.Adam(0.01))
    microscope = OptimizerMicroscope(model, "dense", "kernel", (5, 2))
    replay = small_model(seed=3)
    replay.compile(optimizers.Adam(0.01))
    model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0, callbacks=microscope)
    found, place = microscope.result, 2
    for step, start in enumerate([0, 16, 32, 0, 16, 32]):
        part = slice(start, start + 16)
        state = replay.generators["dropout"].bit_generator.state  # the gradients first, then the same step
        gradient = replay.loss_and_gradients(x[part], y[part], training=True)[1][place][5, 2]
        replay.generators["dropout"].bit_generator.state = state
        replay.train_on_batch(x[part], y[part])
        m, v = (slot[5, 2] for slot in replay.optimizer_state.slots[place])
        np.testing.assert_allclose(found.gradients[step], gradient, rtol=1e-5, atol=1e-8)
        assert found.after[step] == replay.get_weights()[place][5, 2]
        assert (found.slots["m"][step], found.slots["v"][step]) == (m, v)


def test_weight_is_followed_in_a_model_with_a_frozen_layer_and_a_frozen_weight_raises_an_error():
    x, y = small_data(40)
    model = small_model(seed=3)
    model.layers[0].trainable = False
    microscope = OptimizerMicroscope(model, "dense", "kernel", (5, 2))
    start = model.get_weights()[2][5, 2]
    model.fit(x, y, batch_size=40, verbose=0, callbacks=microscope)
    found = microscope.result
    assert (found.before[0], found.after[-1]) == (start, model.get_weights()[2][5, 2])
    assert start != found.after[-1]
    frozen = OptimizerMicroscope(model, "conv2d", "bias", 0)
    with pytest.raises(ValueError, match="Expected layer 'conv2d' to be trained, received a frozen one"):
        model.fit(x, y, verbose=0, callbacks=frozen)


@pytest.mark.parametrize("name", ["adam", "amsgrad", "schedule"])
def test_optimizer_state_follows_from_the_gradients_by_the_formula_of_adam(name):
    optimizer = OPTIMIZERS[name]()
    model = small_model(seed=3, dtype="float64")
    model.compile(optimizer)
    microscope = OptimizerMicroscope(model, "dense_1", "kernel", (7, 0))
    model.fit(*small_data(40), batch_size=8, epochs=2, verbose=0, callbacks=microscope)
    found = microscope.result
    parameter, m, v = found.before[:1].copy(), np.zeros(1), np.zeros(1)
    v_max = np.zeros(1) if optimizer.amsgrad else v
    for step, (gradient, rate) in enumerate(zip(found.gradients, found.rates, strict=True), 1):
        settings = (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon)
        reference.adam(parameter, np.array([gradient]), m, v, v_max, step, rate, *settings)
        np.testing.assert_allclose([found.slots["m"][step - 1], found.slots["v"][step - 1]], [m[0], v[0]], rtol=1e-13)
        np.testing.assert_allclose(found.after[step - 1], parameter[0], rtol=1e-13)
    np.testing.assert_allclose(found.updates, found.changes, rtol=1e-9, atol=1e-16)
    assert np.abs(found.changes).max() > 1e-4


@settings(max_examples=20)
@given(st.sampled_from(sorted(OPTIMIZERS)), st.sampled_from(["float32", "float64"]), st.integers(0, 2**31), st.data())
def test_update_of_the_formula_is_the_stored_change_up_to_rounding(name, dtype, seed, data):
    model = Sequential(
        [Dense(4, activation="relu", input_shape=(3,)), Dense(3, activation="softmax")], dtype=dtype, seed=seed
    )
    model.compile(OPTIMIZERS[name]())
    layer = data.draw(st.sampled_from(["dense", "dense_1"]))
    shape = model.layers[0 if layer == "dense" else 1].params["kernel"].shape
    position = tuple(data.draw(st.integers(0, length - 1)) for length in shape)
    microscope = OptimizerMicroscope(model, layer, "kernel", position)
    rng = np.random.default_rng(seed)
    model.fit(rng.random((20, 3)), rng.integers(3, size=20), batch_size=4, verbose=0, callbacks=microscope)
    found = microscope.result
    unit = np.finfo(dtype).eps
    # The sum is rounded once; the step itself, of some five operations, to a few units of its own size. Velocities and
    # Nesterov's difference may cancel, so their terms count.
    terms = abs(found.updates) + found.rates * abs(found.gradients.astype(np.float64))
    allowed = unit * np.abs(found.after.astype(np.float64)) + 8 * unit * terms
    assert (abs(found.before + found.updates - found.after) <= allowed).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_printed_sum_adds_up_to_the_stored_weight(name, dtype):
    seen = []
    trained(OPTIMIZERS[name](), lambda model: seen.append(OptimizerMicroscope(model, *PLACES[2])) or seen, dtype=dtype)
    text = str(seen[0])
    number = r"(-?[\d.]+(?:e[-+]\d+)?)"
    before, sign, step, total = re.search(rf"before \+ update = {number} ([-+]) {number} = {number}", text).groups()
    stored = re.search(rf"stored   = {number}", text).group(1)
    sum_ = float(before) + float(sign + step)
    assert abs(sum_ - float(total)) < 1e-9
    assert abs(np.dtype(dtype).type(sum_) - seen[0].result.after[-1]) <= 2 * np.spacing(abs(seen[0].result.after[-1]))
    assert np.dtype(dtype).type(stored) == seen[0].result.after[-1]
    assert max(map(len, text.splitlines())) <= 120


def test_all_optimizers_are_compared_and_drawn(tmp_path):
    model = small_model(seed=3)
    model.compile("adam")
    x, y = small_data(40)
    found = compare_optimizers(model, x, y, *PLACES[0], list(optimizers.KNOWN), batch_size=8)
    text = str(found)
    for history, kind in zip(found.histories, optimizers.KNOWN.values(), strict=True):
        assert history.optimizer == kind.__name__ in text
        assert tuple(history.slots) == kind().slot_names
        np.testing.assert_allclose(history.updates, history.changes, atol=1e-7)
    found.plot(tmp_path / "comparison.png")
    assert (tmp_path / "comparison.png").stat().st_size > 10_000


def test_weight_decay_is_part_of_the_update():
    with_decay, without = [], []
    for seen, decay in ((with_decay, 0.5), (without, None)):
        trained(
            optimizers.SGD(0.1, weight_decay=decay),
            lambda model, seen=seen: seen.append(OptimizerMicroscope(model, *PLACES[2])) or seen,
            dtype="float64", epochs=1,
        )  # fmt: skip
    one, other = with_decay[0].result, without[0].result
    assert one.updates[0] == pytest.approx(other.updates[0] - 0.1 * 0.5 * one.before[0])
    assert "(weight decay)" in str(one)
    assert "(weight decay)" not in str(other)


def test_wrong_optimizer_state_would_be_noticed():
    seen = []
    trained(OPTIMIZERS["adam"](), lambda model: seen.append(OptimizerMicroscope(model, *PLACES[2])) or seen)
    found = seen[0].result
    found.slots["m"][:] *= np.float32(1.01)
    assert abs(found.updates - found.changes).max() > 1e-5


def test_a_long_training_prints_its_first_and_last_steps():
    seen = []
    trained(OPTIMIZERS["adam"](), lambda model: seen.append(OptimizerMicroscope(model, *PLACES[0])) or seen, epochs=10)
    lines = str(seen[0]).splitlines()
    assert sum(line.strip() == "..." for line in lines) == 1
    assert [line.split()[0] for line in lines[5:18]] == [*map(str, range(1, 7)), "...", *map(str, range(25, 31))]


def test_custom_optimizer_is_followed():
    class Halving:
        learning_rate = 1.0

        def start(self, parameters):
            return optimizers.State(0, [() for _ in parameters])

        def step(self, parameters, gradients, state, ops):
            for parameter in parameters:
                parameter *= 0.5
            return optimizers.State(state.iterations + 1, state.slots)

    seen = []
    trained(Halving(), lambda model: seen.append(OptimizerMicroscope(model, *PLACES[2])) or seen, epochs=1)
    np.testing.assert_array_equal(seen[0].result.after, seen[0].result.before / 2)
    assert "Halving" in str(seen[0])
    with pytest.raises(ValueError, match="received Halving, whose formula is not known; use `changes`"):
        _ = seen[0].result.updates


def test_formula_of_another_optimizer_with_the_same_state_is_not_used():
    class Twice(optimizers.SGD):
        def update(self, parameter, gradient, slots, step, learning_rate, ops):
            super().update(parameter, 2 * gradient, slots, step, learning_rate, ops)

    seen = []
    trained(Twice(0.1), lambda model: seen.append(OptimizerMicroscope(model, *PLACES[2])) or seen, epochs=1)
    assert list(seen[0].result.slots) == ["velocity"]
    with pytest.raises(ValueError, match="received Twice, whose formula is not known"):
        _ = seen[0].result.updates
    with pytest.raises(ValueError, match="with m in its state, received Twice with velocity; use Adam or AdamW"):
        _ = seen[0].result.m_hat


def test_model_has_its_own_optimizer_between_steps(tmp_path):
    kinds = []

    class Look(Callback):
        def on_train_batch_end(self, batch, logs=None):
            kinds.append(self.model.trainer.optimizer is self.model.optimizer)

    path = tmp_path / "model.npz"
    model = small_model(seed=0)
    both = [
        OptimizerMicroscope(model, *PLACES[0]),
        OptimizerMicroscope(model, *PLACES[1]),
        Look(),
        ModelCheckpoint(path),
    ]
    model.fit(*small_data(40), batch_size=16, epochs=1, verbose=0, callbacks=both)
    assert kinds == [True] * 3
    assert path.exists()
    assert len(both[0].result.steps) == len(both[1].result.steps) == 3


def test_optimizer_is_restored_after_a_non_finite_loss():
    model = small_model(seed=0)
    microscope = OptimizerMicroscope(model, *PLACES[0])
    x, y = small_data(40)
    model.set_weights([np.full_like(weight, 1e38) for weight in model.get_weights()])
    with pytest.raises(NonFiniteLossError), np.errstate(all="ignore"):
        model.fit(x, y, verbose=0, callbacks=microscope)
    assert model.trainer.optimizer is model.optimizer
    assert "no steps yet" in str(microscope)


def test_after_an_error_within_a_step_the_next_fit_is_watched_once():
    class Breaks(Dense):
        broken = True

        def forward(self, x, ops, training, rng):
            if training and self.broken:
                raise MemoryError("no room")
            return super().forward(x, ops, training, rng)

    layer = Breaks(3, activation="softmax", input_shape=(2,), name="mine")
    model = Sequential([layer], seed=0)
    model.compile("sgd")
    microscope = OptimizerMicroscope(model, "mine", "kernel", (0, 0))
    x, y = np.eye(2), np.array([0, 2])
    with pytest.raises(MemoryError):
        model.fit(x, y, verbose=0, callbacks=microscope)
    Breaks.broken = False
    model.fit(x, y, epochs=2, verbose=0, callbacks=microscope)
    assert model.trainer.optimizer is model.optimizer
    assert microscope.result.steps.tolist() == [1, 2]


# Several optimizers, and training of a copy


def test_optimizers_are_compared_from_the_same_weights_on_the_same_batches():
    model = small_model(seed=5)
    before = [weight.copy() for weight in model.get_weights()]
    x, y = small_data(40)
    found = compare_optimizers(model, x, y, *PLACES[2], ["adam", optimizers.SGD(0.1)], batch_size=16, epochs=2)
    adam, sgd = found.histories
    assert (adam.optimizer, sgd.optimizer) == ("Adam", "SGD")
    assert adam.before[0] == sgd.before[0]
    assert adam.gradients[0] == sgd.gradients[0] != 0  # same batch, same dropout mask
    assert adam.after[-1] != sgd.after[-1]
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert model.history is None
    # Each history is that of an ordinary fit.
    plain = small_model(seed=5)
    plain.compile(optimizers.SGD(0.1), metrics=["accuracy"])
    history = plain.fit(x, y, batch_size=16, epochs=2, verbose=0)
    assert plain.layers[-1].params["kernel"][7, 0] == sgd.after[-1]
    assert found.losses[1] == history.history["loss"][-1]
    assert max(map(len, str(found).splitlines())) <= 120
    assert "Adam: updates of magnitude" in str(found)


def test_a_weight_is_watched_on_a_copy():
    model = small_model(seed=5)
    before = model.get_weights()
    found = watch_weight(model, *small_data(40), model.layers[0], "bias", 1, batch_size=16)
    assert found.name == "conv2d/bias[1]"
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    # The random state of the model has not changed: it trains as if no copy had been trained.
    other = small_model(seed=5)
    for each in (model, other):
        each.fit(*small_data(40), verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


def test_optimizers_of_the_same_class_are_named_with_the_settings_that_differ():
    chosen = ["adam", "sgd", optimizers.SGD(0.01, momentum=0.9)]
    found = compare_optimizers(small_model(seed=0), *small_data(), "dense", "kernel", (0, 0), chosen)
    assert found.labels == ["Adam", "SGD(momentum=0.0)", "SGD(momentum=0.9)"]
    assert all(f"{name}: " in str(found) for name in found.labels)
    assert found.labels[2] in [text.get_text() for text in found.plot().axes[0].get_legend().get_texts()]


def test_wrong_arguments_raise_an_error():
    model = small_model(seed=0)
    with pytest.raises(ValueError, match="Did you mean 'dense'"):
        OptimizerMicroscope(model, "dence", "kernel", (0, 0))
    with pytest.raises(ValueError, match="Did you mean 'kernel'"):
        OptimizerMicroscope(model, "dense", "kernal", (0, 0))
    with pytest.raises(ValueError, match="with axis 1 from 0 to 7"):
        OptimizerMicroscope(model, "dense", "kernel", (0, 8))
    with pytest.raises(ValueError, match=r"layer with parameters, received 'flatten' \(Flatten\)"):
        OptimizerMicroscope(model, "flatten", "kernel", (0, 8))
    with pytest.raises(ValueError, match="Expected a model of known shape"):
        OptimizerMicroscope(Sequential([Dense(2)]), "dense", "kernel", (0, 0))
    for wrong in ("adam", 3, []):
        with pytest.raises(ValueError, match="optimizers as a list"):
            compare_optimizers(model, *small_data(), "dense", "kernel", (0, 0), wrong)
    microscope = OptimizerMicroscope(small_model(seed=1), "dense", "kernel", (0, 0))
    with pytest.raises(ValueError, match="of the model that this microscope was made for"):
        model.fit(*small_data(), verbose=0, callbacks=microscope)


def test_dry_run_that_compiles_the_kernels_is_not_recorded():
    model = Sequential([Dense(2, activation="softmax", input_shape=(3,))], seed=0)
    model.compile("adam")
    microscope = OptimizerMicroscope(model, "dense", "kernel", (0, 0))
    microscope.set_model(model)
    microscope.on_train_begin()
    microscope.on_train_batch_begin(0)
    dry_run_of_step(model.trainer, np.zeros((1, 3), np.float32)).perform()  # as in the first step without a cache
    assert len(microscope.result.steps) == 0
    assert model.trainer.optimizer is not model.optimizer  # the step that follows is observed
