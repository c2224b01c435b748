"""The table of data sets: shapes, sizes, file names, readers, and mirrors with checksums."""

from pathlib import Path

from scratchcnn.datasets.cifar_binary import FILES, read_archive, read_files
from scratchcnn.datasets.data_set import Arrays, DataSet, Layout
from scratchcnn.datasets.fetch import MEBIBYTE, Mirror, RemoteFile
from scratchcnn.datasets.idx import read_idx
from scratchcnn.datasets.npz import read_npz


def _read_keras_npz(paths: list[Path]) -> Arrays:
    """Read the arrays of an .npz file in the format of Keras."""
    return read_npz(paths[0], ("x_train", "y_train", "x_test", "y_test"))


def _read_idx_files(paths: list[Path]) -> Arrays:
    """Read four IDX files."""
    return [read_idx(path, dimensions) for path, dimensions in zip(paths, (3, 1, 3, 1), strict=True)]


def _npz(name: str) -> Layout:
    return Layout(name, ((name,),), _read_keras_npz)


def _idx_files(md5_sums: tuple[str, str, str, str]) -> tuple[RemoteFile, ...]:
    """Return the four gzipped IDX files of a mirror, in the order of the arrays returned by `load_data`."""
    return tuple(RemoteFile(names[1], f"md5:{md5}") for names, md5 in zip(IDX.names, md5_sums, strict=True))


# Training images and labels, test images and labels: the original file names, and variants used by some tools.
IDX = Layout(
    "the four IDX files (each may end in .gz)",
    tuple(
        tuple(f"{part}-{content}{sign}{kind}-ubyte{ending}" for sign in "-." for ending in ("", ".gz"))
        for part in ("train", "t10k")
        for content, kind in (("images", "idx3"), ("labels", "idx1"))
    ),
    _read_idx_files,
)

MNIST_NPZ_FILES = (RemoteFile("mnist.npz", "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),)
MNIST_IDX_FILES = _idx_files(
    (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    )
)
MNIST = DataSet(
    name="MNIST",
    image_shape=(28, 28),
    label_shape=(),
    counts=(60_000, 10_000),
    folder="",
    layouts=(_npz("mnist.npz"), IDX),
    mirrors=(
        Mirror("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", MNIST_NPZ_FILES),
        Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/", MNIST_IDX_FILES),
        Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/", MNIST_IDX_FILES),
    ),
)

FASHION_MNIST_FILES = _idx_files(
    (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    )
)
FASHION_MNIST = DataSet(
    name="Fashion-MNIST",
    image_shape=(28, 28),
    label_shape=(),
    counts=(60_000, 10_000),
    folder="fashion-mnist",  # its files have the names of those of MNIST
    layouts=(_npz("fashion_mnist.npz"), IDX),
    mirrors=(
        Mirror("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", FASHION_MNIST_FILES),
        # The site of the authors has no HTTPS; the checksums identify the files.
        Mirror("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", FASHION_MNIST_FILES),
    ),
)

CIFAR10 = DataSet(
    name="CIFAR-10",
    image_shape=(32, 32, 3),
    label_shape=(1,),
    counts=(50_000, 10_000),
    folder="",
    layouts=(
        Layout("cifar-10-binary.tar.gz", (("cifar-10-binary.tar.gz",),), read_archive),
        Layout(
            "its six extracted files",
            tuple((name, f"cifar-10-batches-bin/{name}") for name in FILES),
            read_files,
        ),
        _npz("cifar10.npz"),
    ),
    mirrors=(
        Mirror(
            "https://www.cs.toronto.edu/~kriz/",
            # 170,052,171 bytes
            (RemoteFile("cifar-10-binary.tar.gz", "md5:c32a1d4ab5d03f1284b67883e8d87530", 256 * MEBIBYTE),),
        ),
    ),
)
