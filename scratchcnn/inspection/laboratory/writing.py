"""write_laboratory: a page on which the user draws a digit, and the browser computes the whole network."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.atomic import FilePath, atomic_write
from scratchcnn.descriptions.words import times
from scratchcnn.inspection.arguments import built_model, class_count, sample_shape
from scratchcnn.inspection.laboratory.comparison import Comparison, compare_models
from scratchcnn.inspection.laboratory.digits import stored_digits, training_digits
from scratchcnn.inspection.laboratory.engine import engine_text
from scratchcnn.inspection.laboratory.network import network_data
from scratchcnn.inspection.laboratory.stored_weights import largest_rounding, with_stored_weights
from scratchcnn.inspection.laboratory.update_rule import update_rule_data
from scratchcnn.mistakes import check_classes
from scratchcnn.operands import Array
from scratchcnn.page import ArrayStore, Page, read, render
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import check_images

DRAWN = (28, 28, 1)  # the shape of an image that can be drawn
PREPARING = ("grey", "filters", "ink", "shapes", "layout", "segmentation", "prepare", "worker")
DRAWING = ("strokes", "canvas", "file", "preparer")
VIEWS = (
    "state", "layers", "passes", "mosaic", "strip", "history", "answers", "window_view", "layer_view", "panels",
    "spare", "comparison", "influence", "ascent", "learning", "teach", "changes", "scratch", "played_step", "stations",
    "step_view", "sizes", "digits", "drawing_view", "main",
)  # fmt: skip
PAGE = Page(
    "scratchcnn.inspection.laboratory",
    scripts=(
        "elements", "arrays", "numbers", "colours", "positions", "geometry", "rounding", "forward", "described",
        "field", "sheet", "matrices", "ledger", "arithmetic", "outline", "charts", "engine/decoding", "engine/windows",
        "engine/client", *(f"drawing/{name}" for name in DRAWING), *(f"page/{name}" for name in VIEWS),
    ),
    styles=("base", "laboratory", "comparison", "learning", "step"),
    policy="; worker-src blob:",
)  # fmt: skip


@dataclass(frozen=True)
class Laboratory:
    """The result of `write_laboratory`; `print` shows the path, the size and the error of the stored weights.

    Attributes
    ----------
    path : Path
    size : int  in bytes
    rounding : float  largest rounding error of a stored weight, relative to the largest weight of its parameter
    changed : int  how many of the given images have another predicted class with the stored weights
    images : int  how many images were given
    comparison : Comparison or None  of the model with a second one
    """

    path: Path
    size: int
    rounding: float
    changed: int
    images: int
    comparison: Comparison | None = None

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.size / 1e6:.1f} MB; open it in a browser, it works offline"]
        stored = [("", self.rounding, self.changed)]
        if self.comparison is not None:
            (first, second), differing = self.comparison.names, len(self.comparison.disagreements)
            stored = [
                (f"{first}: ", *stored[0][1:]),
                (f"{second}: ", self.comparison.rounding, self.comparison.changed),
            ]
            lines.append(f"  {first} and {second} disagree on {differing:,} of {self.images:,} images")
        lines += [
            f"  {name}weights stored as float16: relative error at most {rounding:.1e}, which changes the predicted "
            f"class of {changed} of {self.images:,} images"
            for name, rounding, changed in stored
        ]
        return "\n".join(lines)


def write_laboratory(
    model: Sequential,
    to_file: FilePath,
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    training: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    compare: Sequential | None = None,
    names: tuple[str, str] = ("this network", "the other network"),
    title: str = "Draw a digit, and watch a neural network read it",
) -> Laboratory:
    """Write an HTML page on which you draw a digit while the browser computes every value of the network.

    The page shows the feature maps of each layer, the sum behind each value, the probabilities and their history, which
    pixels and strokes matter, and how the image would have to change to be read as another digit. The network can learn
    from a drawing, and a small one is trained from scratch. The page plays one training step, with the numbers of
    `watch_weight`. It is one file and works offline. A drawing is prepared as by `scratchcnn.preprocessing.read_digit`.

    Parameters
    ----------
    model : Sequential
        Built, with layers of scratchcnn; for the gradients also compiled. For another input than 28 x 28 pixels, the
        page shows the stored images only.
    to_file : str or path
        Replaced when the new page is complete.
    images, labels : array-like (N, *input_shape), (N,)
        Test images, in the range of the model's input. The page contains the first 200 and the 24 most confident
        errors.
    training : (images, labels), optional
        At least 1,000 images to train a small network in the page, where 500 of `images` are held out to test it. By
        default, `images` from number 500 on. Without so many, if the pixels are not from 0 to 1 or to 255, or together
        with `compare`, the page trains no network.
    compare : Sequential, optional
        A second model, which reads the same drawing next to the first one: for example after more epochs, or without
        dropout. Built, for the same images: with the same input shape, range of pixels and classes.
    names : tuple of two str
        How the page calls the model and the second one.
    title : str, optional
        Heading of the page.

    Returns
    -------
    Laboratory

    Raises
    ------
    TypeError, ValueError
        A model is not built, has a layer whose code is your own, or does not classify images; images and labels do
        not fit; `compare` has another input shape or number of classes.
    OSError, ImportError
        The file cannot be written; Jinja2 is not installed.

    Notes
    -----
    Weights are stored as float16. The page of the README's network has 4 MB, 5.6 MB with images to train with, and 7 MB
    with a second network. The played training step uses the compiled optimizer if that is SGD or Adam, and Adam's
    defaults for others.

    References
    ----------
    Wang et al. 2020, "CNN Explainer: Learning convolutional neural networks with interactive visualization".
    Smilkov & Carter, "A Neural Network Playground", playground.tensorflow.org.

    Examples
    --------
    >>> import tempfile
    >>> from scratchcnn.layers import Dense, Flatten
    >>> model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(10, activation="softmax")])
    >>> x, y = np.zeros((2, 28, 28, 1), np.float32), [0, 1]
    >>> write_laboratory(model, tempfile.mkdtemp() + "/laboratory.html", x, y).images
    2
    """
    model = built_model(model, "write_laboratory")
    shape = sample_shape(model)
    x, y = _checked(model, images, labels)
    learned = None if training is None else _checked(model, *_pair(training), "training ")
    network = network_data(model)
    probabilities = model.predict(x)
    stored = with_stored_weights(model).predict(x)
    changed = int((stored.argmax(axis=1) != probabilities.argmax(axis=1)).sum())
    comparison = None if compare is None else compare_models(model, compare, names, x, y, stored)
    rounding, store = largest_rounding(model), ArrayStore()
    can_draw = shape in (DRAWN, (DRAWN[0] * DRAWN[1],))
    scale = 255.0 if x.max() > 1 else 1.0
    can_train = can_draw and compare is None  # with the images of both, the page would have more than 8 MB
    training_data = training_digits(store, (x, y), learned, scale, class_count(model)) if can_train else None
    data: dict[str, Any] = {
        "arrays": store.specs,
        "network": network,
        "canDraw": can_draw,
        "inputScale": scale,
        "imageShape": list(DRAWN) if can_draw else None,
        "digits": stored_digits(store, x, y, stored, scale, comparison),
        "training": training_data,
        "optimizer": update_rule_data(model),
        "shapeNetwork": _shape_network(store) if can_draw else None,
        "workers": {"engine": engine_text(), "prepare": _preparing_text()},
    }
    if compare is not None and comparison is not None:
        data["comparison"] = comparison.data(compare, data["digits"]["differing"])
    page = render(
        PAGE,
        data,
        title=title,
        pixels=_ink(x[0], scale),
        label=int(y[0]),
        answer=int(stored[0].argmax()),
        probabilities=stored[0].tolist(),
        layers=_layers(model),
        parameters=f"{model.count_params():,}",
        rounding=f"{rounding:.1e}",
        count=f"{len(x):,}",
        accuracy=f"{(stored.argmax(axis=1) == y).mean():.1%}",
        made_with=f"scratchcnn; Python {platform.python_version()}, NumPy {np.__version__}",
    ).encode()
    with atomic_write(to_file) as file:
        file.write(page)
    return Laboratory(Path(to_file), len(page), rounding, changed, len(x), comparison)


def _pair(training: object) -> tuple[npt.ArrayLike, npt.ArrayLike]:
    if not (isinstance(training, tuple | list) and len(training) == 2):
        raise ValueError(f"Expected training as (images, labels), received {type(training).__name__}; give both.")
    return training[0], training[1]


def _checked(model: Sequential, images: npt.ArrayLike, labels: npt.ArrayLike, what: str = "") -> tuple[Array, Array]:
    """Return images that fit the model, and their class numbers."""
    x = check_images(images, sample_shape(model), model.dtype, f"{what}images")
    y = check_classes(f"{what}labels", np.asarray(labels), class_count(model))
    if len(x) != len(y):
        raise ValueError(
            f"Expected {what}images with one label each, received {len(x)} {what}images and {len(y)} {what}labels."
        )
    return x, y


def _ink(image: Array, scale: float) -> list[list[float]]:
    """Return the first channel of an image from 0 to 1, row by row; no rows for a vector that is not a drawing."""
    image = image.reshape(DRAWN) if image.shape == (DRAWN[0] * DRAWN[1],) else image
    return [] if image.ndim < 3 else np.clip(image[..., 0] / scale, 0, 1).tolist()


def _shape_network(store: ArrayStore) -> dict[str, Any]:
    """Return the weights of the network that separates digits, which are values of float16."""
    from scratchcnn.preprocessing.segmentation import shape_network  # imported here, as it needs SciPy

    return {
        name: {"array": store.add(values.astype(np.float16)), "shape": list(values.shape)}
        for name, values in shape_network().items()
    }


def _preparing_text() -> str:
    """Return the text of the worker that prepares drawings: all its files, in one scope."""
    names = ["scripts/numbers.js", *(f"scripts/drawing/{name}.js" for name in PREPARING)]
    return '"use strict";\n' + "\n".join(read(PAGE, name) for name in names)


def _layers(model: Sequential) -> list[dict[str, str]]:
    """Return name, output shape and number of parameters of each layer."""
    found, shape = [], sample_shape(model)
    for name, layer in zip(model.leaf_names, model.leaf_layers, strict=True):
        shape = tuple(layer.compute_output_shape(shape))
        count = sum(array.size for array in layer.params.values())
        found.append({"name": name, "shape": times(shape), "parameters": f"{count:,}"})
    return found
