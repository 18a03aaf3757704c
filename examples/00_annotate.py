"""Annotate a dataset from Python: the bundled sample goes in, the same with language comes out.

python examples/00_annotate.py [FOLDER]
"""

import sys
from importlib.resources import files
from pathlib import Path

import roboscribe
from roboscribe.config import AnnotateSettings, InterjectionsSettings, VlmSettings
from roboscribe.events import EpisodeStaged, Event

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "annotated_sample")

# Every flag of `roboscribe annotate` is a field: --interjections.most is interjections.most.
settings = AnnotateSettings(
    root=Path(str(files("roboscribe") / "sample")),
    output_dir=folder,
    interjections=InterjectionsSettings(most=2),
    vlm=VlmSettings(),  # the builtin model; VlmSettings(api_base=("http://…/v1",), model_id="…") for another
)


def listen(event: Event) -> None:
    """Called for whatever happens; the command line draws its progress from the same events."""
    if isinstance(event, EpisodeStaged):
        print(f"episode {event.episode}: {event.asks} asks")


finished = roboscribe.annotate(settings, listen)
print(f"{finished.annotated} episodes, {finished.rows} rows in {finished.seconds:.1f} s: {finished.target}")
sys.exit(1 if finished.failed else 0)
