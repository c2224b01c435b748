"""How typical an image is of the data that a network was trained on, as a p-value: is this picture a digit at all?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scratchcnn.datasets import mnist
from scratchcnn.fusion.plan import Plan
from scratchcnn.layers import Layer
from scratchcnn.mistakes import check_classes
from scratchcnn.names import names_of_module
from scratchcnn.operands import Array, Shape
from scratchcnn.preprocessing import create_scaler, normalizer
from scratchcnn.sequential import Sequential
from scratchcnn.training.data import as_input, check_images, value_range
from scratchcnn.training.inference import predict_batch

Labels = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Data = tuple[npt.ArrayLike, npt.ArrayLike]

RARE = 0.01  # an image with a score below it is probably no digit; so are 1 % of the digits
MNIST_SHAPE = (28, 28, 1)
BATCH_SIZE = 128
RIDGE = 1e-3  # added to the diagonal of the covariance, relative to its mean, as it is singular if units are dead


class Typicality:
    """A score of how typical images are of the training data: the share of held-out images that are less typical.

    A softmax always names a class, with high confidence even for letters and noise. This score compares the activations
    with those of training images. The features f(x) of an image are the outputs a of each hidden block of layers (a
    layer with parameters and all that follow up to the next one), averaged over the positions of a convolution, as
    sign(a) sqrt(abs(a)). With the class means μ(c) and the covariance Σ of the features within a class, the squared
    Mahalanobis distance to the nearest class is

        d(x) = min over c of (f(x) - μ(c))ᵀ Σ⁻¹ (f(x) - μ(c))

    and the score is the conformal p-value of n held-out images,

        score(x) = (1 + number of held-out images h with d(h) >= d(x)) / (n + 1)

    For images like the held-out ones it is uniform on [0, 1]: a threshold of 1 % flags 1 % of them.

    Parameters
    ----------
    model : Sequential
        A trained classifier. Its present weights are used; train it further, and make a new object.
    training : (images, labels), optional
        Images (N, *input_shape) and class numbers (N,) that determine μ and Σ, on the scale the model was trained on.
        Default: the 4,000 training images of the embedded MNIST sample, in [0, 1], each also with a slight blur, so
        that blurred photos of digits are not called atypical.
    held_out : array-like (n, *input_shape), optional
        Images that calibrate the score, best those the model was not trained on. The smallest score is 1 / (n + 1).
        Default: the 1,000 test images of the sample. Give both or neither.

    Raises
    ------
    ValueError, TypeError
        The model is not built, or its inputs are not MNIST images and no data are given; the data do not fit the model,
        or only one of the two is given.

    Notes
    -----
    Letters that look like digits (O, l, S) have typical scores, and a typical image may still be misclassified. How
    many other images are recognized depends on the features: those of the article's network, which has convolutions and
    dropout, tell most letters and clothes from digits; those of dense layers alone little but noise. If the model was
    trained on the images of `held_out`, more than the nominal share of new images may be flagged.

    Cost: about 9,000 images are predicted once, and a matrix of the size features × features is inverted: 2 s for the
    network of the article. Then each image costs a prediction, about 1 ms.

    References
    ----------
    K. Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks",
    NeurIPS 2018: Mahalanobis distance of the averaged activations of all layers. S. Bates et al., "Testing for Outliers
    with Conformal p-values", Annals of Statistics, 2023. The baseline, the maximum of the softmax: D. Hendrycks, K.
    Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural Networks", ICLR 2017.

    Examples
    --------
    >>> from scratchcnn.layers import Dense, Flatten
    >>> model = Sequential([Flatten(input_shape=(28, 28, 1)), Dense(32, activation="relu"), Dense(10)], seed=0)
    >>> noise = np.random.default_rng(0).random((1, 28, 28, 1))
    >>> Typicality(model).score(noise) < RARE
    array([ True])
    """

    def __init__(self, model: Sequential, training: Data | None = None, held_out: npt.ArrayLike | None = None) -> None:
        self._input_shape, self._dtype = model.expect_built("Typicality"), model.dtype
        self._of_mnist = training is None and held_out is None
        if self._of_mnist:
            training, held_out = _mnist_sample(self._input_shape)
        if training is None or held_out is None:
            missing = "training" if training is None else "held_out"
            raise ValueError(f"Expected training and held_out together, received no {missing}; give both or neither.")
        self._plans = _plans_of_features(model.clone().leaf_layers, model.engine)
        self._fit(*_checked(training, self._input_shape, self._dtype))
        self._held_out = np.sort(self._distance(held_out, "held_out"))

    def score(self, images: npt.ArrayLike) -> Values:
        """Compute the share of held-out images that are at most as typical as each image.

        Parameters
        ----------
        images : array-like (N, *input_shape)
            On the scale the model was trained on, such as `read_digit(...).image`.

        Returns
        -------
        float64 (N,)
            From 1 / (n + 1) to 1, for n held-out images.

        Raises
        ------
        ValueError, TypeError
            The images have another shape or dtype, or contain NaN, infinity or, where the score is calibrated on the
            MNIST sample, values outside [0, 1].
        """
        distances = self.distance(images)
        count = len(self._held_out)
        less_typical = count - np.searchsorted(self._held_out, distances, side="left")
        return (1 + less_typical) / (count + 1)

    def distance(self, images: npt.ArrayLike) -> Values:
        """Compute the squared Mahalanobis distance of each image to the nearest class; arguments as for `score`."""
        return self._distance(images, "images")

    def _distance(self, images: npt.ArrayLike, what: str) -> Values:
        x = check_images(images, self._input_shape, self._dtype, what)
        low, high = value_range(x)
        if self._of_mnist and not 0 <= low <= high <= 1:
            raise ValueError(
                f"Expected images with values in [0, 1], received {low:g} to {high:g}; use "
                "normalizer(create_scaler([0, 255]), images)."
            )
        whitened = self._features(x) @ self._whitening  # (N, features)
        return np.min([((whitened - mean) ** 2).sum(axis=1) for mean in self._means], axis=0)

    def _fit(self, images: Array, labels: Labels) -> None:
        """Compute the whitening matrix W with W Wᵀ = Σ⁻¹, and the whitened mean of each class."""
        features = self._features(images)
        _, places = np.unique(labels, return_inverse=True)
        means = np.array([features[places == place].mean(axis=0) for place in range(places.max() + 1)])
        residuals = features - means[places]
        scales = self._scales(residuals)
        residuals /= scales
        covariance = residuals.T @ residuals / len(residuals)
        root = np.linalg.cholesky(covariance + RIDGE * np.eye(len(covariance)))
        self._whitening = np.linalg.inv(root).T / scales[:, None]
        self._means = means @ self._whitening

    def _features(self, images: Array) -> Values:
        """Return the features (N, features) of images, from all hidden blocks of layers."""
        rows = []
        for start in range(0, len(images), BATCH_SIZE):
            x = as_input(images[start : start + BATCH_SIZE], self._dtype)
            blocks = [x.reshape(len(x), -1)] if not self._plans else []
            for plan in self._plans:
                x = predict_batch(plan, x)
                blocks.append(x.mean(axis=(1, 2)) if x.ndim == 4 else x.reshape(len(x), -1))
            rows.append(np.concatenate(blocks, axis=1).astype(np.float64))
        features = np.concatenate(rows)
        return np.sign(features) * np.sqrt(np.abs(features))  # roots of activations are closer to normally distributed

    def _scales(self, residuals: Values) -> Values:
        """Return the root mean square deviation of the features of each block, repeated for each of its features."""
        shapes = [plan.layers[-1].output_shape or () for plan in self._plans] or [(residuals.shape[1],)]
        widths = [shape[-1] if len(shape) == 3 else int(np.prod(shape)) for shape in shapes]
        blocks = np.split(residuals, np.cumsum(widths)[:-1], axis=1)
        deviations = [float(np.sqrt(np.mean(block**2))) for block in blocks]
        return np.repeat([deviation or 1.0 for deviation in deviations], widths)


def _plans_of_features(layers: Sequence[Layer], engine: str) -> list[Plan]:
    """Divide the layers up to the last hidden block into plans that each end at an output to be used as features.

    A block is a layer with parameters and all that follow up to the next one; a normalization, whose statistics make it
    an affine map of each channel in inference, begins no block. Its features are its last output that
    still has positions (H, W, C), or, without a convolution, its last output.
    """
    starts = [place for place, layer in enumerate(layers) if layer.params and not layer.statistics]
    plans, begin = [], 0
    for start, following in pairwise(starts):
        with_positions = [place for place in range(start, following) if len(layers[place].output_shape or ()) == 3]
        end = (with_positions or [following - 1])[-1] + 1
        plans.append(Plan(layers[begin:end], engine))
        begin = end
    return plans


def _mnist_sample(input_shape: Shape) -> tuple[Data, Array]:
    """Return the training data and the test images of the embedded sample, in [0, 1]."""
    if input_shape != MNIST_SHAPE:
        raise ValueError(
            f"Expected a model for images {MNIST_SHAPE}, received one for {input_shape}; give training and held_out."
        )
    (x_train, y_train), (x_test, _) = mnist.load_sample()
    scaler = create_scaler([0, 255])
    sharp, held_out = (normalizer(scaler, images.reshape(-1, *MNIST_SHAPE)) for images in (x_train, x_test))
    return (np.concatenate([sharp, _blurred(sharp)]), np.concatenate([y_train, y_train])), held_out


def _blurred(images: Array) -> Array:
    """Filter images (N, H, W, C) with the weights 1/4, 1/2, 1/4 in each direction, a blur of 0.7 pixels."""
    x = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    x = (x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]) / 4
    return (x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]) / 4


def _checked(training: Data, input_shape: Shape, dtype: np.dtype[np.floating]) -> tuple[Array, Labels]:
    """Check images and class numbers."""
    if not isinstance(training, tuple | list) or len(training) != 2:
        raise TypeError(f"Expected training as (images, labels), received {type(training).__name__}; give a pair.")
    images = check_images(training[0], input_shape, dtype, "training images")
    labels = check_classes("training labels", training[1], None)
    if len(images) != len(labels):
        raise ValueError(
            f"Expected a training label for each image, received {len(images):,} images and {len(labels):,} labels."
        )
    return images, labels


if not TYPE_CHECKING:  # a type checker would take every name for defined
    __getattr__ = names_of_module(__name__)
