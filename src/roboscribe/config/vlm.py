"""Which vision-language model answers, where it runs and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from roboscribe.config.checks import NOT_AN_ANSWER, at_least, json_object
from roboscribe.errors import SettingsError

BackendName = Literal["auto", "builtin", "openai", "transformers", "vllm"]
"""Where a model runs; auto decides by the other settings."""


@dataclass(frozen=True)
class VlmSettings:
    """Which vision-language model answers, where it runs and how it is asked.

    API keys are read from the environment and never are a setting.
    """

    backend: BackendName = field(default="auto", metadata=NOT_AN_ANSWER)
    """Where the model runs: an OpenAI-compatible server (openai), this process (transformers, vllm), or no
    model at all (builtin); auto decides by the other settings and says why."""
    model_id: str | None = None
    """The model: a name the server knows, a Hugging Face id or a local folder."""
    api_base: tuple[str, ...] = field(default=(), metadata=NOT_AN_ANSWER)
    """Server address such as `http://localhost:8000/v1`; several, by commas or spaces, share the work."""
    api_key_env: str = field(default="OPENAI_API_KEY", metadata=NOT_AN_ANSWER)
    """Environment variable that holds the API key; local servers need none."""
    serve: bool = field(default=False, metadata=NOT_AN_ANSWER)
    """Start servers for this run and stop them afterwards."""
    serve_command: str | None = field(default=None, metadata=NOT_AN_ANSWER)
    """How to start one; `{port}` and `{model}` are filled in. `vllm serve` when left out."""
    serve_port: int = field(default=8000, metadata=NOT_AN_ANSWER)
    """First port to use; taken ones are skipped."""
    num_gpus: int | None = field(default=None, metadata=NOT_AN_ANSWER)
    """GPUs to use. When left out, servers use all that are visible, and vllm in this process one."""
    parallel_servers: int | None = field(default=None, metadata=NOT_AN_ANSWER)
    """Servers to start, the GPUs shared out among them; one per GPU when left out."""
    serve_ready_timeout_s: float = field(default=600.0, metadata=NOT_AN_ANSWER)
    """Seconds a started server may take until it answers."""
    client_concurrency: int = field(default=16, metadata=NOT_AN_ANSWER)
    """Requests in flight at once, over all servers."""
    max_new_tokens: int = 1024
    """Longest answer; a reply that is cut off is asked for once more with twice as many."""
    temperature: float | None = 0.2
    """Sampling temperature; `None` leaves it to the server."""
    top_p: float | None = None
    """Nucleus sampling; left to the server when left out."""
    timeout_s: float = field(default=300.0, metadata=NOT_AN_ANSWER)
    """Seconds one request may take."""
    retries: int = field(default=8, metadata=NOT_AN_ANSWER)
    """How often a request is sent again after a fault of the server or the network."""
    image_format: Literal["jpeg", "png"] = field(default="jpeg", metadata=NOT_AN_ANSWER)
    """How pictures are sent; PNG takes many times the bytes and only helps servers that know nothing else."""
    chat_template_kwargs: str | None = None
    """JSON object for the server's chat template, such as `{"enable_thinking": false}`."""
    reasoning_effort: str | None = None
    """Thinking budget of models that have one: low, medium or high."""
    extra_body: str | None = None
    """JSON object merged into every request, for what a server knows beyond the standard."""
    cache: bool = field(default=True, metadata=NOT_AN_ANSWER)
    """Reuse answers to requests that were asked before, in any run; `--no-cache` turns it off."""
    cache_dir: Path | None = field(default=None, metadata=NOT_AN_ANSWER)
    """Folder of that cache; in the user's cache folder when left out."""
    device: Literal["auto", "cuda", "cpu", "mps"] = field(default="auto", metadata=NOT_AN_ANSWER)
    """Where a model in this process runs; auto takes a GPU if there is one."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Numbers a model in this process calculates with; auto takes its own on a GPU and float32 on a CPU."""
    batch_size: int | None = field(default=None, metadata=NOT_AN_ANSWER)
    """Requests a model in this process works on at once; 8 for transformers and 64 for vllm when left out."""
    max_pixels: int | None = None
    """Most pixels of a picture in the eyes of the model; what it is made for when left out. A model in this
    process is told so; of a server, say what it was started with: some models name places by those pixels."""
    max_model_len: int | None = field(default=None, metadata=NOT_AN_ANSWER)
    """Most tokens of prompt and reply together for vllm in this process; as many as fit in memory when left out."""
    price_prompt: float | None = field(default=None, metadata=NOT_AN_ANSWER)
    """Price of a million prompt tokens, for the account of costs and for --max-cost."""
    price_completion: float | None = field(default=None, metadata=NOT_AN_ANSWER)
    """Price of a million completion tokens."""
    price_cached: float | None = field(default=None, metadata=NOT_AN_ANSWER)
    """Price of a million prompt tokens the server had cached; as prompt tokens when left out."""

    def __post_init__(self) -> None:
        at_least("vlm.client-concurrency", self.client_concurrency, 1)
        at_least("vlm.max-new-tokens", self.max_new_tokens, 1)
        at_least("vlm.retries", self.retries, 0)
        at_least("vlm.serve-port", self.serve_port, 1)
        for flag, value in (
            ("temperature", self.temperature),
            ("top-p", self.top_p),
            ("price-prompt", self.price_prompt),
            ("price-completion", self.price_completion),
            ("price-cached", self.price_cached),
        ):
            if value is not None:
                at_least(f"vlm.{flag}", value, 0)
        for flag, count in (
            ("num-gpus", self.num_gpus),
            ("parallel-servers", self.parallel_servers),
            ("batch-size", self.batch_size),
            ("max-pixels", self.max_pixels),
            ("max-model-len", self.max_model_len),
        ):
            if count is not None:
                at_least(f"vlm.{flag}", count, 1)
        for flag, seconds in (
            ("timeout-s", self.timeout_s),
            ("serve-ready-timeout-s", self.serve_ready_timeout_s),
        ):
            if not seconds > 0:
                raise SettingsError(f"--vlm.{flag} is {seconds}, but must be more than 0.")
        json_object("vlm.chat-template-kwargs", self.chat_template_kwargs)
        json_object("vlm.extra-body", self.extra_body)
        for url in self.endpoints:
            if "@" in url.partition("//")[2].partition("/")[0]:
                raise SettingsError(
                    "--vlm.api-base holds a user name or password, which would be kept with the settings.",
                    f"Leave it out; an API key goes into the environment variable {self.api_key_env}.",
                )
            if not is_address(url):
                raise SettingsError(
                    f"--vlm.api-base: {url!r} is no server address.", "Write it as http://localhost:8000/v1."
                )

    def api_key(self, environ: Mapping[str, str]) -> str:
        """The API key from the environment, or ``EMPTY``, which local servers take.

        Raises:
            SettingsError: What is there cannot be a key.
        """
        key = environ.get(self.api_key_env, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise SettingsError(
                f"The environment variable {self.api_key_env} holds something that is no API key."
            )
        return key or "EMPTY"

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Server addresses, each once; commas separate too."""
        urls = (url.strip().rstrip("/") for text in self.api_base for url in text.split(","))
        return tuple(dict.fromkeys(url for url in urls if url))


def is_address(url: str) -> bool:
    """Whether a server can be asked at a URL, as far as its form tells."""
    try:
        where = urlsplit(url)
        # A port is read when it is asked for, and may be no number.
        return where.scheme in ("http", "https") and where.hostname is not None and where.port != 0
    except ValueError:
        return False
