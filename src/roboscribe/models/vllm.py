"""vLLM in this process: requests go in, are answered in batches that share what they have in common, replies come out.

Prefix caching is on, and a request says first what it has in common with others: the system text, the pictures,
then the question. Several questions about the same pictures so pay for them once.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from typing import Any

# Read when vLLM is imported: what it has to say does not belong among this program's output, and how it is
# used is nobody's business. Its engine runs on our thread: from a process of its own that is killed, as for
# want of memory, vLLM 0.32 waits for replies forever.
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")

import torch
import vllm
from vllm.exceptions import VLLMClientError
from vllm.platforms import current_platform
from vllm.sampling_params import StructuredOutputsParams
from vllm.v1.engine.exceptions import EngineDeadError

from roboscribe.config import VlmSettings
from roboscribe.errors import AnswerError, ServerError, SettingsError, first_line
from roboscribe.frames.picture import Clip, Jpeg
from roboscribe.models.batching import InProcess
from roboscribe.models.dialect import messages_of
from roboscribe.models.families import family_of, pixel_bounds, template_variables
from roboscribe.models.ledger import Ledger
from roboscribe.models.request import Reply, Request, Usage, without_clips
from roboscribe.models.trouble import blind, hint_for

_AS_LONG_AS_FITS = -1


class Backend(InProcess):
    """Batches of requests to one vLLM engine."""

    kind = "vllm"

    def __init__(
        self, vlm: VlmSettings, *, identity: str, model: str, ledger: Ledger, say: Callable[[str], None]
    ) -> None:
        super().__init__(vlm, identity=identity, model=model, ledger=ledger, say=say)
        self._engine: Any = None
        self._variables = template_variables(vlm)

    async def _load(self, showing: Sequence[str]) -> None:
        self._say(f"Loading {self._model} into vLLM, which takes a minute or more.")
        self._engine = await self._on_its_thread(lambda: load(self._vlm, self._model))
        if showing and not self._engine.model_config.is_multimodal_model:
            raise blind(f"--vlm.model-id {self._model} takes no pictures.", showing)

    async def close(self) -> None:
        """Wait for the batch under way, and let go of the engine and its memory."""
        await self._end_thread()
        self._engine = None
        gc.collect()

    def _work(self, requests: Sequence[Request]) -> list[Reply | AnswerError]:
        try:
            return [*self._answer(requests)]
        except torch.OutOfMemoryError:
            # It reserves its memory at the start, and does not recover when that was too little.
            raise ServerError(
                "The GPU's memory is full in the midst of vLLM's work.",
                "Free some of it, or lower --vlm.batch-size or --vlm.max-pixels; the same command goes on.",
            ) from None
        except (ValueError, VLLMClientError) as error:
            # One request that it does not take makes it drop the whole batch.
            if len(requests) > 1:
                return [reply for request in requests for reply in self._work([request])]
            said = first_line(error)
            return [
                AnswerError(f"vLLM does not take the request for {requests[0].name}: {said}.", hint_for(said))
            ]
        except (RuntimeError, EngineDeadError) as error:
            raise ServerError(
                f"vLLM has failed: {first_line(error)}.",
                "What is finished is kept; the same command goes on.",
            ) from error

    def _answer(self, requests: Sequence[Request]) -> Sequence[Reply]:
        outputs = self._engine.chat(
            # Its interface to a video tells no times, so frames go as pictures.
            [messages_of(without_clips(request), _url) for request in requests],
            [self._sampling(request) for request in requests],
            chat_template_kwargs=self._variables,
            use_tqdm=False,
        )
        return [_reply(output) for output in outputs]

    def _sampling(self, request: Request) -> Any:
        vlm = self._vlm
        # Where the temperature is left to the model, its makers say how to sample.
        sampling = self._engine.get_default_sampling_params() if vlm.temperature is None else None
        sampling = sampling or vllm.SamplingParams(temperature=vlm.temperature or 0.0)
        if vlm.top_p is not None:
            sampling.top_p = vlm.top_p
        sampling.seed = request.seed
        sampling.max_tokens = request.max_tokens
        if request.schema:
            sampling.structured_outputs = StructuredOutputsParams(json=dict(request.schema))
        return sampling


def load(vlm: VlmSettings, name: str) -> Any:
    """Start an engine for a model.

    Raises:
        SettingsError: The model is not there, or does not run here.
    """
    on_cpu = current_platform.is_cpu()
    kind: str = current_platform.device_type
    if not kind:
        raise SettingsError(
            "vLLM finds no GPU that it can use here.",
            "Use --vlm.backend transformers, or a server elsewhere with --vlm.api-base.",
        )
    if vlm.device not in ("auto", kind):
        raise SettingsError(
            f"--vlm.device {vlm.device}: the vllm that is installed is a build for {kind}.", "Leave it out."
        )
    bounds = pixel_bounds(vlm, family_of(name))
    try:
        return vllm.LLM(
            name,
            dtype="float32" if on_cpu and vlm.dtype == "auto" else vlm.dtype,
            max_model_len=vlm.max_model_len or _AS_LONG_AS_FITS,
            tensor_parallel_size=vlm.num_gpus or 1,
            enable_prefix_caching=True,
            # Compiling takes longer than a CPU gains by it.
            enforce_eager=on_cpu,
            # vLLM 0.32 fails on a CPU when it reads a prompt in parts whose answer is to be drawn with a seed.
            enable_chunked_prefill=not on_cpu,
            # Nothing is set aside for videos, which no request has.
            limit_mm_per_prompt={"video": 0},
            use_tqdm_on_load=False,
            mm_processor_kwargs=None if bounds is None else {"size": bounds},
            structured_outputs_config={"backend": "xgrammar", "disable_any_whitespace": True},
        )
    except (OSError, ValueError, RuntimeError) as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise SettingsError(
            f"vLLM cannot run --vlm.model-id {name}: {' '.join(lines[:3])}",
            "VLLM_LOGGING_LEVEL=INFO in the environment makes it tell more.",
        ) from error


def _reply(output: Any) -> Reply:
    said = output.outputs[0]
    return Reply(
        said.text,
        Usage(len(output.prompt_token_ids), len(said.token_ids), output.num_cached_tokens or 0),
        said.finish_reason or "length",
    )


def _url(picture: Jpeg | Clip) -> str:
    return picture.data_url
