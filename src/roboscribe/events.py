"""What happens during a run, as plain data: the pipeline emits events, the command line shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """Something a user should know about the dataset or the run."""

    text: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has cost so far; nothing, with a model that needs no calls.

    Attributes:
        calls: Requests that a model answered.
        cached: Asks answered from the request cache.
        images: Pictures sent.
        bytes_sent: Bytes of the requests.
        prompt_tokens: Tokens read, pictures included.
        completion_tokens: Tokens written.
        cached_tokens: Of the tokens read, those the server had from before.
        cost: In the currency of the prices given.
    """

    calls: int = 0
    cached: int = 0
    images: int = 0
    bytes_sent: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class StagingStarted:
    """Episodes are about to be annotated."""

    episodes: int
    annotators: tuple[str, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What the model has answered so far; told every second in which there was an answer.

    Attributes:
        asks: Asks that have an answer.
        spent: What the run has cost so far.
    """

    asks: int
    spent: Spent = Spent()


@dataclass(frozen=True, slots=True)
class EpisodeStaged:
    """An episode's annotators have all finished.

    Attributes:
        episode: Index of the episode.
        asks: Asks that were put to the model for it.
        made: Annotators that ran.
        reused: Annotators whose staged result still held.
        spent: What the run has cost so far.
    """

    episode: int
    asks: int
    made: tuple[str, ...]
    reused: tuple[str, ...]
    spent: Spent = Spent()


@dataclass(frozen=True, slots=True)
class EpisodeFailed:
    """An episode will not be written in this run.

    Attributes:
        episode: Index of the episode.
        stage: The annotator that failed, or ``read`` or ``validate``.
        reason: Why, in a sentence.
    """

    episode: int
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class WritingStarted:
    """Data files are about to be looked at, and rewritten where rows changed."""

    shards: int


@dataclass(frozen=True, slots=True)
class ShardWritten:
    """A data file is done."""

    shard: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over.

    Attributes:
        annotated: Episodes whose rows are in the dataset now.
        failed: Episodes left as they were.
        asks: Asks put to the model.
        rows: Rows of the annotated episodes.
        shards_written: Data files rewritten; the others already held what they should.
        files_written: Files that are new or others than before, data files among them.
        seconds: Wall time.
        target: Folder of the annotated dataset.
        spent: What it cost.
        stopped: Why it ended before all episodes were tried; empty when it did not.
        warnings: Warnings of validation about the rows of annotated episodes.
        left_out: Answers that are missing in annotated episodes, as all that the model said was impossible.
        validated: Whether they were validated at all.
        called: What a row is, in a word.
    """

    annotated: int
    failed: int
    asks: int
    rows: int
    shards_written: int
    files_written: int
    seconds: float
    target: str
    spent: Spent = Spent()
    stopped: str = ""
    warnings: int = 0
    left_out: int = 0
    validated: bool = True
    called: str = "row"


@dataclass(frozen=True, slots=True)
class ConversionStarted:
    """A dataset is about to be brought into another form.

    Attributes:
        form: The form.
        steps: How many ``ConversionStep`` there will be.
    """

    form: str
    steps: int


@dataclass(frozen=True, slots=True)
class ConversionStep:
    """The rows of an episode, a video, or a data file is done.

    Attributes:
        what: Which one, in a few words.
    """

    what: str


@dataclass(frozen=True, slots=True)
class ConversionFinished:
    """A dataset is there in another form.

    Attributes:
        form: The form.
        episodes: Episodes it has.
        files: Files that were written.
        seconds: Wall time.
        target: Its folder.
    """

    form: str
    episodes: int
    files: int
    seconds: float
    target: str


@dataclass(frozen=True, slots=True)
class UploadStarted:
    """Files are about to go to the Hugging Face Hub.

    Attributes:
        files: Their number.
        nbytes: Their bytes.
        repo_id: Name of the repository.
    """

    files: int
    nbytes: int
    repo_id: str


@dataclass(frozen=True, slots=True)
class FilesUploaded:
    """Some files are on the Hub, those that were there before included.

    Attributes:
        files: Their number.
        nbytes: Their bytes.
    """

    files: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class UploadFinished:
    """The dataset can be seen on the Hub.

    Attributes:
        url: Address of the commit.
        repo_id: Name of the repository.
    """

    url: str
    repo_id: str


@dataclass(frozen=True, slots=True)
class TasksProgress:
    """How far the tasks of a cluster are, all together.

    Attributes:
        tasks: Number of tasks.
        waiting: Of these, those that wait for their turn.
        running: Those at work now.
        done_tasks: Those that have done all their work.
        failed_tasks: Those that have ended otherwise, and told why.
        lost: Those that were killed, or never began.
        episodes: Episodes of all tasks.
        done: Episodes that are staged.
        failed: Episodes that failed.
        asks: Asks put to models.
        spent: What the models have cost.
        seconds_left: Until all episodes are tried, at the pace so far; None while nobody can tell.
        files: Data files that are made by tasks of their own, once all is staged.
        files_made: Of these, those that are there.
    """

    tasks: int
    waiting: int
    running: int
    done_tasks: int
    failed_tasks: int
    lost: int
    episodes: int
    done: int
    failed: int
    asks: int
    spent: Spent
    seconds_left: float | None
    files: int = 0
    files_made: int = 0


@dataclass(frozen=True, slots=True)
class LinesStarted:
    """The lines of a file are about to be done."""

    lines: int
    model: str


@dataclass(frozen=True, slots=True)
class LineDone:
    """A line is written.

    Attributes:
        line: Its number, from 1.
        asks: Asks that were put to the model for it.
        spent: What the run has cost so far.
    """

    line: int
    asks: int
    spent: Spent = Spent()


@dataclass(frozen=True, slots=True)
class LineFailed:
    """A line will not be written in this run.

    Attributes:
        line: Its number, from 1.
        reason: Why, in a sentence.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class LinesFinished:
    """A file of lines is over.

    Attributes:
        done: Lines that were written.
        failed: Lines that were left out.
        asks: Asks put to the model.
        seconds: Wall time.
        target: The file with the result.
        spent: What it cost.
        stopped: Why it ended before all lines were tried; empty when it did not.
    """

    done: int
    failed: int
    asks: int
    seconds: float
    target: str
    spent: Spent = Spent()
    stopped: str = ""


Event = (
    Note
    | TasksProgress
    | UploadStarted
    | FilesUploaded
    | UploadFinished
    | StagingStarted
    | Answered
    | EpisodeStaged
    | EpisodeFailed
    | WritingStarted
    | ShardWritten
    | RunFinished
    | ConversionStarted
    | ConversionStep
    | ConversionFinished
    | LinesStarted
    | LineDone
    | LineFailed
    | LinesFinished
)
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener of a run that nobody watches."""
