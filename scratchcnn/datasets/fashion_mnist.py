"""Fashion-MNIST: 70,000 images of clothing in the format of MNIST, from a folder, a cache or the web."""

import os

from scratchcnn.datasets.catalog import FASHION_MNIST
from scratchcnn.datasets.checks import Split
from scratchcnn.datasets.loading import load

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def load_data(path: str | os.PathLike[str] | None = None) -> Split:
    """Load the training and the test set of Fashion-MNIST.

    Without a path, the data set is searched in the subfolder `fashion-mnist` of scratchcnn's cache (the folder in the
    environment variable SCRATCHCNN_DATA, or the cache folder of the system), then in that of Keras's cache
    (`~/.keras/datasets/fashion-mnist`). Otherwise it is downloaded into scratchcnn's cache from the first available
    mirror, and its checksums are verified.

    Parameters
    ----------
    path : str or path, optional
        A folder with the four IDX files (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
        `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`; gzipped or not) or with `fashion_mnist.npz`; or an .npz file
        with the arrays x_train, y_train, x_test, y_test.

    Returns
    -------
    ((x_train, y_train), (x_test, y_test))
        x: uint8 (60000, 28, 28) and (10000, 28, 28), from 0 (background) to 255. y: uint8 (60000,) and (10000,), from 0
        to 9; `CLASS_NAMES[y[i]]` is the name of a class. A data set in `path` may have other sizes.

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
    Like `keras.datasets.fashion_mnist.load_data`, which has no argument. The files have the same names as those of
    MNIST, so keep them in separate folders.

    Licence: MIT, copyright 2017 Zalando SE (https://github.com/zalandoresearch/fashion-mnist).

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
    arXiv:1708.07747, 2017.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    >>> x_train.shape, y_train.shape, x_test.shape, y_test.shape  # doctest: +SKIP
    ((60000, 28, 28), (60000,), (10000, 28, 28), (10000,))
    >>> CLASS_NAMES[9]
    'Ankle boot'
    """
    return load(FASHION_MNIST, path)
