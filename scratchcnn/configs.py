"""Configs: the arguments with which an object can be made again, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

Config = dict[str, Any]


class Configured:
    """What can tell its config, and be made of it again.

    A class with arguments of its own overrides `get_config`, and adds them to those of the class it comes from:

        def get_config(self):
            return {**super().get_config(), "scale": self.scale}

    `from_config` need not be overridden if the config holds what the constructor takes, under the same names.
    """

    def get_config(self) -> Config:
        """The arguments of the constructor, by name: numbers, strings, lists, and objects that have a config."""
        return {}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """A new object with these arguments."""
        return cls(**config)


def name_or_self(thing: Any, known: Mapping[str, Any]) -> Any:
    """The name under which `known` holds an object of the very class of `thing`; else `thing` itself."""
    return next((name for name, one in known.items() if type(one) is type(thing)), thing)
