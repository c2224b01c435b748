"""Every installed peer computes the same as scratchcnn, and learns; Keras on JAX is always tested."""

import re

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
    peer = "keras-jax"
    done = run_benchmark("train_step.py", "--peer", peer, "--batch-size", 8, "--rounds", 1, "--steps", 1)
    assert done.code == 0, done.err
    assert list(done.table) == ["scratchcnn", peer]
    ours, theirs = (row["ms/step"][0] for row in done.table.values())
    ratio = done.table[peer]["relative"][0]
    assert ratio == pytest.approx(theirs / ours, rel=0.005 / ours + 0.005 / theirs, abs=0.005)
    found = re.search(r"^Fastest peer: (\S+), (\S+) times scratchcnn's time\n\Z", done.out, re.MULTILINE)
    assert found is not None, done.out
    assert found.groups() == (peer, f"{ratio:.2f}")
