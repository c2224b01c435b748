"""Keras's initial weights are the same in every run, so that no test depends on chance."""

import keras
import pytest


@pytest.fixture(autouse=True)
def _seeded_keras():
    keras.utils.set_random_seed(0)
