"""CIFAR-10: 60,000 color images of animals and vehicles, from a folder, a cache or the web."""

import os

from scratchcnn.datasets.catalog import CIFAR10
from scratchcnn.datasets.checks import Split
from scratchcnn.datasets.loading import load

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_data(path: str | os.PathLike[str] | None = None) -> Split:
    """Load the training and the test set of CIFAR-10.

    Without a path, `cifar-10-binary.tar.gz` is searched in scratchcnn's cache (the folder in the environment variable
    SCRATCHCNN_DATA, or the cache folder of the system), then in Keras's cache (`~/.keras/datasets`). Otherwise it is
    downloaded into scratchcnn's cache (170 MB), and its checksum is verified. The archive is read in memory and is not
    extracted.

    Parameters
    ----------
    path : str or path, optional
        The archive `cifar-10-binary.tar.gz`; a folder that contains it, its six extracted files (`data_batch_1.bin` to
        `data_batch_5.bin` and `test_batch.bin`) or `cifar10.npz`; or an .npz file with the arrays x_train, y_train,
        x_test, y_test.

    Returns
    -------
    ((x_train, y_train), (x_test, y_test))
        x: uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), red, green and blue from 0 to 255. y: uint8 (50000, 1) and
        (10000, 1), from 0 to 9; `CLASS_NAMES[y[i, 0]]` is the name of a class. A data set in `path` may have other
        sizes.

    Raises
    ------
    FileNotFoundError
        `path` does not exist, or is a folder without the files.
    ValueError
        A file in `path` is damaged or has another format.
    OSError
        A file in `path` cannot be read; or, without a path, there is no cached file and no mirror provides the data set
        (after at most 15 seconds).

    Warns
    -----
    UserWarning
        A cached file is damaged; the search continues.

    Notes
    -----
    Like `keras.datasets.cifar10.load_data`, which has no argument and reads the Python version of the data set. Its
    files are pickles, which can execute code and are never loaded here, so Keras's own copy is not used.

    Licence: the authors state none; they ask for a citation of the report below.

    References
    ----------
    A. Krizhevsky, "Learning multiple layers of features from tiny images", technical report, University of Toronto,
    2009. Data and file format: https://www.cs.toronto.edu/~kriz/cifar.html.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    >>> x_train.shape, y_train.shape, x_test.shape, y_test.shape  # doctest: +SKIP
    ((50000, 32, 32, 3), (50000, 1), (10000, 32, 32, 3), (10000, 1))
    >>> CLASS_NAMES[6]
    'frog'
    """
    return load(CIFAR10, path)
