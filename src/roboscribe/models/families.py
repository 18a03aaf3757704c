"""What families of vision-language models differ in: a model's name goes in, its conventions come out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from roboscribe.config import VlmSettings, json_object
from roboscribe.errors import SettingsError
from roboscribe.frames.places import Places, Resizing


@dataclass(frozen=True)
class Family:
    """Models that were trained alike.

    Attributes:
        name: Of the family; what transformers calls ``model_type`` where it knows it.
        unit: In which it names places; see ``Places``.
        y_first: Whether y stands before x.
        resizing: How its processor resizes pictures; None when it cuts them into tiles, or nobody knows.
        thinks: Whether some of them think before they answer, unless their chat template is told otherwise.
    """

    name: str
    unit: Literal["thousandths", "resized"] = "thousandths"
    y_first: bool = False
    resizing: Resizing | None = None
    thinks: bool = False


WITHOUT_THINKING: Mapping[str, Any] = {"enable_thinking": False}
"""Variables of the chat template that turn thinking off; templates that do not know them pass over them."""

_TABLE: tuple[tuple[str, Family], ...] = (
    # Name of the model or its type, in lower case with every separator a dash; the first that is found counts.
    (
        # Pixels of the picture as the model gets it (QwenLM/Qwen3-VL issue 940).
        r"qwen-?2-?5-?vl|qwen-?2-?5-?omni|cosmos-reason1|robobrain2-0",
        Family("qwen2_5_vl", "resized", resizing=Resizing(28, 3_136, 12_845_056)),
    ),
    (r"qwen-?2-?vl", Family("qwen2_vl", resizing=Resizing(28, 3_136, 12_845_056))),
    # From here on thousandths again (QwenLM/Qwen3-VL issue 1485), larger patches, and bounds of 256 and 16 Mi pixels.
    (
        r"qwen-?3|cosmos-reason2|robobrain2-5",
        Family("qwen3_vl", resizing=Resizing(32, 65_536, 16_777_216), thinks=True),
    ),
    (r"internvl", Family("internvl")),
    (r"glm-?4.*v|glm-?5.*v", Family("glm4v", thinks=True)),
    # [ymin, xmin, ymax, xmax] (Gemini API, image understanding).
    (r"gemini", Family("gemini", y_first=True)),
)

UNKNOWN = Family("unknown")
"""What is asked of models nobody knows: thousandths, which need no knowledge of how a picture was resized."""


def family_of(model: str) -> Family:
    """The family of a model.

    Args:
        model: The model's type, its name at a server, a Hugging Face id or a local folder.
    """
    folder = Path(model)
    known = _type_in(folder / "config.json") if folder.is_dir() else None
    plain = re.sub(r"[\s._]+", "-", (known or folder.name).lower())
    return next((family for pattern, family in _TABLE if re.search(pattern, plain)), UNKNOWN)


def template_variables(vlm: VlmSettings) -> dict[str, Any]:
    """Variables of the chat template of a model in this process: no thinking, unless the settings want it."""
    return dict(WITHOUT_THINKING) | json_object("vlm.chat-template-kwargs", vlm.chat_template_kwargs)


def pixel_bounds(vlm: VlmSettings, family: Family, least: int | None = None) -> dict[str, int] | None:
    """What a processor of the family is told of ``--vlm.max-pixels``; None when it is left out.

    Args:
        vlm: The settings.
        family: Of the model.
        least: The fewest pixels of a picture, where the processor has its own.

    Raises:
        SettingsError: The family's processor has no such bounds.
    """
    if vlm.max_pixels is None:
        return None
    if family.resizing is None:
        raise SettingsError(
            f"--vlm.max-pixels: models of the {family.name} kind know no such bound.",
            "Leave it out, and make pictures smaller with --frames.thumbnail-side.",
        )
    least = family.resizing.least if least is None else least
    return {"shortest_edge": min(least, vlm.max_pixels), "longest_edge": vlm.max_pixels}


def places_of(vlm: VlmSettings, model: str) -> Places:
    """How a model names places in a picture.

    Args:
        vlm: The settings; ``--vlm.max-pixels`` bounds what its processor makes of a picture.
        model: Its name at a server, a Hugging Face id or a local folder, whose processor's own bounds count.
    """
    family = family_of(model)
    resizing = family.resizing
    if resizing is not None:
        least, most = _bounds_in(Path(model)) or (resizing.least, resizing.most)
        most = vlm.max_pixels or most
        resizing = replace(resizing, least=min(least, most), most=most)
    return Places(family.unit, family.y_first, resizing)


def _type_in(path: Path) -> str | None:
    """The model type in a model's config file; None when there is none."""
    found = _object_in(path).get("model_type")
    return found if isinstance(found, str) else None


def _bounds_in(folder: Path) -> tuple[int, int] | None:
    """Fewest and most pixels of a picture by a local model's processor files; None when they do not tell."""
    for name in ("processor_config.json", "preprocessor_config.json"):
        whole = _object_in(folder / name)
        own = cast(dict[str, Any], whole.get("image_processor", whole))
        size = cast(dict[str, Any], own.get("size") or {})
        # What newer versions of transformers write, and older ones.
        for found in ((size.get("shortest_edge"), size.get("longest_edge")), _pixels(own)):
            if isinstance(found[0], int) and isinstance(found[1], int):
                return found[0], found[1]
    return None


def _pixels(processor: Mapping[str, Any]) -> tuple[Any, Any]:
    return processor.get("min_pixels"), processor.get("max_pixels")


def _object_in(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty when there is none."""
    try:
        found: Any = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}
