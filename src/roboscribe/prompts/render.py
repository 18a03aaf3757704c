"""Rendering: an ask goes in, the system text and the ordered parts of its message come out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from traceback import extract_tb
from typing import Any

import jinja2
from jinja2 import nodes

from roboscribe.asks import Ask
from roboscribe.asks import __all__ as _names
from roboscribe.errors import RunStopped, SettingsError, cause
from roboscribe.frames import Part
from roboscribe.prompts.samples import sample_asks
from roboscribe.threads import off_loop

HERE = Path(__file__).parent
SUFFIX = ".md.j2"
SYSTEM = "system"
_MEND = "Mend the template in the --prompts folder."
_BROKEN = (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What filling in a template may raise."""


class Prompts:
    """The templates of a run.

    Every message is: the system text, the same for all asks; then what there is to see; then the ask's own
    words. Asks about the same pictures so share their beginning, which servers with prefix caching read once.

    Args:
        overrides: Folder whose templates, named like ours, take the place of ours.

    Raises:
        SettingsError: The folder is not there, holds a file that is no template of ours, or a template
            does not compile, uses a name that its ask does not have, or breaks when it is filled in.
    """

    def __init__(self, overrides: Path | None = None) -> None:
        if overrides is not None:
            _check_folder(overrides)
        folders = [HERE] if overrides is None else [overrides, HERE]
        self._loader = jinja2.FileSystemLoader(folders)
        self._environment = jinja2.Environment(
            loader=self._loader,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )
        self._sources = {name: self._source(name) for name in template_names()}
        # Ours are known to be sound, and take a while to read; each is compiled when it is first filled in.
        if overrides is not None:
            self._try_out(overrides)

    def digest(self, kind: type[Ask[Any]]) -> str:
        """Digest of all words that an ask of this kind is put in, whatever its facts."""
        text = self._sources[SYSTEM] + "\0" + self._sources[name_of(kind)]
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    async def render(self, ask: Ask[Any]) -> tuple[str, Sequence[Part]]:
        """The system text, and the parts of the message in order.

        Raises:
            RoboscribeError: What there is to see cannot be read.
            RunStopped: The template reads what is not there.
        """
        parts = list(await off_loop(ask.look))
        words = self._words(name_of(type(ask)), ask=ask)
        return self._words(SYSTEM), [*parts, words]

    def _words(self, name: str, **facts: Any) -> str:
        try:
            return self._environment.get_template(name + SUFFIX).render(facts).strip()
        except _BROKEN as error:
            # The next episodes would fare no better.
            raise RunStopped(self._broken(name, error), _MEND) from error

    def _try_out(self, overrides: Path) -> None:
        """Check every template of the folder and fill it in with samples, so that what breaks only then breaks at once.

        Raises:
            SettingsError: A template cannot be filled in.
        """
        given = [kind for kind in ask_kinds() if (overrides / (name_of(kind) + SUFFIX)).exists()]
        for kind in given:
            self._check(kind)
        try:
            self._words(SYSTEM)
            for ask in sample_asks():
                if type(ask) in given:
                    self._words(name_of(type(ask)), ask=ask)
        except RunStopped as error:
            raise SettingsError(error.message, error.hint) from error

    def _broken(self, name: str, error: Exception) -> str:
        """Where a template breaks, and how."""
        path = self._path(name)
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == path]
        line = f", line {lines[-1]}" if lines else ""
        return f"{path}{line}: {cause(error)}."

    def _source(self, name: str) -> str:
        return self._loader.get_source(self._environment, name + SUFFIX)[0]

    def _path(self, name: str) -> str:
        """Where a template lies."""
        return self._loader.get_source(self._environment, name + SUFFIX)[1]

    def _check(self, kind: type[Ask[Any]]) -> None:
        """Refuse a template that does not compile, or reads what its ask does not have, before anything is asked."""
        name = name_of(kind)
        try:
            tree = self._environment.parse(self._sources[name])
            self._environment.get_template(name + SUFFIX)
        except jinja2.TemplateSyntaxError as error:
            raise SettingsError(f"{self._path(name)}, line {error.lineno}: {cause(error)}.", _MEND) from error
        known = {item.name for item in fields(kind)} | {n for n in dir(kind) if not n.startswith("_")}
        for node in tree.find_all(nodes.Getattr):
            if isinstance(node.node, nodes.Name) and node.node.name == "ask" and node.attr not in known:
                raise SettingsError(
                    f"{self._path(name)}, line {node.lineno}: {kind.__name__} has no {node.attr!r}.",
                    f"It has {', '.join(sorted(item.name for item in fields(kind)))}.",
                )


def ask_kinds() -> list[type[Ask[Any]]]:
    """Every kind of ask there is."""
    import roboscribe.asks as asks

    found = [getattr(asks, name) for name in _names]
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, Ask) and kind is not Ask]


def name_of(kind: type[Ask[Any]]) -> str:
    """Name of an ask's template: its class name in snake case."""
    return "".join("_" + c.lower() if c.isupper() else c for c in kind.__name__).lstrip("_")


def template_names() -> list[str]:
    """Names of all templates, without suffix."""
    return [SYSTEM, *(name_of(kind) for kind in ask_kinds())]


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise SettingsError(f"--prompts {folder}: no such folder.")
    known = {name + SUFFIX for name in template_names()}
    found = {path.name for path in folder.iterdir() if path.suffix == ".j2"}
    if not found:
        raise SettingsError(
            f"--prompts {folder} holds no template.", f"Name them {', '.join(sorted(known))}."
        )
    if strange := found - known:
        raise SettingsError(
            f"--prompts {folder}: {sorted(strange)[0]} is no template of ours.",
            f"Ours are {', '.join(sorted(known))}.",
        )
