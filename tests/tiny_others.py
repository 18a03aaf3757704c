"""Tiny checkpoints with random weights of models that are no Qwen-VL: a name goes in, a folder comes out.

They cut pictures into tiles and mark them in ways of their own; ``idefics3`` takes no video.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny_models import tiny_tokenizer

_TEMPLATE = """\
{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\n' }}
{%- for part in message.content -%}
{%- if part.type == 'image' -%}IMAGE
{%- elif part.type == 'video' -%}VIDEO
{%- else -%}{{ part.text }}{%- endif -%}
{%- endfor -%}
{{ '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"""

_VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "initializer_range": 0.3,
}


def make_other_model(name: str, folder: Path) -> Path:
    """Write the checkpoint of a tiny ``idefics3``, ``internvl`` or ``llava_onevision`` to a folder."""
    import torch
    import transformers as hf

    torch.manual_seed(0)
    model, processor = {"idefics3": _idefics3, "internvl": _internvl, "llava_onevision": _llava_onevision}[
        name
    ]()
    tokenizer = processor.tokenizer
    model.generation_config = hf.GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _idefics3() -> tuple[Any, Any]:
    import transformers as hf

    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)]
    tokenizer = tiny_tokenizer("<image>", "<fake_token_around_image>", "<global-img>", *tiles)
    pictures = hf.Idefics3ImageProcessor(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = hf.Idefics3Processor(
        image_processor=pictures,
        tokenizer=tokenizer,
        image_seq_len=4,
        chat_template=_TEMPLATE.replace("IMAGE", "<image>").replace("VIDEO", ""),
    )
    config = hf.Idefics3Config(
        text_config=_text(tokenizer),
        vision_config=_VISION | {"patch_size": 8, "image_size": 32},
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    return hf.Idefics3ForConditionalGeneration(config), processor


def _internvl() -> tuple[Any, Any]:
    import transformers as hf

    marks = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = tiny_tokenizer(*marks.values())
    for name, mark in marks.items():
        tokenizer.init_kwargs[name] = mark
        setattr(tokenizer, name, mark)
        setattr(tokenizer, f"{name}_id", tokenizer.convert_tokens_to_ids(mark))
    size = {"height": 28, "width": 28}
    processor = hf.InternVLProcessor(
        image_processor=hf.GotOcr2ImageProcessor(size=size, crop_to_patches=True, max_patches=4),
        tokenizer=tokenizer,
        video_processor=hf.InternVLVideoProcessor(size=size),
        image_seq_length=1,
        chat_template=_TEMPLATE.replace("IMAGE", "<IMG_CONTEXT>").replace("VIDEO", "<video>"),
    )
    config = hf.InternVLConfig(
        text_config=_text(tokenizer),
        vision_config=_VISION | {"patch_size": [14, 14], "image_size": [28, 28]},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=1,
        downsample_ratio=0.5,
        tie_word_embeddings=True,
    )
    return hf.InternVLForConditionalGeneration(config), processor


def _llava_onevision() -> tuple[Any, Any]:
    import transformers as hf

    tokenizer = tiny_tokenizer("<image>", "<video>")
    size, grid = {"height": 28, "width": 28}, [[28, 56], [56, 28], [56, 56]]
    processor = hf.LlavaOnevisionProcessor(
        image_processor=hf.LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=grid),
        tokenizer=tokenizer,
        video_processor=hf.LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=_TEMPLATE.replace("IMAGE", "<image>").replace("VIDEO", "<video>"),
    )
    config = hf.LlavaOnevisionConfig(
        text_config=_text(tokenizer),
        vision_config=_VISION
        | {
            "model_type": "siglip_vision_model",
            "patch_size": 14,
            "image_size": 28,
            "vision_use_head": False,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<video>"),
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        image_grid_pinpoints=grid,
        tie_word_embeddings=True,
    )
    return hf.LlavaOnevisionForConditionalGeneration(config), processor


def _text(tokenizer: Any) -> dict[str, Any]:
    return {
        "model_type": "qwen2",
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "initializer_range": 0.3,
        "max_position_embeddings": 32_768,
        "tie_word_embeddings": True,
        "bos_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
