"""The suite of networks: every system builds the same networks, and the table contains what was measured."""

import importlib.util
import json
import math
import time

import numpy as np
import pytest

import scratchcnn

NETWORKS = ["article", "mnist_convnet", "lenet", "vgg", "strided", "bottleneck", "mlp", "normalized"]
BATCH = 8


@pytest.fixture
def threads():
    """The number of threads, which the network of a system sets for the whole process."""
    before = scratchcnn.get_threads()
    yield before
    scratchcnn.set_threads(before)


def networks_of(systems, architecture, threads, rng):
    """A network of each system with the same weights, a batch, and the tolerance of its loss."""
    from contestants.in_scratchcnn import build_model
    from turns import loss_tolerance

    weights = build_model(architecture).get_weights()
    x = rng.random((BATCH, *architecture.input_shape), np.float32)
    y = rng.integers(0, 10, BATCH)
    built = [system(architecture, threads, weights, False, system.settings(architecture)[0]) for system in systems]
    return built, x, y, loss_tolerance(weights)


def test_networks_are_those_of_the_suite():
    from architectures import NETWORKS as DEFINED
    from architectures import SUITE

    assert list(DEFINED) == NETWORKS
    assert list(dict.fromkeys(network for network, _ in SUITE)) == NETWORKS
    assert [size for network, size in SUITE if network == "article"] == [32, 128, 512]


@pytest.mark.parametrize("network", NETWORKS)
def test_network_equals_keras_before_and_after_a_step(network, threads, rng):
    """Without dropout, which is random.

    Adam's first update is about lr sign(g), and its effect on the loss about lr sum |g|. A kernel gradient sums over n
    pixels; with terms of both signs, its rounding errors are about n u |g|. An update has at most twice its error.
    """
    pytest.importorskip("jax")
    from architectures import NETWORKS as DEFINED
    from contestants import in_keras, in_scratchcnn

    architecture = DEFINED[network]
    deterministic = architecture._replace(layers=[layer for layer in architecture.layers if layer[0] != "Dropout"])
    systems = in_scratchcnn.Network, in_keras.Network
    (ours, theirs), x, y, tolerance = networks_of(systems, deterministic, threads, rng)
    before = ours.loss(x, y)
    assert theirs.loss(x, y) == pytest.approx(before, abs=tolerance)
    for each in (ours, theirs):
        each.step(each.batch(x, y))
    after = ours.loss(x, y)
    assert abs(after - before) > 100 * tolerance
    pixels = x[..., 0].size
    tolerance += 2 * pixels * 2**-24 * abs(after - before)
    assert theirs.loss(x, y) == pytest.approx(after, abs=tolerance)


@pytest.mark.parametrize("network", NETWORKS)
def test_network_equals_pytorch(network, rng):
    """In processes of their own: where TensorFlow or JAX is loaded, importing parts of PyTorch may end the process.

    After a step, PyTorch differs by more than rounding: its epsilon is added after the bias correction.
    """
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs torch")
    from architectures import NETWORKS as DEFINED
    from contestants.in_scratchcnn import build_model
    from turns import folder_of, loss_tolerance, processes

    architecture = DEFINED[network]
    weights = build_model(architecture).get_weights()
    x, y = rng.random((BATCH, *architecture.input_shape), np.float32), rng.integers(0, 10, BATCH)
    tolerance = loss_tolerance(weights)
    with (
        folder_of(x, y, weights, architecture) as folder,
        processes(["scratchcnn", "torch"], 1, folder) as running,
    ):
        ours, theirs = running.values()
        loss, predictions = ours.ask("loss", batch_size=BATCH), np.array(ours.ask("predictions", batch_size=3))
        for setting in "channels first", "channels last":
            theirs.ask("start_again", setting=setting)
            assert theirs.ask("loss", batch_size=BATCH) == pytest.approx(loss, abs=tolerance)
            found = theirs.ask("predictions", batch_size=3)
            np.testing.assert_allclose(found, predictions, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("network", "flops_per_image"),
    [
        # two thirds of the first layer's, and all of the others': three products per layer of 2 FLOPs each
        ("lenet", 4 * 28**2 * 25 * 6 + 6 * (10**2 * 150 * 16 + 400 * 120 + 120 * 84 + 84 * 10)),
        ("strided", 4 * 16**2 * 27 * 32 + 6 * (8**2 * 288 * 64 + 4**2 * 576 * 128 + 2048 * 10)),
        ("mlp", 4 * 784 * 512 + 6 * (512 * 512 + 512 * 10)),
        ("normalized", 4 * 32**2 * 27 * 32 + 6 * (16**2 * 288 * 64 + 8**2 * 576 * 128 + 128 * 10)),
    ],
)
def test_flops_are_those_of_the_products(network, flops_per_image):
    from architectures import NETWORKS as DEFINED
    from contestants.in_scratchcnn import build_model
    from suite import training_flops

    assert training_flops(build_model(DEFINED[network]), 3) == 3 * flops_per_image


def test_synthetic_images_resemble_those_of_their_class():
    from suite import synthetic_images

    x, y = synthetic_images((32, 32, 3), count=300)
    assert x.dtype == np.float32
    assert x.min() >= 0
    assert x.max() <= 1
    means = np.stack([x[:200][y[:200] == digit].mean(axis=0) for digit in range(10)])  # (10, H, W, C)
    nearest = ((x[200:, None] - means) ** 2).sum(axis=(2, 3, 4)).argmin(axis=1)
    assert (nearest == y[200:]).mean() > 0.9


def test_fastest_setting_is_chosen_and_starts_again(tmp_path):
    from architectures import NETWORKS as DEFINED
    from turns import folder_of
    from worker import Worker

    class Sleeping:
        def __init__(self, architecture, threads, weights, from_bytes, setting):
            self.setting, self.count = setting, 0

        @staticmethod
        def settings(architecture):
            return ["slow", "fast", "medium"]

        def batch(self, x, y):
            return x, y

        def step(self, batch):
            self.count += 1
            time.sleep({"slow": 0.02, "medium": 0.01, "fast": 0}[self.setting])

    with folder_of(np.zeros((4, 28, 28, 1), np.float32), np.arange(4), None, DEFINED["lenet"]) as folder:
        worker = Worker(Sleeping, 1, folder, import_seconds=0)
    assert worker.network.setting == "slow"
    assert worker.choose_setting(count=3, batch_size=2) == "fast"
    assert worker.network.setting == "fast"
    assert worker.network.count == 0


def test_columns_are_consistent_with_the_file(run_benchmark, tmp_path):
    options = ("--networks", "lenet,article", "--batch-size", 8, "--rounds", 2, "--steps", 2, "--warm-up", 1)
    done = run_benchmark("networks.py", *options, "--threads", 1, "--json", tmp_path / "figures.json")
    assert done.code == 0, done.err
    assert "1 thread;" in done.out
    assert "peer" not in done.out
    assert list(done.table) == ["article, 8", "lenet, 8"]  # the order of the suite, each once
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["settings"]["threads"] == 1
    assert written["machine"]["processor"]
    for name, row in done.table.items():
        network = written["networks"][name]
        result = network["systems"]["scratchcnn"]
        lowest, median, highest = (result["seconds"][word] for word in ("lowest", "median", "highest"))
        assert 0 < lowest <= median <= highest
        assert result["steps"] >= 2
        assert list(row) == ["scratchcnn", "at peak"]
        assert row["scratchcnn"] == [pytest.approx(1e3 * median, abs=0.005)]
        assert row["at peak"] == [pytest.approx(1e3 * network["flops"] / written["peak_flops"], abs=0.005)]
        before, after = result["loss_of_first_batch"]
        assert before == pytest.approx(math.log(10), abs=0.5)
        assert after != before
    # forward pass: 24 MFLOP per image, 88 % of them in the second convolution; gradients: twice as many again
    assert written["networks"]["article, 8"]["flops"] == pytest.approx(9.16e9 * 8 / 128, rel=1e-3)


def test_first_epoch_is_part_of_its_process(run_benchmark, tmp_path):
    options = ("--networks", "lenet", "--batch-size", 500, "--rounds", 1, "--skip-cold", "--json", tmp_path / "f.json")
    done = run_benchmark("networks.py", "--epoch", *options)
    assert done.code == 0, done.err
    assert "4000 of MNIST: lenet" in done.out
    seconds = json.loads((tmp_path / "f.json").read_text())["networks"]["lenet, 500"]["systems"]["scratchcnn"]
    process, fit = seconds["process"]["median"], seconds["fit"]["median"]
    assert 0 < fit < process
    assert done.out.splitlines()[-1].split() == ["lenet,", "500", "scratchcnn", f"{process:.2f}", f"{fit:.2f}", "1.00"]
