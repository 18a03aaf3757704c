"""Makes torchvision's CUDA build importable beside a CPU build of torch, as PyPI installs the two on CPU machines.

Its compiled operators cannot be loaded there, and ``import torchvision`` stumbles over the first one it knows
by name. Declared beforehand, they are never called by picture processors.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class _Declare(MetaPathFinder):
    """Declares the operators when torchvision is about to be imported, and lets others find it."""

    library: Any = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "torchvision" and self.library is None and find_spec("torch") is not None:
            torch = importlib.import_module("torch")
            if torch.version.cuda is None:
                self.library = torch.library.Library("torchvision", "DEF")
                for operator in _OPERATORS:
                    self.library.define(operator)
        return None


def install() -> None:
    """From now on, importing torchvision works; torch itself is imported no sooner than that."""
    if "torchvision" not in sys.modules and not any(isinstance(f, _Declare) for f in sys.meta_path):
        sys.meta_path.insert(0, _Declare())
