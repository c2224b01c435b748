"""What is known about a data set before it is loaded: shapes, sizes, files, readers and mirrors."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt

from scratchcnn.datasets.fetch import Mirror

# x_train, y_train, x_test, y_test
Arrays = Sequence[npt.NDArray[Any]]


class Layout(NamedTuple):
    """One form in which a data set is stored in a folder."""

    description: str  # the files in a few words, for error messages
    names: tuple[tuple[str, ...], ...]  # for each file, the names it may have, relative to the folder
    read: Callable[[list[Path]], Arrays]  # reads one path for each file

    def find(self, folder: Path) -> list[Path]:
        """Return the files that exist in a folder, the first one for each entry of `names`."""
        found = [[folder / name for name in names if (folder / name).is_file()] for names in self.names]
        return [paths[0] for paths in found if paths]

    def missing(self, folder: Path) -> list[str]:
        """Return the first name of each file that is not in the folder."""
        return [names[0] for names in self.names if not any((folder / name).is_file() for name in names)]

    def fits(self, paths: Sequence[Path]) -> bool:
        """Return whether the paths have the names of these files, in this order."""
        return len(paths) == len(self.names) and all(
            path.name in names for path, names in zip(paths, self.names, strict=True)
        )


class DataSet(NamedTuple):
    """A data set of images in ten classes, with a training part and a test part."""

    name: str
    image_shape: tuple[int, ...]
    label_shape: tuple[int, ...]  # () for labels (n,), and (1,) for labels (n, 1)
    counts: tuple[int, int]  # training and test images
    folder: str  # subfolder of the caches, '' for none
    layouts: tuple[Layout, ...]
    mirrors: tuple[Mirror, ...]
