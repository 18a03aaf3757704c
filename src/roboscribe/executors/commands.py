"""The commands whose work can be done elsewhere: settings go in, a run of the command that they are of comes out."""

from __future__ import annotations

from dataclasses import replace

from roboscribe.config import AnnotateSettings, DialogueSettings, SkillsSettings
from roboscribe.dataset.index_features import IndexWriter, write_index_features
from roboscribe.errors import RoboscribeError
from roboscribe.events import Listener, RunFinished, ignore
from roboscribe.hirobot.dialogue import DialogueMaker, make_dialogue, target_of
from roboscribe.hirobot.numbers import Numbers, prepare_numbered
from roboscribe.hirobot.opened import Opened as OpenedForIndices
from roboscribe.hirobot.opened import open_for_index_features
from roboscribe.hirobot.skills import make_skills
from roboscribe.models.select import staged_model
from roboscribe.opened import Opened, open_datasets
from roboscribe.pipeline import annotate, prepare
from roboscribe.prompts import Prompts

Settings = AnnotateSettings | SkillsSettings
"""Of `annotate`, `subtasks` or `dialogue`."""


def open_named(settings: Settings) -> Opened | OpenedForIndices:
    """What the settings name: datasets, the folder of the result, and episodes.

    Raises:
        RoboscribeError: It cannot be read or written.
    """
    match settings:
        case AnnotateSettings():
            return open_datasets(settings)
        case DialogueSettings():
            return open_for_index_features(settings, target_of(settings))
        case SkillsSettings():
            return open_for_index_features(settings, settings.output_dir)


def work(
    settings: Settings, listen: Listener = ignore, *, write: bool = True, processes: int = 1
) -> RunFinished:
    """Do the work on this machine.

    Args:
        settings: What to do.
        listen: Called with every event of the run.
        write: Whether the dataset is written; otherwise results are staged.
        processes: How many may share the work, where the command can divide it.

    Raises:
        RoboscribeError: Nothing can be done as the settings stand.
    """
    match settings:
        case AnnotateSettings():
            return annotate(settings, listen, write=write, processes=processes)
        case DialogueSettings():
            return make_dialogue(settings, listen, write=write)
        case SkillsSettings():
            return make_skills(settings, listen, write=write)


def write_staged(
    settings: Settings, listen: Listener = ignore, numbers_to: IndexWriter = write_index_features
) -> RunFinished:
    """Write the episodes whose results are all staged, and leave the others as they are.

    Args:
        settings: What to do.
        listen: Called with every event of the run.
        numbers_to: Takes the numbers of index features.

    Raises:
        RoboscribeError: Nothing can be done as the settings stand.
    """
    staged = staged_model(settings.vlm, Prompts(settings.prompts))
    match settings:
        case AnnotateSettings():
            return annotate(_nothing_anew(settings), listen, staged)
        case DialogueSettings():
            return make_dialogue(settings, listen, first=staged, to=numbers_to)
        case SkillsSettings():
            return make_skills(settings, listen, staged, to=numbers_to)


def prepare_files(settings: Settings, files: range, numbers: Numbers, listen: Listener = ignore) -> None:
    """Make data files of what is staged, for ``write_staged`` to put in place.

    Args:
        settings: What to do.
        files: Numbers of the data files.
        numbers: Where the numbers of index features are kept.
        listen: Called with every event of the run.

    Raises:
        RoboscribeError: They cannot be made; those that were are kept.
    """
    match settings:
        case AnnotateSettings():
            staged = staged_model(settings.vlm, Prompts(settings.prompts))
            finished = prepare(_nothing_anew(settings), files, listen, staged)
            if finished.stopped:
                raise RoboscribeError(finished.stopped)
        case DialogueSettings():
            prepare_numbered(open_for_index_features(settings, target_of(settings)), numbers, files, listen)
        case SkillsSettings():
            prepare_numbered(open_for_index_features(settings, settings.output_dir), numbers, files, listen)


def _nothing_anew(settings: AnnotateSettings) -> AnnotateSettings:
    """The settings after the tasks, which have made anew what was to be."""
    return replace(settings, only=(*settings.only, *settings.redo), redo=())


def check(settings: Settings, opened: Opened | OpenedForIndices) -> None:
    """Refuse at once what every job would refuse.

    Raises:
        RoboscribeError: The model cannot be told, or nothing can be made of what was opened.
    """
    staged = staged_model(settings.vlm, Prompts(settings.prompts))
    match settings, opened:
        case DialogueSettings(), OpenedForIndices():
            DialogueMaker(settings, opened, staged, staged, ignore).check()
        case _:
            pass


def is_numbered(settings: Settings) -> bool:
    """Whether what is written into data files are numbers, which are given once everything is staged."""
    return isinstance(settings, SkillsSettings)


def asks_when_writing(settings: Settings) -> bool:
    """Whether the model is needed to write what is staged: what people say twice shows once everything is there."""
    return isinstance(settings, DialogueSettings)


def is_redone(settings: Settings) -> bool:
    """Whether what is staged is to be made anew."""
    return isinstance(settings, AnnotateSettings) and bool(settings.redo)
