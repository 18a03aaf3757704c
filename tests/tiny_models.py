"""Tiny Qwen-VL checkpoints with random weights, made offline: an architecture's name goes in, a folder comes out.

They load wherever the real ones do. What they say means nothing; that it parses, batches and fails as it
should is what is tested. Needs torch, transformers and torchvision.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

ARCHITECTURES = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")

_VOCABULARY = 512
_HIDDEN = 128
_HEAD = 64
_SPREAD = 0.3
"""Standard deviation of the weights; with a model's usual 0.02 the pictures have no say in the answer."""

# As byte-level tokenizers write them. Random bytes beyond these would hardly ever be text.
_ALPHABET = [*map(chr, range(0x21, 0x7F)), "Ġ", "Ċ"]

_PAD, _START, _END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
_VISION_START, _VISION_END, _IMAGE, _VIDEO = (
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
_SPECIAL = (_PAD, _START, _END, _VISION_START, _VISION_END, "<|vision_pad|>", _IMAGE, _VIDEO)

_TEMPLATE = """\
{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\n' }}
{%- if message.content is string -%}{{ message.content }}
{%- else -%}{%- for part in message.content -%}
{%- if part.type in ('image', 'image_url') -%}<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'video' -%}<|vision_start|><|video_pad|><|vision_end|>
{%- else -%}{{ part.text }}{%- endif -%}
{%- endfor -%}{%- endif -%}
{{ '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking -%}{{ '<think>\n' }}{%- endif -%}
{%- endif -%}"""

_TEXTS = (
    "The robot reaches for the red cup, closes its gripper and lifts the cup onto the shelf.",
    '{"segments": [{"start": 0.0, "end": 1.5, "label": "pick up the red cup"}], "texts": ["Open the box."]}',
    "system user assistant Answer with one JSON object and no other text. Look at the frames from 0.0 s to 9.9 s.",
)


def make_tiny_model(architecture: str, folder: Path, *, seed: int = 0, says: Sequence[str] = ()) -> Path:
    """Write the checkpoint of a tiny model with its tokenizer, chat template and processor.

    Args:
        architecture: One of ``ARCHITECTURES``.
        folder: Where to; made when missing.
        seed: Of the weights.
        says: What it says whatever it is asked and shown, for servers that hold it to no schema; a model
            that is given nothing to say answers at random, but by what it is asked and shown.

    Returns:
        The folder.
    """
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(list(says))
    model = _model(architecture, tokenizer, seed)
    if says:
        _teach(model, [tokenizer.convert_tokens_to_ids(token) for token in ("Ċ", *says, _END)])
    model.save_pretrained(folder)
    _processor(architecture, tokenizer).save_pretrained(folder)
    return folder


def _teach(model: Any, tokens: Sequence[int]) -> None:
    """Make each of these tokens follow the one before; nothing else has a say."""
    import torch

    text = model.model.language_model
    with torch.no_grad():
        for layer in text.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.config.tie_word_embeddings = model.config.text_config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(text.embed_tokens.weight))
        for token, following in pairwise(tokens):
            direction = text.embed_tokens.weight[token]
            model.lm_head.weight[following] = 5 * direction / direction.norm()


def tiny_tokenizer(*marks: str) -> Any:
    """The tokenizer of all tiny models, with marks of a template besides Qwen's."""
    import tokenizers
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer

    bytes_of = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learned = tokenizers.Tokenizer(models.BPE())
    learned.normalizer = normalizers.NFC()
    learned.pre_tokenizer = bytes_of
    learned.decoder = decoders.ByteLevel()
    learned.train_from_iterator(
        _TEXTS * 3,
        trainers.BpeTrainer(
            vocab_size=_VOCABULARY - len(_SPECIAL),
            initial_alphabet=_ALPHABET,
            show_progress=False,
        ),
    )
    found = json.loads(learned.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=found["vocab"],
        merges=[tuple(pair) for pair in found["merges"]],
        unk_token=None,
        eos_token=_END,
        pad_token=_PAD,
        additional_special_tokens=[*_SPECIAL, *marks],
        model_max_length=32_768,
    )
    tokenizer.chat_template = _TEMPLATE
    return tokenizer


def _processor(architecture: str, tokenizer: Any) -> Any:
    import transformers as hf

    patch = 16 if architecture == "qwen3_vl" else 14
    token = (2 * patch) ** 2
    options: dict[str, Any] = {
        "patch_size": patch,
        "merge_size": 2,
        "temporal_patch_size": 2,
        "size": {"shortest_edge": 4 * token, "longest_edge": 64 * token},
    }
    image, video, processor = {
        "qwen2_vl": (hf.Qwen2VLImageProcessor, hf.Qwen2VLVideoProcessor, hf.Qwen2VLProcessor),
        "qwen2_5_vl": (hf.Qwen2VLImageProcessor, hf.Qwen2VLVideoProcessor, hf.Qwen2_5_VLProcessor),
        "qwen3_vl": (hf.Qwen2VLImageProcessor, hf.Qwen3VLVideoProcessor, hf.Qwen3VLProcessor),
    }[architecture]
    return processor(
        image_processor=image(**options),
        tokenizer=tokenizer,
        video_processor=video(**options),
        chat_template=_TEMPLATE,
    )


def _model(architecture: str, tokenizer: Any, seed: int) -> Any:
    import torch
    import transformers as hf

    number = tokenizer.convert_tokens_to_ids
    ends = {"bos_token_id": number(_PAD), "pad_token_id": number(_PAD)}
    text: dict[str, Any] = {
        "vocab_size": _VOCABULARY,
        "hidden_size": _HIDDEN,
        "intermediate_size": 2 * _HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": _HIDDEN // _HEAD,
        "num_key_value_heads": 1,
        "max_position_embeddings": 32_768,
        "initializer_range": _SPREAD,
        "tie_word_embeddings": True,
        "eos_token_id": number(_END),
        **ends,
    }
    vision: dict[str, Any] = {"depth": 2, "num_heads": 2, "patch_size": 14}
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 12, 12]}
    if architecture == "qwen2_vl":
        kind, configuration = hf.Qwen2VLForConditionalGeneration, hf.Qwen2VLConfig
        vision |= {"embed_dim": 64, "hidden_size": _HIDDEN, "mlp_ratio": 2}
    elif architecture == "qwen2_5_vl":
        kind, configuration = hf.Qwen2_5_VLForConditionalGeneration, hf.Qwen2_5_VLConfig
        vision |= {"hidden_size": 64, "intermediate_size": 128, "out_hidden_size": _HIDDEN}
        vision |= {"window_size": 112, "fullatt_block_indexes": [1]}
    else:
        kind, configuration = hf.Qwen3VLForConditionalGeneration, hf.Qwen3VLConfig
        vision |= {"hidden_size": 64, "intermediate_size": 128, "out_hidden_size": _HIDDEN, "patch_size": 16}
        vision |= {"num_position_embeddings": 256, "deepstack_visual_indexes": [0, 1]}
        rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [12, 10, 10]}
        rope["mrope_interleaved"] = True
        text["head_dim"] = _HEAD
    text["rope_parameters"] = rope
    torch.manual_seed(seed)
    model = kind(
        configuration(
            text_config=text,
            vision_config=vision,
            tie_word_embeddings=True,
            image_token_id=number(_IMAGE),
            video_token_id=number(_VIDEO),
            vision_start_token_id=number(_VISION_START),
            vision_end_token_id=number(_VISION_END),
        )
    )
    model.generation_config = hf.GenerationConfig(eos_token_id=[number(_END), number(_PAD)], **ends)
    return model
