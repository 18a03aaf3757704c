"""Fingerprints: what a staged result depends on goes in, a short digest comes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from roboscribe import signals
from roboscribe.annotators.base import Annotator
from roboscribe.language import canonical_json
from roboscribe.models.base import Model


def provenance(annotator: Annotator, model: Model, seed: int) -> dict[str, Any]:
    """Who made a result and how, as its record has it; part of its fingerprint and of the run record.

    Model, prompts and seed are named only where the annotator asks, and the version of signals where it reads them.
    Concurrency, ports and paths never enter.
    """
    made_by: dict[str, Any] = {
        "annotator": annotator.name,
        "version": annotator.version,
        "styles": sorted(style or "speech" for style in annotator.styles),
        "settings": dict(annotator.settings),
    }
    if annotator.reads_signals:
        made_by["signals"] = signals.VERSION
    if annotator.asks:
        digests = {kind.__name__: model.prompt_digest(kind) for kind in annotator.asks}
        made_by |= {"model": model.identity, "prompts": digests, "seed": seed}
    return json.loads(canonical_json(made_by))


def fingerprint(made_by: Mapping[str, Any], episode_digest: str, upstream: Mapping[str, str]) -> str:
    """Digest of everything a staged result depends on.

    Args:
        made_by: Its provenance.
        episode_digest: ``Episode.digest`` of the source episode.
        upstream: Content digest of each upstream result it was built on, by annotator.
    """
    parts = {"made_by": dict(made_by), "episode": episode_digest, "upstream": dict(upstream)}
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:32]
