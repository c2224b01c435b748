"""Configs: constructor arguments as plain data, from which an equal object can be created."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self

from scratchcnn.names import Named, nearest

Config = dict[str, Any]

STRICT = {"activations", "initializers", "layers", "losses", "metrics", "optimizers", "regularizers", "schedules"}
"""Where in this package the classes are defined that refuse attributes they do not use."""


class Configured(Named):
    """Base class of objects that can be serialized as their constructor arguments.

    The config contains the attributes that are named after the constructor's parameters. A subclass that stores an
    argument in another form overrides `get_config`; if the keys remain the names of the parameters, `from_config` need
    not be overridden.

    Raises
    ------
    AttributeError
        When an attribute is set that a class of this package does not use, so that it would have no effect. (A user's
        own class may have any attribute.)
    """

    _arguments: tuple[str, ...]  # names of the constructor's parameters; attributes are named after them
    _further_attributes: frozenset[str] = frozenset()

    def __init_subclass__(cls, methods: bool = False) -> None:
        super().__init_subclass__(methods)
        cls._arguments = tuple(inspect.signature(cls.__init__).parameters)[1:]  # without self

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, unless that would have no effect."""
        if is_strict(type(self)) and not name.startswith("_") and not hasattr(type(self), name):
            known = {*self._arguments, *self._further_attributes}
            if name not in known:
                raise AttributeError(
                    f"Expected one of the attributes of {type(self).__name__}, {', '.join(sorted(known)) or 'none'}, "
                    f"received {name!r}, which would have no effect.{nearest(name, known)}"
                )
        fixed = getattr(type(self), name, None)
        if isinstance(fixed, property) and fixed.fset is None:
            raise AttributeError(
                f"Expected {name!r} of {type(self).__name__} to stay as it is, received {value!r}; it follows from "
                f"other attributes and cannot be set."
            )
        object.__setattr__(self, name, value)

    def get_config(self) -> Config:
        """Return the constructor arguments by name: numbers, strings, lists, and objects that have a config."""
        return {name: getattr(self, name) for name in self._arguments if hasattr(self, name)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Create an object from the constructor arguments in `config`."""
        return cls(**config)


def is_strict(kind: type) -> bool:
    """Whether a class is this package's own, and refuses attributes that it does not use."""
    package, _, module = kind.__module__.partition(".")
    return package == "scratchcnn" and module.split(".")[0] in STRICT


def name_or_self(value: Any, known: Mapping[str, Any]) -> Any:
    """Return the name of the object in `known` that has exactly the class and config of `value`, or else `value`."""
    same_class = (name for name, each in known.items() if type(each) is type(value))
    return next((name for name in same_class if known[name].get_config() == value.get_config()), value)
