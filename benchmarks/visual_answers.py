"""Visual answers without a model: a dataset and its gold come in, what is stated and what of it is right comes out.

    python benchmarks/visual_answers.py DATASET GOLD.json

The annotator asks the builtin model about every camera, at the rates of `--hz`; at the dataset's frame rate, about
every frame, which takes minutes. Rows at frames that the gold knows are judged to the letter. Beside it, in the same
run, stand two references that look at one picture at a time: one takes its largest saturated regions for things, the
other those of a colour that the task names. The exit code is 1 where of the camera `--camera` less than 90 % of what
is stated is right for a kind of question, or less than half of the frames get a question.
"""

from __future__ import annotations

import argparse
import asyncio
import colorsys
import io
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any, get_args

import numpy as np
from PIL import Image

from roboscribe.annotators.base import Scene
from roboscribe.annotators.vqa import Vqa
from roboscribe.asks import (
    AskAboutFrames,
    Attribute,
    Boxes,
    Count,
    Detection,
    FrameAnswers,
    Keypoint,
    PictureAnswers,
    Spatial,
)
from roboscribe.config import QuestionKind, VqaSettings
from roboscribe.dataset import open_dataset
from roboscribe.dataset.reader import Dataset
from roboscribe.evaluation.gold import read_gold_pictures
from roboscribe.evaluation.visual import GoldPicture, is_right
from roboscribe.frames import FrameStore, Jpeg
from roboscribe.models.builtin import BuiltinModel
from roboscribe.models.builtin.vision.blobs import Blob, blobs
from roboscribe.models.builtin.vision.mentions import mentions_of
from roboscribe.validation.vqa import kind_of

RIGHT, STATED = 0.9, 0.5
"""Least share of statements that are right, and of frames about which something is stated."""
KINDS: tuple[QuestionKind, ...] = get_args(QuestionKind)
HUES = {"red": 0, "orange": 30, "yellow": 55, "green": 130, "blue": 220, "purple": 275, "pink": 320}


class LargestBlobs(BuiltinModel):
    """A reference: the largest saturated regions are the things, and their hue is their colour.

    Args:
        named: Whether only colours count that the task names, and things are called as it calls them.
    """

    def __init__(self, named: bool) -> None:
        self._named = named

    async def answer(self, ask: Any) -> Any:
        assert isinstance(ask, AskAboutFrames)
        nouns = {"": "object"}
        if self._named:
            nouns = {mention.colour: mention.noun for mention in mentions_of(ask.task)}
        pictures = {
            number: self._about(inquiry.shot.picture(), nouns)
            for number, inquiry in zip(ask.numbers, ask.inquiries, strict=True)
        }
        return FrameAnswers(pictures=pictures)

    def _about(self, picture: Jpeg, nouns: dict[str, str]) -> PictureAnswers:
        rgb = np.asarray(Image.open(io.BytesIO(picture.data)))
        low, high = rgb.min(axis=2), rgb.max(axis=2).astype(float)
        vivid = (high - low > 0.5 * high) & (high > 60)
        coloured = [(self._colour(rgb, blob), blob) for blob in blobs(vivid.astype(np.uint8), 200)]
        found = [(word, blob) for word, blob in coloured if "" in nouns or word in nouns]
        found = sorted(found, key=lambda one: -one[1].area)[:2]
        if not found:
            return PictureAnswers()
        names = [f"{word} {nouns.get(word, 'object')}" for word, _ in found]
        (colour, first), name = found[0], names[0]
        box = [float(first.x0), float(first.y0), float(first.x1), float(first.y1)]
        point = [float(int(first.x)), float(int(first.y))]
        spatial = None
        if len(found) == 2 and names[0] != names[1]:
            relation = "left of" if first.x < found[1][1].x else "right of"
            spatial = Spatial(question="Where is it?", subject=name, relation=relation, object=names[1])
        return PictureAnswers(
            bbox=Boxes(question="Where is it?", detections=[Detection(label=name, bbox=box)]),
            keypoint=Keypoint(question="Where is it?", label=name, point=point),
            count=Count(question="How many are there?", label=name, count=names.count(name)),
            attribute=Attribute(
                question=f"What color is the object at ({point[0]:.0f}, {point[1]:.0f})?",
                label="object",
                attribute="color",
                value=colour,
            ),
            spatial=spatial,
        )

    def _colour(self, rgb: Any, blob: Blob) -> str:
        pixel = rgb[blob.y0 : blob.y1, blob.x0 : blob.x1][blob.mask].mean(axis=0) / 255
        hue = 360 * colorsys.rgb_to_hsv(*pixel)[0]
        return min(HUES, key=lambda word: abs((hue - HUES[word] + 180) % 360 - 180))


@dataclass
class Score:
    """What was said of one camera."""

    frames: int = 0
    spoken_of: int = 0
    judged: Counter[str] = field(default_factory=Counter[str])
    right: Counter[str] = field(default_factory=Counter[str])

    @property
    def share(self) -> float:
        """Share of the frames about which something is stated."""
        return self.spoken_of / max(1, self.frames)

    def precision(self, kind: str) -> float:
        """Share of the judged statements that are right; 0 for none."""
        return self.right[kind] / self.judged[kind] if self.judged[kind] else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", type=Path, help="folder of a LeRobot dataset")
    parser.add_argument("gold", type=Path, help="its ground truth as JSON")
    parser.add_argument("--hz", type=float, nargs="*", default=[1.0, 2.0], help="emission rates")
    parser.add_argument("--camera", default="observation.images.top", help="camera that must reach the marks")
    arguments = parser.parse_args()
    dataset, gold = open_dataset(arguments.dataset), read_gold_pictures(arguments.gold)
    models = {
        "builtin": BuiltinModel(),
        "largest blobs": LargestBlobs(named=False),
        "largest blobs of a colour that the task names": LargestBlobs(named=True),
    }
    passed = True
    for hz in arguments.hz:
        for name, model in models.items():
            began = process_time()
            scores = run(dataset, gold, hz, model)
            spent = 1000 * (process_time() - began) / sum(score.frames for score in scores.values())
            print(
                f"\n{name} at {hz:g} Hz, {spent:.1f} ms of CPU a frame, decoding and encoding of the video included"
            )
            print(f"{'':12}{'frames':>8}{'stated':>8}" + "".join(f"{kind:>18}" for kind in KINDS))
            for camera, score in scores.items():
                cells = (f"{score.right[k]}/{score.judged[k]} {score.precision(k):6.1%}" for k in KINDS)
                line = f"{camera.split('.')[-1]:12}{score.frames:8}{score.share:8.1%}"
                print(line + "".join(f"{cell:>18}" for cell in cells))
            if name == "builtin":
                score = scores[arguments.camera]
                passed &= score.share >= STATED and all(score.precision(kind) >= RIGHT for kind in KINDS)
    verdict = "reaches" if passed else "MISSES"
    print(f"\n{arguments.camera} {verdict} {RIGHT:.0%} right of each kind on {STATED:.0%} of the frames.")
    sys.exit(not passed)


def run(
    dataset: Dataset, gold: dict[tuple[int, str, int], GoldPicture], hz: float, model: BuiltinModel
) -> dict[str, Score]:
    """Scores by camera of one model asked at one rate."""
    annotator = Vqa(VqaSettings(emission_hz=hz))
    store = FrameStore()
    scores: dict[str, Score] = {}
    for index in sorted({episode for episode, _, _ in gold}):
        episode = dataset.episode(index)
        with store.episode(episode, annotator.needs(episode)) as frames:
            rows = asyncio.run(annotator.annotate(Scene(episode, 0, frames), {"task": []}, model))
        for camera in episode.cameras:
            score = scores.setdefault(camera.key, Score())
            score.frames += len(list(annotator.needs(episode).jpegs[camera.key]))
            score.spoken_of += len({row.timestamp for row in rows if row.camera == camera.key})
        for question, answer in list(pairwise(rows))[::2]:
            content = json.loads(answer.content or "")
            score, kind = scores[question.camera or ""], kind_of(content) or ""
            truth = gold.get((index, question.camera or "", episode.frame_at(question.timestamp)))
            if truth is not None:
                score.judged[kind] += 1
                score.right[kind] += is_right(question.content or "", content, truth)
    return scores


if __name__ == "__main__":
    main()
