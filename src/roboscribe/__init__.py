"""Roboscribe gives robot-learning datasets their language."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roboscribe.pipeline import annotate
    from roboscribe.reading import load, open_dataset

__version__ = "0.1.0"
__all__ = ["__version__", "annotate", "load", "open_dataset"]

_FOUND_IN = {
    "annotate": "roboscribe.pipeline",
    "load": "roboscribe.reading",
    "open_dataset": "roboscribe.reading",
}
"""Where the public names are; importing the package alone loads nothing heavy."""


def __getattr__(name: str) -> Any:
    if name not in _FOUND_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FOUND_IN[name]), name)
