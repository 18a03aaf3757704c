"""The settings tree: every choice a user can make, from which flags, help and the run record come.

Pure data without heavy imports. Names are the command line's: ``plan.enabled`` is ``--plan.enabled``. A
setting whose field metadata carries ``answers=False`` never changes an answer and stays out of fingerprints.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from roboscribe.errors import SettingsError

_NOT_AN_ANSWER: Mapping[str, Any] = {"answers": False}

BackendName = Literal["auto", "builtin", "openai", "transformers", "vllm"]
"""Where a model runs; auto decides by the other settings."""


@dataclass(frozen=True)
class FramesSettings:
    """How a model looks at an episode; the builtin model does not."""

    cameras: tuple[str, ...] = ()
    """Camera keys to show, for example `observation.images.top`; the first one with video when left out."""
    hz: float = 2.0
    """Frames a second on contact sheets."""
    per_ask: int = 60
    """Most frames in one request; a longer episode is looked at in several windows."""
    columns: int = 4
    """Frames beside each other on a contact sheet."""
    rows: int = 5
    """Rows of frames on a contact sheet."""
    thumbnail_side: int = 256
    """Pixels of the longer side of a frame on a contact sheet."""

    def __post_init__(self) -> None:
        if not self.hz > 0:
            raise SettingsError(f"--frames.hz is {self.hz}, but must be more than 0.")
        _at_least("frames.per-ask", self.per_ask, 2)
        _at_least("frames.columns", self.columns, 1)
        _at_least("frames.rows", self.rows, 1)
        _at_least("frames.thumbnail-side", self.thumbnail_side, 64)


@dataclass(frozen=True)
class TaskSettings:
    """The task itself, where the dataset does not tell it."""

    derive: Literal["off", "if-missing", "always"] = "if-missing"
    """Have the model say from the video what was asked for: never, where the dataset has no task or only a
    placeholder, or always. The dataset's own task texts stay as they are."""


@dataclass(frozen=True)
class SubtasksSettings:
    """Which subtask is under way, from the start of the episode to its end."""

    enabled: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Write `subtask` rows. When off, `plan` and `memory` build on the rows the dataset already has."""
    min_seconds: float = 0.2
    """Spans shorter than this are merged into a neighbour."""
    snap_seconds: float = 0.25
    """A boundary this near to a physical event of the robot is moved onto it; 0 turns snapping off."""
    most: int = 0
    """Most subtasks in one window; 0 for no bound."""
    hints: bool = True
    """Tell a model that looks when the robot's grippers closed and opened."""
    describe: bool = True
    """Have a model that looks describe what it sees before it segments."""
    relabel: bool = False
    """Have a model that looks check each label beside its neighbours; one more request per subtask."""
    relabel_frames: int = 5
    """Frames of each subtask it is shown then."""

    def __post_init__(self) -> None:
        _at_least("subtasks.min-seconds", self.min_seconds, 0)
        _at_least("subtasks.snap-seconds", self.snap_seconds, 0)
        _at_least("subtasks.most", self.most, 0)
        _at_least("subtasks.relabel-frames", self.relabel_frames, 1)


@dataclass(frozen=True)
class PlanSettings:
    """What is left to do, at the start and at every subtask boundary."""

    enabled: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Write `plan` rows."""


@dataclass(frozen=True)
class MemorySettings:
    """What has happened so far, at every subtask boundary from the second subtask on."""

    enabled: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Write `memory` rows."""
    chained: bool = False
    """Ask for each memory with the one before at hand, instead of for all of an episode at once."""


@dataclass(frozen=True)
class TaskAugSettings:
    """Other ways to ask for the same task."""

    enabled: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Write `task_aug` rows."""
    count: int = 10
    """Rephrasings wanted besides the original task; a model that knows fewer gives fewer."""
    axes: bool = False
    """Share them out over five ways to differ: synonyms, and leaving out arm, orientation, grasp, or several."""

    def __post_init__(self) -> None:
        _at_least("task-aug.count", self.count, 0)


@dataclass(frozen=True)
class MotionSettings:
    """Motion primitives in the robot's own terms, from state and action."""

    enabled: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Write `motion` rows."""


@dataclass(frozen=True)
class VlmSettings:
    """Which vision-language model answers, where it runs and how it is asked.

    API keys are read from the environment and never are a setting.
    """

    backend: BackendName = field(default="auto", metadata=_NOT_AN_ANSWER)
    """Where the model runs: an OpenAI-compatible server (openai), this process (transformers, vllm), or no
    model at all (builtin); auto decides by the other settings and says why."""
    model_id: str | None = None
    """The model: a name the server knows, a Hugging Face id or a local folder."""
    api_base: tuple[str, ...] = field(default=(), metadata=_NOT_AN_ANSWER)
    """Server address such as `http://localhost:8000/v1`; several, by commas or spaces, share the work."""
    api_key_env: str = field(default="OPENAI_API_KEY", metadata=_NOT_AN_ANSWER)
    """Environment variable that holds the API key; local servers need none."""
    serve: bool = field(default=False, metadata=_NOT_AN_ANSWER)
    """Start servers for this run and stop them afterwards."""
    serve_command: str | None = field(default=None, metadata=_NOT_AN_ANSWER)
    """How to start one; `{port}` and `{model}` are filled in. `vllm serve` when left out."""
    serve_port: int = field(default=8000, metadata=_NOT_AN_ANSWER)
    """First port to use; taken ones are skipped."""
    num_gpus: int | None = field(default=None, metadata=_NOT_AN_ANSWER)
    """GPUs to use. When left out, servers use all that are visible, and vllm in this process one."""
    parallel_servers: int | None = field(default=None, metadata=_NOT_AN_ANSWER)
    """Servers to start, the GPUs shared out among them; one per GPU when left out."""
    serve_ready_timeout_s: float = field(default=600.0, metadata=_NOT_AN_ANSWER)
    """Seconds a started server may take until it answers."""
    client_concurrency: int = field(default=16, metadata=_NOT_AN_ANSWER)
    """Requests in flight at once, over all servers."""
    max_new_tokens: int = 1024
    """Longest answer; a reply that is cut off is asked for once more with twice as many."""
    temperature: float | None = 0.2
    """Sampling temperature; `None` leaves it to the server."""
    top_p: float | None = None
    """Nucleus sampling; left to the server when left out."""
    timeout_s: float = field(default=300.0, metadata=_NOT_AN_ANSWER)
    """Seconds one request may take."""
    retries: int = field(default=8, metadata=_NOT_AN_ANSWER)
    """How often a request is sent again after a fault of the server or the network."""
    image_format: Literal["jpeg", "png"] = field(default="jpeg", metadata=_NOT_AN_ANSWER)
    """How pictures are sent; PNG takes many times the bytes and only helps servers that know nothing else."""
    chat_template_kwargs: str | None = None
    """JSON object for the server's chat template, such as `{"enable_thinking": false}`."""
    reasoning_effort: str | None = None
    """Thinking budget of models that have one: low, medium or high."""
    extra_body: str | None = None
    """JSON object merged into every request, for what a server knows beyond the standard."""
    cache: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Reuse answers to requests that were asked before, in any run."""
    cache_dir: Path | None = field(default=None, metadata=_NOT_AN_ANSWER)
    """Folder of that cache; in the user's cache folder when left out."""
    device: Literal["auto", "cuda", "cpu", "mps"] = field(default="auto", metadata=_NOT_AN_ANSWER)
    """Where a model in this process runs; auto takes a GPU if there is one."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Numbers a model in this process calculates with; auto takes its own on a GPU and float32 on a CPU."""
    batch_size: int | None = field(default=None, metadata=_NOT_AN_ANSWER)
    """Requests a model in this process works on at once; 8 for transformers and 64 for vllm when left out."""
    max_pixels: int | None = None
    """Most pixels of a picture in the eyes of a model in this process; what it is made for when left out."""
    max_model_len: int | None = field(default=None, metadata=_NOT_AN_ANSWER)
    """Most tokens of prompt and reply together for vllm in this process; as many as fit in memory when left out."""
    price_prompt: float | None = field(default=None, metadata=_NOT_AN_ANSWER)
    """Price of a million prompt tokens, for the account of costs and for --max-cost."""
    price_completion: float | None = field(default=None, metadata=_NOT_AN_ANSWER)
    """Price of a million completion tokens."""
    price_cached: float | None = field(default=None, metadata=_NOT_AN_ANSWER)
    """Price of a million prompt tokens the server had cached; as prompt tokens when left out."""

    def __post_init__(self) -> None:
        _at_least("vlm.client-concurrency", self.client_concurrency, 1)
        _at_least("vlm.max-new-tokens", self.max_new_tokens, 1)
        _at_least("vlm.retries", self.retries, 0)
        _at_least("vlm.serve-port", self.serve_port, 1)
        for flag, value in (
            ("temperature", self.temperature),
            ("top-p", self.top_p),
            ("price-prompt", self.price_prompt),
            ("price-completion", self.price_completion),
            ("price-cached", self.price_cached),
        ):
            if value is not None:
                _at_least(f"vlm.{flag}", value, 0)
        for flag, count in (
            ("num-gpus", self.num_gpus),
            ("parallel-servers", self.parallel_servers),
            ("batch-size", self.batch_size),
            ("max-pixels", self.max_pixels),
            ("max-model-len", self.max_model_len),
        ):
            if count is not None:
                _at_least(f"vlm.{flag}", count, 1)
        for flag, seconds in (
            ("timeout-s", self.timeout_s),
            ("serve-ready-timeout-s", self.serve_ready_timeout_s),
        ):
            if not seconds > 0:
                raise SettingsError(f"--vlm.{flag} is {seconds}, but must be more than 0.")
        json_object("vlm.chat-template-kwargs", self.chat_template_kwargs)
        json_object("vlm.extra-body", self.extra_body)
        for url in self.endpoints:
            if not url.startswith(("http://", "https://")):
                raise SettingsError(
                    f"--vlm.api-base: {url!r} is no server address.", "Write it as http://localhost:8000/v1."
                )

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Server addresses, each once; commas separate too."""
        urls = (url.strip().rstrip("/") for text in self.api_base for url in text.split(","))
        return tuple(dict.fromkeys(url for url in urls if url))


@dataclass(frozen=True)
class WriterSettings:
    """How the annotated dataset is written."""

    tools_column: bool = False
    """Also write the dataset-level `tools` column, for consumers that want it beside each frame."""


@dataclass(frozen=True)
class DatasetSettings:
    """Which dataset, and where the result goes."""

    root: Path | None = None
    """Folder of the dataset (the one that holds `meta/info.json`)."""
    repo_id: str | None = None
    """Dataset on the Hugging Face Hub, such as `lerobot/pusht`; taken from the local cache when it is there."""
    revision: str | None = None
    """Branch, tag or commit of the Hub dataset."""
    output_dir: Path | None = None
    """Write a new dataset here; without it the dataset is rewritten in place, safely."""
    episodes: tuple[str, ...] = ()
    """Episodes to work on: `0 1 2`, `0,1,2`, `0-9`, `[0, 1]`. All when left out."""

    def __post_init__(self) -> None:
        if self.root is None and self.repo_id is None:
            raise SettingsError(
                "Which dataset?", "Give its folder with --root, or a Hub dataset with --repo-id."
            )
        if self.root is not None and (self.repo_id is not None or self.revision is not None):
            other = "repo-id" if self.repo_id is not None else "revision"
            raise SettingsError(
                f"--root and --{other} name different datasets.", "Give the folder, or the Hub dataset."
            )


@dataclass(frozen=True)
class AnnotateSettings(DatasetSettings):
    """Fill the language columns of a LeRobot dataset."""

    seed: int = 0
    """Seed of every random choice; the same seed gives the same bytes."""
    frames: FramesSettings = field(default_factory=FramesSettings)
    task: TaskSettings = field(default_factory=TaskSettings)
    subtasks: SubtasksSettings = field(default_factory=SubtasksSettings)
    plan: PlanSettings = field(default_factory=PlanSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    task_aug: TaskAugSettings = field(default_factory=TaskAugSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    writer: WriterSettings = field(default_factory=WriterSettings)
    vlm: VlmSettings = field(default_factory=VlmSettings)
    prompts: Path | None = None
    """Folder with prompt templates that take the place of ours; same names, see `roboscribe/prompts`."""
    max_cost: float | None = None
    """Stop, resumable, before the model has cost more than this, in the currency of the --vlm.price flags."""
    max_calls: int | None = None
    """Stop, resumable, after this many calls of the model."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not any(
            part.enabled for part in (self.subtasks, self.plan, self.memory, self.task_aug, self.motion)
        ):
            raise SettingsError("Every annotator is turned off.", "Leave at least one enabled.")


def _at_least(flag: str, value: float, least: float) -> None:
    if not value >= least:
        raise SettingsError(f"--{flag} is {value}, but must be at least {least}.")


def json_object(flag: str, text: str | None) -> dict[str, Any]:
    """The JSON object a flag holds; empty when the flag is left out.

    Raises:
        SettingsError: The text is no JSON object.
    """
    try:
        value: Any = json.loads(text) if text else {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SettingsError(f"--{flag} is not a JSON object.", """Write it as '{"name": value}'.""")
    return value  # pyright: ignore[reportUnknownVariableType]


def answer_settings(settings: Any) -> dict[str, Any]:
    """The settings of one section that change what is answered, by name."""
    return {
        item.name: getattr(settings, item.name)
        for item in fields(settings)
        if item.metadata.get("answers", True)
    }


MOST_EPISODES = 10_000_000
"""Beyond this, an episode index is a slip of the finger, which must not take the memory with it."""


def parse_episodes(words: Iterable[str]) -> tuple[int, ...] | None:
    """Episode indices, ascending and each once, from what a person types; None when nothing is given.

    Raises:
        SettingsError: A word is neither a number nor a range.
    """
    text = " ".join(words)
    if not text.strip():
        return None
    indices: set[int] = set()
    for word in text.replace(",", " ").replace("[", " ").replace("]", " ").split():
        first, dash, last = word.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise SettingsError(
                f"--episodes: {word!r} is not an episode.", "Write numbers and ranges, such as 0 2 5-9."
            )
        if dash and int(last) < int(first):
            raise SettingsError(f"--episodes: the range {word} runs backwards.")
        if int(last or first) > MOST_EPISODES:
            raise SettingsError(f"--episodes: {word} goes beyond any dataset.")
        indices.update(range(int(first), int(last or first) + 1))
    if not indices:
        raise SettingsError("--episodes names no episode.", "Leave the flag out for all of them.")
    return tuple(sorted(indices))
