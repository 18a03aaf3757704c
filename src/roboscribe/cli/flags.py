"""Flags: a settings dataclass and the words of a command line go in, the settings come out.

tyro makes flags, types and help from the dataclass. Here words are brought into the one form it takes:
`_` and `-` alike, `true`/`false` in any case, a bare flag for true, aliases, a flag of several values given
several times, and a suggestion for a misspelt flag.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_origin, get_type_hints

from roboscribe.errors import SettingsError

S = TypeVar("S")

ALIASES: Mapping[str, str] = {
    "only-episodes": "episodes",
    "data-dir": "root",
    "vlm.camera-key": "frames.cameras",
}
"""Other names of flags: those of older scripts and of LeRobot's own tool."""


def parse_flags(settings: type[S], words: Sequence[str], prog: str) -> S:
    """Settings from the words of a command line.

    Prints help and exits for `--help`.

    Raises:
        SettingsError: A flag is unknown, or its value is not of its type.
    """
    import tyro

    types = dict(flag_types(settings))
    ready = _joined(_normalise(words, types, prog), types)
    return tyro.cli(settings, prog=prog, args=ready, config=(tyro.conf.FlagConversionOff,))


def flag_types(settings: type[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every flag of a settings tree, such as ``plan.enabled``, with its type."""
    types = get_type_hints(settings)
    for item in fields(settings):
        flag = prefix + item.name.replace("_", "-")
        kind = types[item.name]
        if is_dataclass(kind) and isinstance(kind, type):
            yield from flag_types(kind, flag + ".")
        else:
            yield flag, kind


def _normalise(words: Sequence[str], types: Mapping[str, Any], prog: str) -> Iterator[str]:
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word in ("-h", "--help"):
            yield "--help"
            continue
        if not word.startswith("--"):
            yield word
            continue
        name, given, value = word[2:].partition("=")
        flag = name.replace("_", "-")
        flag = ALIASES.get(flag, flag)
        if flag not in types:
            raise SettingsError(
                f"Unknown flag --{name}.{closest(flag, types, '--')}", f"`{prog} --help` lists the flags."
            )
        yield "--" + flag
        if types[flag] is bool:
            following = words[position : position + 1]
            if not given and following and not following[0].startswith("--"):
                value, given = following[0], "="
                position += 1
            yield _truth(flag, value if given else "true")
        elif given:
            yield value


def _joined(words: Iterable[str], types: Mapping[str, Any]) -> list[str]:
    """The values of a flag that takes several and is given again, put behind those it has."""
    runs: list[list[str]] = [[]]
    several: dict[str, list[str]] = {}
    run = runs[0]
    for word in words:
        if not word.startswith("--"):
            run.append(word)
        elif word in several:
            run = several[word]
        else:
            run = [word]
            runs.append(run)
            if get_origin(types.get(word[2:])) is tuple:
                several[word] = run
    return [word for run in runs for word in run]


def _truth(flag: str, value: str) -> str:
    if value.lower() in ("true", "yes", "on", "1"):
        return "True"
    if value.lower() in ("false", "no", "off", "0"):
        return "False"
    raise SettingsError(f"--{flag} is {value!r}.", "Write true or false.")


def closest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """`` Did you mean …?`` for a misspelt name, or nothing when no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {prefix}{near[0]}?" if near else ""
