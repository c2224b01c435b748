"""Where MNIST can be downloaded, and the checksums by which a whole file is known."""

from typing import NamedTuple


class RemoteFile(NamedTuple):
    """A file's name at the mirror and in the cache, and its checksum as 'algorithm:hexdigest'."""

    name: str
    checksum: str


class Mirror(NamedTuple):
    """A folder on the web, and the files in it that make up the whole set: one .npz, or four IDX files."""

    url: str
    files: tuple[RemoteFile, ...]


NPZ = (RemoteFile("mnist.npz", "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),)

# In the order in which load_data returns them: training images and labels, then test images and labels.
IDX = (
    RemoteFile("train-images-idx3-ubyte.gz", "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    RemoteFile("train-labels-idx1-ubyte.gz", "md5:d53e105ee54ea40749a09fcbcd1e9432"),
    RemoteFile("t10k-images-idx3-ubyte.gz", "md5:9fb629c4189551a2d022fa330f9573f3"),
    RemoteFile("t10k-labels-idx1-ubyte.gz", "md5:ec29112dd5afa0611ce80d1b7f02629c"),
)

MIRRORS = (
    Mirror("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", NPZ),
    Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/", IDX),
    Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/", IDX),
)
