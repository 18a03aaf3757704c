"""A model of your own: anything that answers asks can annotate. Here one that names subtasks by a table.

An ask carries the facts and the type of its answer. This model answers segmentation by what the gripper did, in its own
words, and leaves everything else to the builtin model. `roboscribe.models.scripted.ScriptedModel` answers from a
list or a function, for tests.

python examples/03_your_own_model.py [FOLDER]
"""

import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import roboscribe
from roboscribe.asks import Answer, Ask, SegmentEpisode, Segments
from roboscribe.config import AnnotateSettings
from roboscribe.models.builtin import BuiltinModel

NAMES = {"grasp": "get a firm grip on", "lift": "raise", "release": "let go of"}


class MyModel(BuiltinModel):
    """Speaks of subtasks in words of its own."""

    identity = "my-model 1"  # enters the fingerprints: raise it when answers change

    async def answer(self, ask: Ask[Any]) -> Answer:
        """The builtin answer; of a segmentation, with other labels."""
        answer = await super().answer(ask)
        if not isinstance(ask, SegmentEpisode):
            return answer
        segments = []
        for segment in answer.segments:
            verb, _, rest = segment.label.partition(" ")
            segments.append(segment.model_copy(update={"label": f"{NAMES.get(verb, verb)} {rest}".strip()}))
        return Segments(segments=segments)


settings = AnnotateSettings(
    root=Path(str(files("roboscribe") / "sample")),
    output_dir=Path(sys.argv[1] if len(sys.argv) > 1 else "my_sample"),
    only=("subtasks", "plan"),
)
finished = roboscribe.annotate(settings, model=MyModel())
for span in roboscribe.open_dataset(finished.target)[0].subtasks:
    print(f"{span.start:5.2f} s  {span.text}")
sys.exit(1 if finished.failed else 0)
