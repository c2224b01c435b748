"""Loading of a data set of the catalog from a path, a cache or a mirror."""

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from scratchcnn.datasets.checks import Split, check_pair
from scratchcnn.datasets.data_set import DataSet, Layout
from scratchcnn.datasets.fetch import NoMirrorError, fetch_first

CACHE_VARIABLE = "SCRATCHCNN_DATA"
# Without a network, load_data returns within 15 seconds, which include imports and reading the sample of MNIST.
SECONDS_WITHOUT_PROGRESS = 12.0


class UnavailableError(OSError):
    """A data set is in no cache, and no mirror provided it.

    Attributes
    ----------
    reasons : str
        The reason for each mirror.
    remedy : str
        How to load the data set from files, in the imperative.
    """

    def __init__(self, data_set: DataSet, cache: Path, reasons: str) -> None:
        files = " or ".join(layout.description for layout in data_set.layouts)
        self.reasons = reasons
        self.remedy = f"give load_data() a folder with {files}, or put the files in {cache}"
        super().__init__(
            f"Expected {data_set.name} in a cache folder or from a mirror, received no network or no mirror "
            f"({reasons}). Connect to the network, {self.remedy}."
        )


def load(data_set: DataSet, path: str | os.PathLike[str] | None) -> Split:
    """Load a data set from a path; without one, from a cache or else from the first available mirror.

    Called directly by the public `load_data`, to whose caller the warnings refer.

    Parameters
    ----------
    data_set : DataSet
    path : str, path or None
        A folder or a file in one of the layouts of the data set.

    Returns
    -------
    ((x_train, y_train), (x_test, y_test))
        uint8, checked by `check_pair`.

    Raises
    ------
    UnavailableError
        There is no path, no cached file and no mirror.
    FileNotFoundError
        `path` does not exist, or is a folder without the files.
    ValueError
        A file in `path` is damaged or has another format.
    OSError
        A file in `path` cannot be read.
    """
    if path is not None:
        return _load_path(data_set, Path(os.path.expanduser(path)))
    cache = _cache_folder() / data_set.folder
    for folder in (cache, _keras_folder() / data_set.folder):
        whole = _load_whole(data_set, folder)
        if whole is not None:
            return whole
    try:
        fetched = fetch_first(data_set.mirrors, cache, SECONDS_WITHOUT_PROGRESS)
    except NoMirrorError as reasons:
        raise UnavailableError(data_set, cache, str(reasons)) from reasons
    report(f"{data_set.name} was downloaded into {cache}.")
    layout = next(layout for layout in data_set.layouts if layout.fits(fetched))
    return _read(data_set, layout, fetched)


def report(text: str) -> None:
    """Print a message to stderr, as stdout belongs to the program, and a warning would indicate a mistake."""
    print(f"scratchcnn: {text}", file=sys.stderr, flush=True)


def _load_path(data_set: DataSet, path: Path) -> Split:
    """Load a data set from a folder or a file."""
    descriptions = [layout.description for layout in data_set.layouts]
    if not path.exists():
        raise FileNotFoundError(
            f"expected a folder or a file with {' or '.join(descriptions)}, received '{path}', which does not exist "
            f"(the working directory is {Path.cwd()}). Correct the path, or call load_data() without one to download "
            f"{data_set.name}."
        )
    if not path.is_dir():
        return _read(data_set, _layout_of_file(data_set, path), [path])
    for layout, found in _complete_layouts(data_set, path):
        return _read(data_set, layout, found)
    missing = " and ".join(f"without {', '.join(layout.missing(path))}" for layout in data_set.layouts)
    raise FileNotFoundError(
        f"expected in the folder '{path}' either {' or '.join(descriptions)}, received one {missing}. Add them, or "
        "call load_data() without a path."
    )


def _layout_of_file(data_set: DataSet, path: Path) -> Layout:
    """Return the layout that consists of a single file with the suffix of the path, or else the first of one file."""
    single = [layout for layout in data_set.layouts if len(layout.names) == 1]
    return next((layout for layout in single if Path(layout.names[0][0]).suffix == path.suffix), single[0])


def _load_whole(data_set: DataSet, folder: Path) -> Split | None:
    """Load a data set from a cache folder; return None, with a warning if a file is damaged, if that fails."""
    search = f"the search for {data_set.name} continues"
    try:
        for layout, found in _complete_layouts(data_set, folder):
            try:
                split = _read(data_set, layout, found)
                counts = tuple(len(images) for images, _ in split)
                if counts == data_set.counts:
                    return split
                problem = f"{found[0]}: expected {data_set.counts} images, received {counts}"
            except ValueError as error:
                problem = str(error)
            warnings.warn(f"ignored, {search}: {problem}", UserWarning, stacklevel=4)
    except OSError as error:
        warnings.warn(f"{folder} is not readable, {search}: {error}", UserWarning, stacklevel=4)
    return None


def _complete_layouts(data_set: DataSet, folder: Path) -> Iterator[tuple[Layout, list[Path]]]:
    """Yield each layout whose files are all in the folder, with their paths."""
    for layout in data_set.layouts:
        found = layout.find(folder)
        if len(found) == len(layout.names):
            yield layout, found


def _read(data_set: DataSet, layout: Layout, paths: list[Path]) -> Split:
    """Read the files of a layout, and check the arrays."""
    x_train, y_train, x_test, y_test = layout.read(paths)
    source = paths[0] if len(paths) == 1 else paths[0].parent
    train = check_pair(x_train, y_train, f"{source} (training part)", data_set)
    return train, check_pair(x_test, y_test, f"{source} (test part)", data_set)


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
