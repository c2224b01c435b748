"""Let Keras compute in another dtype than float32, for tight comparisons."""

import contextlib

import keras


@contextlib.contextmanager
def floats(dtype):
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
