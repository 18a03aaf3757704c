"""A model's processor: requests go in, the tokens and pixel values that the model reads come out."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import transformers
from PIL import Image
from transformers.video_utils import VideoMetadata

from roboscribe.config import VlmSettings
from roboscribe.errors import SettingsError, first_line
from roboscribe.frames.picture import Clip, Jpeg, Part
from roboscribe.models.families import Family, pixel_bounds, template_variables
from roboscribe.models.request import Request, without_clips
from roboscribe.origin import installing


@dataclass(frozen=True)
class Processor:
    """Makes tokens and pixel values of texts and pictures, as transformers does for a model.

    Attributes:
        own: The processor of transformers.
        variables: Of the chat template.
        resizing: What the picture processor is told besides its own settings.
        films: Whether it takes videos.
    """

    own: Any
    variables: dict[str, Any]
    resizing: dict[str, Any]
    films: bool

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer."""
        return self.own.tokenizer

    def prompt(self, request: Request) -> str:
        """A request as the chat template writes it, one placeholder for each picture and clip."""
        if not self.films:
            request = without_clips(request)
        return _without_thinking(
            self.own.apply_chat_template(
                conversation_of(request), tokenize=False, add_generation_prompt=True, **self.variables
            )
        )

    def inputs(self, requests: Sequence[Request]) -> Any:
        """Tensors for a batch of requests, padded on the left."""
        if not self.films:
            requests = [without_clips(request) for request in requests]
        pictures = [
            [_decoded(part) for part in request.parts if isinstance(part, Jpeg)] for request in requests
        ]
        clips = [clip for request in requests for clip in request.clips]
        return self.own(
            text=[self.prompt(request) for request in requests],
            images=pictures if any(pictures) else None,
            images_kwargs=self.resizing,
            videos=[_film(clip) for clip in clips] or None,
            # As they are: which frames to show is decided before.
            videos_kwargs={"do_sample_frames": False, "video_metadata": [_times(clip) for clip in clips]}
            if clips
            else {},
            padding=True,
            padding_side="left",
            # The template has written them all.
            add_special_tokens=False,
            return_tensors="pt",
        )


def load_processor(vlm: VlmSettings, name: str, family: Family, **options: Any) -> Processor:
    """The processor of a model.

    Args:
        vlm: Bounds of pictures and variables of the chat template.
        name: A Hugging Face id or a local folder.
        family: Of the model.
        options: For ``AutoProcessor.from_pretrained``.

    Raises:
        SettingsError: It is not there, cannot be used here, or writes no conversations.
    """
    try:
        own: Any = transformers.AutoProcessor.from_pretrained(name, **options)
    except (ImportError, RuntimeError) as error:
        raise SettingsError(
            f"The picture processor of {name} cannot be used: {first_line(error)}.",
            f"Install what is missing; {installing('transformers')} brings what most models need, torchvision in the"
            " same build as torch.",
        ) from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"--vlm.model-id {name}: {first_line(error)}.") from None
    if getattr(own, "chat_template", None) is None:
        raise SettingsError(
            f"--vlm.model-id {name} has no chat template.", "Choose a model that was made for conversation."
        )
    least = getattr(own.image_processor, "size", {}).get("shortest_edge")
    bounds = pixel_bounds(vlm, family, least)
    return Processor(
        own,
        template_variables(vlm),
        {} if bounds is None else {"size": bounds},
        getattr(own, "video_processor", None) is not None and _writes_videos(own),
    )


def _writes_videos(own: Any) -> bool:
    """Whether the chat template has a place for a video; some processors take one that no template mentions."""

    def written(*parts: Mapping[str, str]) -> str:
        return own.apply_chat_template([{"role": "user", "content": list(parts)}], tokenize=False)

    return written({"type": "video"}) != written()


def conversation_of(request: Request) -> list[dict[str, Any]]:
    """A request as the messages that chat templates take; pictures and clips are placeholders."""

    def says(role: str, *parts: Part) -> dict[str, Any]:
        content = [
            {"type": "text", "text": part}
            if isinstance(part, str)
            else {"type": "video" if isinstance(part, Clip) else "image"}
            for part in parts
        ]
        return {"role": role, "content": content}

    messages = [says("system", request.system)] if request.system else []
    messages.append(says("user", *request.parts))
    for turn in request.turns:
        messages += [says("assistant", turn.reply), says("user", turn.objection)]
    return messages


def _without_thinking(prompt: str) -> str:
    """Close a thought that the template opens: an answer held to its schema leaves no room to think."""
    bare = prompt.rstrip()
    return f"{bare}\n\n</think>\n\n" if bare.endswith("<think>") else prompt


def _decoded(picture: Jpeg) -> Image.Image:
    return Image.open(io.BytesIO(picture.data)).convert("RGB")


def _film(clip: Clip) -> Any:
    """uint8, shape [frames, height, width, 3]."""
    return np.stack([np.asarray(_decoded(frame)) for frame in clip.frames])


def _times(clip: Clip) -> Any:
    count = len(clip.frames)
    return VideoMetadata(
        total_num_frames=count,
        fps=clip.fps,
        duration=count / clip.fps,
        # Counted from the episode's start, so that a model that writes times into the prompt writes the true ones.
        frames_indices=[round(time * clip.fps) for time in clip.times],
    )
