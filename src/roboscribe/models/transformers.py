"""A vision-language model of transformers in this process: requests go in, in batches, and replies come out."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, cast

import torch
import transformers
import xgrammar
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from roboscribe.config import VlmSettings
from roboscribe.errors import AnswerError, ServerError, SettingsError, first_line
from roboscribe.models.batching import BatchTooLarge, InProcess
from roboscribe.models.decoding import Finished, NotNumbers, Row, Sampling, Steering
from roboscribe.models.families import family_of
from roboscribe.models.ledger import Ledger
from roboscribe.models.processor import Processor, load_processor
from roboscribe.models.request import Reply, Request, Usage
from roboscribe.models.trouble import SHOW_LESS

_BILLION = 1e9
# The third is what the libraries of a GPU say whose memory is full: CUBLAS_STATUS_ALLOC_FAILED.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "STATUS_ALLOC_FAILED", "not enough memory")


class Backend(InProcess):
    """Batches of requests to one model of transformers, which is loaded once."""

    kind = "transformers"

    def __init__(
        self, vlm: VlmSettings, *, identity: str, model: str, ledger: Ledger, say: Callable[[str], None]
    ) -> None:
        super().__init__(vlm, identity=identity, model=model, ledger=ledger, say=say)
        self._unwanted = Event()
        self._loaded: Loaded | None = None

    async def _load(self, showing: Sequence[str]) -> None:
        self._loaded = await self._on_its_thread(lambda: load(self._vlm, self._model, self._say))

    async def close(self) -> None:
        """End the batch under way at its next token, and let go of the model's memory."""
        self._unwanted.set()
        await self._end_thread()
        self._loaded = None
        _free_memory()

    def _work(self, requests: Sequence[Request]) -> list[Reply | AnswerError]:
        assert self._loaded is not None
        try:
            return self._loaded.answer(requests, self._unwanted)
        except NotNumbers:
            numbers = str(self._loaded.model.dtype).removeprefix("torch.")
            raise ServerError(
                f"{self._model} calculates things that are no numbers, in {numbers}.",
                "--vlm.dtype bfloat16 or float32 has room for larger ones." if numbers == "float16" else "",
            ) from None
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
        # Out here, as the traceback held on to the tensors.
        _free_memory()
        raise BatchTooLarge


@dataclass(frozen=True)
class Loaded:
    """A model in memory with all that it takes to ask it.

    Attributes:
        model: Of transformers.
        processor: Makes what it reads of requests.
        grammars: Compiles schemas, each once.
        sampling: How tokens are drawn.
        ends: End marks.
        context: Most tokens of prompt and reply together; None when the model does not tell.
    """

    model: Any
    processor: Processor
    grammars: Any
    sampling: Sampling
    ends: frozenset[int]
    context: int | None

    def answer(self, requests: Sequence[Request], unwanted: Event) -> list[Reply | AnswerError]:
        """The replies to a batch of requests, in their order.

        Args:
            requests: What is asked.
            unwanted: Set when nobody waits for them any more; replies are cut off then.

        Raises:
            RuntimeError, MemoryError: There is not enough memory.
        """
        inputs = self.processor.inputs(requests)
        lengths: list[int] = inputs["attention_mask"].sum(-1).tolist()
        fits = [self.context is None or length < self.context for length in lengths]
        if not all(fits):
            some = [request for request, good in zip(requests, fits, strict=True) if good]
            replies = iter(self.answer(some, unwanted) if some else ())
            return [
                next(replies)
                if good
                else AnswerError(
                    f"{request.name} is {length} tokens long, and the model reads {self.context}.",
                    SHOW_LESS,
                )
                for request, good, length in zip(requests, fits, lengths, strict=True)
            ]
        rows = [
            Row(
                request.max_tokens
                if self.context is None
                else min(request.max_tokens, self.context - length),
                request.seed,
                self._grammar(request),
            )
            for request, length in zip(requests, lengths, strict=True)
        ]
        tokenizer = self.processor.tokenizer
        vocabulary = self.model.config.get_text_config().vocab_size
        steering = Steering(
            rows,
            self.sampling,
            vocabulary,
            ends=self.ends,
            marks=sorted(set(tokenizer.all_special_ids) - self.ends),
            pad=tokenizer.pad_token_id,
        )
        with torch.inference_mode():
            self.model.generate(
                **inputs.to(self.model.device, dtype=self.model.dtype),
                max_new_tokens=max(row.limit for row in rows),
                logits_processor=[steering],
                stopping_criteria=[Finished(rows, unwanted)],
            )
        return [
            Reply(
                tokenizer.decode(row.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False),
                Usage(length, len(row.tokens)),
                row.finish or "length",
            )
            for row, length in zip(rows, lengths, strict=True)
        ]

    def _grammar(self, request: Request) -> Any:
        if not request.schema:
            return None
        return self.grammars.compile_json_schema(json.dumps(request.schema), any_whitespace=False)


def load(vlm: VlmSettings, name: str, say: Callable[[str], None]) -> Loaded:
    """Load a model and what belongs to it.

    Raises:
        SettingsError: It is not there, is no model that sees, or does not run on the device.
    """
    started = time.monotonic()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    device = _device(vlm)
    try:
        config = transformers.AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"--vlm.model-id {name}: {first_line(error)}.",
            "Give a Hugging Face id, or a folder that holds a model.",
        ) from None
    kind: str = config.model_type
    if kind not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        raise SettingsError(
            f"--vlm.model-id {name} is a {kind} model, which transformers knows no way to show pictures to.",
            "Choose a vision-language model, such as Qwen3-VL.",
        )
    processor = load_processor(vlm, name, family_of(kind))
    dtype: Any = getattr(torch, vlm.dtype, None) or ("auto" if device != "cpu" else torch.float32)
    try:
        model = transformers.AutoModelForImageTextToText.from_pretrained(
            name, dtype=dtype, device_map={"": device}
        ).eval()
    except OSError as error:
        raise SettingsError(f"--vlm.model-id {name}: {first_line(error)}.") from None
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        raise SettingsError(
            f"--vlm.model-id {name} does not fit into the memory of {device}.",
            "Choose a smaller model, or a server with --vlm.api-base.",
        ) from None
    tokenizer = processor.tokenizer
    ends = _end_marks(model, tokenizer)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(min(ends))
    own = model.generation_config
    sampling = _sampling(vlm, own)
    model.generation_config = transformers.GenerationConfig(
        do_sample=False,
        bos_token_id=own.bos_token_id,
        eos_token_id=sorted(ends),
        pad_token_id=tokenizer.pad_token_id,
        repetition_penalty=own.repetition_penalty if vlm.temperature is None else None,
    )
    text = model.config.get_text_config()
    known = xgrammar.TokenizerInfo.from_huggingface(
        tokenizer, vocab_size=text.vocab_size, stop_token_ids=sorted(ends)
    )
    size = sum(weights.numel() for weights in model.parameters()) / _BILLION
    say(
        f"Loaded {name} ({size:.1f} B parameters, {str(model.dtype).removeprefix('torch.')}) "
        f"onto {device} in {time.monotonic() - started:.0f} s."
    )
    return Loaded(
        model,
        processor,
        xgrammar.GrammarCompiler(known),
        sampling,
        ends,
        getattr(text, "max_position_embeddings", None),
    )


def _device(vlm: VlmSettings) -> str:
    """The device to load onto, as torch names it.

    Raises:
        SettingsError: There is none of the kind that is asked for.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if vlm.device == "auto":
        return next(name for name, found in there.items() if found)
    if not there[vlm.device]:
        built = vlm.device != "cuda" or torch.version.cuda or torch.version.hip
        why = "torch finds no such GPU here" if built else "the torch that is installed is a build for CPUs"
        raise SettingsError(f"--vlm.device {vlm.device}: {why}.", "Leave it out, or use --vlm.device cpu.")
    return vlm.device


def _end_marks(model: Any, tokenizer: Any) -> frozenset[int]:
    given: Any = model.generation_config.eos_token_id
    several = cast(list[int | None], given if isinstance(given, list) else [given])
    return frozenset(token for token in (*several, tokenizer.eos_token_id) if token is not None)


def _sampling(vlm: VlmSettings, own: Any) -> Sampling:
    """As the settings say; where they leave the temperature to the model, as its makers say."""
    if vlm.temperature is not None:
        return Sampling(vlm.temperature, 1.0 if vlm.top_p is None else vlm.top_p)
    if not own.do_sample:
        return Sampling()
    temperature = 1.0 if own.temperature is None else own.temperature
    top_p = own.top_p if vlm.top_p is None else vlm.top_p
    return Sampling(temperature, 1.0 if top_p is None else top_p, own.top_k or 0)


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _OUT_OF_MEMORY)


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
