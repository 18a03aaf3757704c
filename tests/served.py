"""Runs against a fake server: a dataset goes into settings, and requests that came in are known by their ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fake_openai_server import Body, FakeServer, texts

from roboscribe.config import AnnotateSettings, VlmSettings

_WORDS = {
    "can be seen to do": "describe",
    "Divide the recording": "segment",
    "Compare the label": "relabel",
    "should remember": "memory",
    "before it moves": "talk",
    "could have spoken": "talk",
    "A person asked": "rephrase",
    "Write questions": "vqa",
    "find the tip": "trace",
    "was asked to do": "derive",
}
KINDS = {"describe", "segment", "memory", "talk", "rephrase", "vqa"}
"""Asks that are put unless something is turned on or off."""


def kind_of(body: Body) -> str:
    """Which ask a request comes from, by its words."""
    told = texts(body)
    return next(kind for text, kind in _WORDS.items() if text in told)


def settings(root: Path, server: FakeServer, out: Path | None = None, **vlm: Any) -> AnnotateSettings:
    """Settings that ask the server, and remember nothing between runs."""
    given: dict[str, Any] = {"api_base": (server.url,), "model_id": "fake-vlm", "cache": False}
    return AnnotateSettings(root=root, output_dir=out, vlm=VlmSettings(**(given | vlm)))
