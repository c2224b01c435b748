"""Changes to saved .npz models, to test how invalid files are handled."""

import json
import zipfile

import numpy as np


def rewrite(path, change=None, **members):
    """Rewrite the archive with a changed header or other members; None removes a member."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    if change is not None:
        header = json.loads(np.load(path)["header"].tobytes())
        change(header)
        text = np.frombuffer(json.dumps(header).encode(), np.uint8)
        np.savez(path.with_name("header.npz"), header=text)
        with zipfile.ZipFile(path.with_name("header.npz")) as archive:
            contents["header.npy"] = archive.read("header.npy")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**contents, **members}.items():
            if content is not None:
                archive.writestr(name, content)
