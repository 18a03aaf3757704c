"""Every flag of the lerobot-annotate that is installed is ours, stands for one of ours, or is refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

import pytest

from roboscribe.cli.aliases import ALIASES, why_gone
from roboscribe.cli.flags import flag_types
from roboscribe.config import AnnotateSettings


def flags_of(settings: type[Any], prefix: str = "") -> Iterator[str]:
    types = get_type_hints(settings)
    for item in fields(settings):
        flag = prefix + item.name.replace("_", "-")
        if is_dataclass(types[item.name]):
            yield from flags_of(types[item.name], flag + ".")
        else:
            yield flag


def test_every_flag_of_lerobot_annotate_is_known() -> None:
    config = pytest.importorskip("lerobot.annotations.steerable_pipeline.config")
    ours = dict(flag_types(AnnotateSettings))
    theirs = list(flags_of(config.AnnotationPipelineConfig))
    assert len(theirs) > 60
    assert [flag for flag in theirs if flag not in ours and flag not in ALIASES and not why_gone(flag)] == []
