"""Names: an unknown name, argument or attribute raises an error with the known ones and the closest one."""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dis import opname
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from scratchcnn.keras_api import INSTEAD, ONLY_IN_KERAS

Value = TypeVar("Value")
Function = TypeVar("Function", bound=Callable[..., Any])

RENAMED = {
    "lr": "learning_rate", "nb_epoch": "epochs", "nb_filter": "filters", "output_dim": "units", "p": "rate",
    "border_mode": "padding", "subsample": "strides", "atrous_rate": "dilation_rate", "dim_ordering": "data_format",
    "init": "kernel_initializer", "bias": "use_bias", "batch_input_shape": "input_shape", "period": "save_freq",
    "samples_per_epoch": "steps_per_epoch", "nb_val_samples": "validation_steps", "val_samples": "steps",
    "W": "kernel", "b": "bias", "trainable_variables": "trainable_weights", "variables": "weights",
    "non_trainable_variables": "non_trainable_weights", "fit_generator": "fit", "evaluate_generator": "evaluate",
    "predict_generator": "predict", "filepath": "path", "predict_proba": "predict",
}  # fmt: skip
"""Arguments and attributes of earlier versions of Keras, and their names since then."""

REPLACED = {
    "predict_classes": "use model.predict(x).argmax(axis=-1)",
    "decay": "use a schedule as learning_rate, for example ExponentialDecay(0.001, 1000, 0.9)",
    "nb_row": "use kernel_size=(rows, columns)", "nb_col": "use kernel_size=(rows, columns)",
    "show_accuracy": "use compile(metrics=['accuracy'])", "class_mode": "choose a loss that takes your targets",
    "workers": "omit it: batches are made in this process", "use_multiprocessing": "omit it",
    "max_queue_size": "omit it: batches are made when they are needed", "run_eagerly": "omit it",
    "trainable": "set layer.trainable = False", "weights": "call layer.set_weights once the layer is built",
    "dtype": "use Sequential(dtype='float32') or Sequential(dtype='float64')", "seed": "use Sequential(seed=0)",
    "input": "use scratchcnn.inspection.trace(model, x)", "output": "use scratchcnn.inspection.trace(model, x)",
    "inputs": "use scratchcnn.inspection.trace(model, x)", "outputs": "use scratchcnn.inspection.trace(model, x)",
    "loss": "use model.compiled.loss", "metrics": "use model.compiled.metrics", "to_yaml": "use to_json",
    "iterations": "use model.optimizer_state.iterations", "reset_states": "omit it: layers keep no state between calls",
    "activity_regularizer": "use kernel_regularizer or bias_regularizer: only parameters are regularized",
    "kernel_constraint": "omit it: parameters are not constrained",
    "bias_constraint": "omit it: parameters are not constrained",
    "use_ema": "omit it", "ema_momentum": "omit it", "ema_overwrite_frequency": "omit it",
    "loss_scale_factor": "omit it", "gradient_accumulation_steps": "use a larger batch_size",
    "show_trainable": "omit it",
    "jit_compile": "omit it: Sequential(engine='kernels') is compiled", "steps_per_execution": "omit it",
}  # fmt: skip
"""Arguments and attributes that exist in Keras only, and what to do instead."""


def look_up(kind: str, name: object, known: Mapping[str, Value]) -> Value:
    """Return the value registered under a name.

    Parameters
    ----------
    kind : str
        What is looked up, for the error message: 'optimizer', 'loss'.
    name : object
        The name; values that are not strings are reported like unknown names.
    known : mapping of str to any type

    Raises
    ------
    ValueError
        The name is unknown; the message lists all known names and suggests the closest one.

    Examples
    --------
    >>> look_up("padding", "vaild", {"valid": 0, "same": 1})
    Traceback (most recent call last):
    ValueError: Expected padding as one of 'valid', 'same', received 'vaild'. Did you mean 'valid'?
    """
    if isinstance(name, str) and name in known:
        return known[name]
    raise ValueError(
        f"Expected {kind} as one of {', '.join(map(repr, known))}, received {name!r}{class_hint(name)}."
        f"{nearest(name, known)}"
    )


def nearest(name: object, known: Iterable[str]) -> str:
    """Return " Did you mean 'adam'?" with the known name that is most similar to `name`; '' if none is similar."""
    closest = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5) if isinstance(name, str) else []
    return f" Did you mean {closest[0]!r}?" if closest else ""


def class_hint(value: object) -> str:
    """Return "; call the class: Adam()" if `value` is a class where an object is expected; '' otherwise."""
    return f"; call the class: {value.__name__}()" if isinstance(value, type) else ""


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """Return the message about an unknown argument or attribute: the known ones, or what to use instead.

    Examples
    --------
    >>> unknown_name("arguments of SGD", "lr", ["learning_rate", "momentum"])
    "Expected one of the arguments of SGD, received 'lr'; use learning_rate."
    >>> unknown_name("arguments of SGD", "momentun", ["learning_rate", "momentum"])
    "Expected one of the arguments of SGD, learning_rate, momentum, received 'momentun'. Did you mean 'momentum'?"
    """
    known = list(known)
    if RENAMED.get(name) in known:
        return f"Expected one of the {what}, received {name!r}; use {RENAMED[name]}."
    if name in REPLACED:
        return f"Expected one of the {what}, received {name!r}; {REPLACED[name]}."
    listed = ", ".join(known) or "of which there are none"
    return f"Expected one of the {what}, {listed}, received {name!r}.{nearest(name, known)}"


def names_arguments(function: Function) -> Function:
    """Return the function such that an unknown keyword argument raises a TypeError with the message above.

    A function that accepts any keyword argument is returned unchanged. The signature remains that of the function.

    Examples
    --------
    >>> @names_arguments
    ... def shift(rows: int = 0, columns: int = 0) -> None: ...
    >>> shift(row=1)
    Traceback (most recent call last):
    TypeError: Expected one of the arguments of shift, rows, columns, received 'row'. Did you mean 'rows'?
    """
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return function
    known = dict.fromkeys(name for name in parameters if name != "self")
    is_method = "self" in parameters
    label = function.__qualname__.rpartition("<locals>.")[2]

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not kwargs.keys() <= known.keys():
            what = label
            if is_method and args:
                what = f"{type(args[0]).__name__}.{function.__name__}".removesuffix(".__init__")
            unknown = next(name for name in kwargs if name not in known)
            raise TypeError(unknown_name(f"arguments of {what}", unknown, known))
        return function(*args, **kwargs)

    return checked  # type: ignore[return-value]


class UnknownAttributeError(AttributeError):
    """The error that `__getattr__` raises for an attribute that an object does not have.

    Its message is computed only when it is shown, so that `hasattr` and `getattr` with a default stay fast. Names that
    begin with an underscore get a short one, since Python itself looks for many of them.
    """

    def __init__(self, thing: object, name: str) -> None:
        super().__init__(name, name=name, obj=thing)
        self.attribute = name

    def __reduce__(self) -> tuple[type[AttributeError], tuple[str]]:
        return AttributeError, (str(self),)  # to another process goes the message, without the object

    def __str__(self) -> str:
        kind = type(self.obj)
        if self.attribute.startswith("_"):
            return f"{kind.__name__!r} object has no attribute {self.attribute!r}"
        if isinstance(self.obj, ModuleType):
            return unknown_in_module(self.obj, self.attribute)
        known = sorted(name for name in {*dir(kind), *vars(self.obj)} if not name.startswith("_"))
        return unknown_name(f"attributes of {kind.__name__}", self.attribute, known)


def unknown_in_module(module: ModuleType, name: str) -> str:
    """Return the message about an unknown name of a module: the known ones, where it is, or that only Keras has it."""
    package, _, place = module.__name__.partition(".")
    known = public_names(module)
    start = f"Expected one of the names of {module.__name__}, {', '.join(known)}, received {name!r}"
    if name in INSTEAD:
        return f"{start}; {INSTEAD[name]}."
    loaded = [other for other in sys.modules if other.startswith(f"{package}.") and name in _listed(sys.modules[other])]
    if loaded:
        return f"{start}, which is in {min(loaded, key=lambda other: (other.count('.'), other))}."
    if name in ONLY_IN_KERAS.get(place, "").split():
        return f"{start}, which Keras has and {package} does not."
    return f"{start}.{nearest(name, known)}"


def public_names(module: ModuleType) -> list[str]:
    """Return `__all__` or, of a module without it, the classes and functions that are defined in it."""
    return _listed(module) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def _listed(module: ModuleType) -> list[str]:
    return list(vars(module).get("__all__", ()))


def names_of_module(
    module: str, submodules: Iterable[str] = (), places: Mapping[str, str] | None = None
) -> Callable[[str], Any]:
    """Return the function `__getattr__` of a module: it raises the error for a name that is not in `__all__`.

    The submodules are imported when they are first used, as `scratchcnn.datasets` after `import scratchcnn`; so are the
    modules in `places`, each by the name that is taken from it. Where a name is imported (`from module import name`),
    the error is an ImportError, since Python replaces the message of any AttributeError there by its own.
    """
    known, place_of = frozenset(submodules), places or {}

    def missing(name: str) -> Any:
        if name in known:
            return import_module(f"{module}.{name}")
        if name in place_of:
            return getattr(import_module(place_of[name]), name)
        caller = sys._getframe().f_back
        if caller and not name.startswith("_") and opname[caller.f_code.co_code[caller.f_lasti]] == "IMPORT_FROM":
            raise ImportError(unknown_in_module(sys.modules[module], name), name=module)
        raise UnknownAttributeError(sys.modules[module], name)

    return missing


class Named:
    """Base class of public objects: unknown arguments and attributes raise errors that name the known ones.

    It applies to the constructors of this package's classes, with methods=True also to their public methods, and to
    the attributes of all subclasses.
    """

    def __init_subclass__(cls, methods: bool = False) -> None:
        if cls.__module__.partition(".")[0] == __name__.partition(".")[0]:
            for name, value in list(vars(cls).items()):
                if name == "__init__" or (methods and not name.startswith("_") and inspect.isfunction(value)):
                    setattr(cls, name, names_arguments(value))

    if not TYPE_CHECKING:  # a type checker would take every attribute for defined

        def __getattr__(self, name: str) -> Any:
            """Raise the error for an attribute that was not found, or that of a property that failed."""
            if hasattr(type(self), name):
                return object.__getattribute__(self, name)
            raise UnknownAttributeError(self, name)
