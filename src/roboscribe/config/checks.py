"""What sections of settings share: bounds that are checked, and which settings change an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from roboscribe.errors import SettingsError

NOT_AN_ANSWER: Mapping[str, Any] = {"answers": False}
"""Metadata of a setting that never changes an answer, and stays out of fingerprints."""


def at_least(flag: str, value: float, least: float) -> None:
    """Refuse a value below the least one.

    Raises:
        SettingsError: It is.
    """
    if not value >= least:
        raise SettingsError(f"--{flag} is {value}, but must be at least {least}.")


def json_object(flag: str, text: str | None) -> dict[str, Any]:
    """The JSON object a flag holds; empty when the flag is left out.

    Raises:
        SettingsError: The text is no JSON object.
    """
    try:
        value: Any = json.loads(text) if text else {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SettingsError(f"--{flag} is not a JSON object.", """Write it as '{"name": value}'.""")
    return value  # pyright: ignore[reportUnknownVariableType]


def answer_settings(settings: Any) -> dict[str, Any]:
    """The settings of one section that change what is answered, by name."""
    return {
        item.name: getattr(settings, item.name)
        for item in fields(settings)
        if item.metadata.get("answers", True)
    }
