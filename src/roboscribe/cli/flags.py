"""Flags: a settings dataclass and the words of a command line go in, the settings come out; and back into words.

tyro makes flags, types and help from the dataclass. Here words are brought into the one form it takes:
`_` and `-` alike, `true`/`false` in any case, a bare flag for true, aliases, a flag of several values given
several times, and a suggestion for a misspelt flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from inspect import getdoc
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from roboscribe.cli.aliases import ALIASES, PLAIN, SHORT, Alias, why_gone
from roboscribe.errors import SettingsError, closest

S = TypeVar("S")


def parse_flags(settings: type[S], words: Sequence[str], prog: str) -> S:
    """Settings from the words of a command line.

    Prints help and exits for `--help`.

    Raises:
        SettingsError: A flag is unknown, has no value, or one that is not of its type; or a word is no flag's.
    """
    import tyro

    types = dict(flag_types(settings))
    runs = _joined(_normalise(words, types, prog), types)
    registry = None
    if "--help" in words or "-h" in words:
        from roboscribe.cli.flag_help import described

        registry = described()
    else:
        _check(runs, types, prog)
    ready = [word for run in runs for word in run]
    paragraphs = (getdoc(settings) or "").split("\n\n")
    # tyro takes a line that begins with a mark for a new one.
    description = "\n\n".join(" ".join(text.split()) for text in paragraphs)
    flags = (tyro.conf.FlagConversionOff,)
    return tyro.cli(settings, prog=prog, description=description, args=ready, config=flags, registry=registry)


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


def words_of(settings: Any) -> list[str]:
    """The words of a command line that these settings come from; those that are as usual are left out."""
    words: list[str] = []
    for item in fields(settings):
        usual = item.default if item.default_factory is MISSING else item.default_factory()
        words += _words(f"--{item.name.replace('_', '-')}", getattr(settings, item.name), usual)
    return words


def _words(flag: str, value: Any, usual: Any) -> Iterator[str]:
    if is_dataclass(value):
        for item in fields(value):
            name = item.name.replace("_", "-")
            yield from _words(f"{flag}.{name}", getattr(value, item.name), getattr(usual, item.name))
    elif value == usual:
        return
    elif isinstance(value, tuple):
        yield from (flag, *map(str, cast("tuple[Any, ...]", value)))
    else:
        yield f"{flag}={str(value).lower() if isinstance(value, bool) else value}"


def _normalise(words: Sequence[str], types: Mapping[str, Any], prog: str) -> Iterator[str]:
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word in ("-h", "--help"):
            yield "--help"
            continue
        if not word.startswith("--"):
            if word.startswith("-") and not _reads(float, word):
                raise SettingsError(
                    f"Unknown flag {word}.", f"Flags have two dashes; `{prog} --help` lists them."
                )
            yield word
            continue
        name, given, value = word[2:].partition("=")
        alias = _meant(name, types, prog)
        switch = all(types[flag] is bool for flag in alias.flags)
        following = words[position : position + 1]
        if not given and (switch or alias.rewords) and following and not following[0].startswith("--"):
            value, given = following[0], "="
            position += 1
        if not given and switch:
            value, given = "true", "="
        for flag in alias.flags:
            said = alias.words(name, value) if given else ()
            yield "--" + flag
            yield from (_truth(flag, text) for text in said) if switch else said


def _meant(name: str, types: Mapping[str, Any], prog: str) -> Alias:
    """The flags that a name stands for: its own, or those of another tool's.

    Raises:
        SettingsError: It is no flag of the command.
    """
    flag = name.replace("_", "-")
    if flag in types:
        several = get_origin(types[flag]) is tuple
        return Alias((flag,), listed=several and get_origin(get_args(types[flag])[0]) is Literal)
    alias = PLAIN.get(flag) or SHORT.get(flag) or ALIASES.get(flag)
    if alias is not None and all(known in types for known in alias.flags):
        return alias
    if (why := why_gone(flag)) and "subtasks.enabled" in types:
        raise SettingsError(f"--{name} of lerobot-annotate does not exist here.", why)
    if inside := next((known for known in types if known.startswith(f"{flag}.")), None):
        raise SettingsError(
            f"--{name} is no flag, but a group of them.", f"Give each by itself, as --{inside}."
        )
    raise SettingsError(
        f"Unknown flag --{name}.{closest(flag, types, '--')}", f"`{prog} --help` lists the flags."
    )


def _joined(words: Iterable[str], types: Mapping[str, Any]) -> list[list[str]]:
    """Each flag with its values, those of a flag that takes several and is given again put together.

    The first run has the words before any flag.
    """
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
    return runs


def _check(runs: Sequence[Sequence[str]], types: Mapping[str, Any], prog: str) -> None:
    strays = list(runs[0])
    for flag, *values in runs[1:]:
        kind = types[flag[2:]]
        if not values:
            raise SettingsError(f"{flag} has no value.", f"Give {_described(kind)}, or leave the flag out.")
        if get_origin(kind) is not tuple:
            values, extra = values[:1], values[1:]
            strays += extra
        for value in values:
            if not _reads(kind, value):
                raise SettingsError(f"{flag} is {value!r}, but must be {_described(kind)}.")
    if strays:
        folder = "The dataset's folder is given with --root; " if "root" in types else ""
        raise SettingsError(f"{strays[0]!r} belongs to no flag.", f"{folder}`{prog} --help` lists the flags.")


def _reads(kind: Any, word: str) -> bool:
    """Whether a word is a value of a flag's type."""
    options = get_args(kind)
    if get_origin(kind) is Literal:
        return word in options
    if get_origin(kind) is tuple:
        return word != "" and _reads(options[0], word)
    if isinstance(kind, UnionType):
        return any(_reads(option, word) for option in options)
    if kind in (int, float):
        with suppress(ValueError):
            kind(word)
            return True
        return False
    if kind is NoneType:
        return word == "None"
    return kind is not Path or word != ""


def _described(kind: Any) -> str:
    """A flag's type in words."""
    options = [option for option in get_args(kind) if option not in (NoneType, ...)]
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(options)
    if options:
        return _described(options[0])
    return {int: "a whole number", float: "a number", Path: "a path"}.get(kind, "a value")


def _truth(flag: str, value: str) -> str:
    if value.lower() in ("true", "yes", "on", "1"):
        return "True"
    if value.lower() in ("false", "no", "off", "0"):
        return "False"
    raise SettingsError(f"--{flag} is {value!r}.", "Write true or false.")
