"""Every installed peer computes the same as scratchcnn, and learns; Keras on JAX is always tested."""

import re
import shutil

import numpy as np
import pytest

from scratchcnn.datasets import mnist

PEERS = ["torch", "keras-tensorflow", "keras-jax"]


@pytest.fixture(params=PEERS)
def peer(request):
    from contestants import missing_packages

    missing = missing_packages(request.param)
    if missing and request.param != "keras-jax":  # a dependency of the tests
        pytest.skip(f"not installed: {' and '.join(missing)}")
    return request.param


def test_loss_and_probabilities_of_uint8_images_agree_and_training_reduces_the_loss(peer):
    from article_network import scratchcnn_model
    from turns import folder_of, processes

    (images, y), _ = mnist.load_sample()
    with (
        folder_of(images[:30, ..., None], y[:30], scratchcnn_model().get_weights()) as folder,
        processes(["scratchcnn", peer], 1, folder) as running,
    ):
        losses, outputs = ([process.ask(question, batch_size=size) for process in running.values()]
                           for question, size in (("loss", 30), ("predictions", 15)))  # fmt: skip
        seconds = running[peer].ask("steps", count=10, batch_size=30)
        after, outputs_after = running[peer].ask("loss", batch_size=30), running[peer].ask("predictions", batch_size=15)
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)
    assert np.shape(outputs[1]) == (30, 10)
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=0, atol=1e-6)
    assert len(seconds) == 10
    assert min(seconds) > 0
    assert after < losses[0] - 0.1
    probabilities = np.array(outputs_after)[np.arange(30), y[:30]]
    assert -np.log(probabilities).mean() == pytest.approx(
        after, abs=1e-5
    )  # loss and probabilities belong to the same weights


def test_table_compares_scratchcnn_with_a_peer(run_benchmark):
    """The benchmark fails unless the losses of a float32 batch agree and training changes them."""
    options = ("--networks", "lenet,mlp", "--batch-size", 8, "--rounds", 1, "--steps", 1, "--warm-up", 1)
    done = run_benchmark("networks.py", "--peer", "keras-jax", *options)
    assert done.code == 0, done.err
    table = done.table
    assert list(table) == ["lenet, 8", "mlp, 8"]
    assert list(table["mlp, 8"]) == ["scratchcnn", "keras-jax", "ratio", "at peak"]
    for row in table.values():
        [ours], [theirs], [ratio], _ = row.values()
        of_times = 0.005 / ours + 0.005 / theirs  # all numbers are rounded to two decimals
        assert ratio == pytest.approx(theirs / ours, rel=0, abs=0.005 + 1.01 * of_times * theirs / ours)
    found = re.search(r"geometric mean (\S+), lowest (\S+)\nkeras-jax, jit: all\n\Z", done.out)
    assert found is not None, done.out
    ratios = [row["ratio"][0] for row in table.values()]
    assert float(found[1]) == pytest.approx(np.sqrt(np.prod(ratios)), abs=0.01)
    assert float(found[2]) == min(ratios)


def test_peer_with_wrong_weights_is_reported(run_benchmark, monkeypatch, tmp_path):
    """A kernel with height and width exchanged, a frequent error, is one: nothing is timed."""
    import turns

    class Exchanged(turns.Process):
        def __init__(self, system, threads, folder, environment=None):
            if system != "scratchcnn":
                shutil.copytree(folder, tmp_path / "wrong")
                folder = tmp_path / "wrong"
                first, *others = np.load(folder / "weights.npz").values()
                np.savez(folder / "weights.npz", first.transpose(1, 0, 2, 3), *others)
            super().__init__(system, threads, folder, environment)

    monkeypatch.setattr(turns, "Process", Exchanged)
    done = run_benchmark("networks.py", "--peer", "keras-jax", "--networks", "lenet", "--batch-size", 8)
    assert done.code == 1
    assert re.search(r"Expected the same loss .* between keras-jax and scratchcnn; nothing was timed\.\n\Z", done.err)
    assert done.out == ""
