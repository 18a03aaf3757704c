"""How flags look in ``--help``: settings dataclasses go in, tyro's specification of their flags comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, cast, get_args, get_origin, get_type_hints

from docstring_parser import parse_from_object
from tyro.conf import arg
from tyro.constructors import ConstructorRegistry, StructConstructorSpec, StructFieldSpec, StructTypeInfo

VALUES: dict[Any, str] = {bool: "true|false", int: "INT", float: "FLOAT", Path: "PATH", str: "TEXT"}
"""What stands for a value of a type."""


def described() -> ConstructorRegistry:
    """A registry by which tyro shows settings as a person reads them.

    A text fills its lines wherever the source breaks them, a flag that may be left out shows what it takes, and a
    default is told where there is one.
    """
    registry = ConstructorRegistry()
    registry.struct_rule(_settings)
    return registry


def _settings(info: StructTypeInfo) -> StructConstructorSpec | None:
    kind = cast("type[Any]", info.type)  # pyright: ignore[reportUnknownMemberType]
    if not is_dataclass(kind):
        return None
    types, told = get_type_hints(kind), _docs(kind)
    specs: list[StructFieldSpec] = []
    for item in fields(kind):
        usual = item.default if item.default_factory is MISSING else item.default_factory()
        if isinstance(info.default, kind):
            usual = getattr(info.default, item.name)
        shown: Any = types[item.name]
        if not is_dataclass(types[item.name]):
            shown = Annotated[shown, arg(metavar=_value(shown), help_behavior_hint=_default(usual))]
        specs.append(StructFieldSpec(item.name, shown, usual, helptext=told.get(item.name)))
    return StructConstructorSpec(kind, tuple(specs))


@cache
def _docs(kind: type[Any]) -> dict[str, str]:
    """The text of each field of a dataclass and of those it builds on, on one line."""
    docs = (doc for base in reversed(kind.__mro__[:-1]) for doc in parse_from_object(base).params)
    return {doc.arg_name: " ".join((doc.description or "").split()) for doc in docs}


def _value(kind: Any) -> str:
    """What stands for a flag's value."""
    if kind in VALUES:
        return VALUES[kind]
    options = [option for option in get_args(kind) if option is not NoneType]
    if get_origin(kind) is Literal:
        return f"{{{','.join(options)}}}"
    if get_origin(kind) is tuple:
        return f"{_value(options[0])} ..."
    return "|".join(map(_value, options))


def _default(usual: object) -> str | Callable[[str], str]:
    if usual is None or usual == ():
        return ""
    return lambda text: f"(default: {text.lower() if isinstance(usual, bool) else text})"
