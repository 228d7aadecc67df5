"""Tiny checkpoints of families that the project has no file for, as a user's own models may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf

from vlm_profiling.models.image_only import image_only
from vlm_profiling.models.synthetic_tokenizers import byte_level_tokenizer

SIDE, PATCH = 28, 14
PINPOINTS = [[28, 56], [56, 28], [56, 56]]
ENCODER: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
SQUARE = {"height": SIDE, "width": SIDE}
MROPE = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e6}
CROPPED: dict[str, Any] = {"size": {"shortest_edge": SIDE}, "crop_size": SQUARE}

Parts = tuple[hf.PreTrainedConfig, hf.ProcessorMixin]


def build_other_checkpoint(family: str, folder: Path) -> None:
    """Write a tiny checkpoint of one of OTHER_FAMILIES or ASKED_NOTHING as a folder in the hub's format."""
    torch.manual_seed(0)
    config, processor = {**OTHER_FAMILIES, **ASKED_NOTHING}[family]()
    hf.AutoModelForImageTextToText.from_config(config).save_pretrained(folder)
    processor.save_pretrained(folder)


def _llava_next() -> Parts:
    tokenizer = _tokenizer("<image>")
    images = hf.LlavaNextImageProcessorPil(image_grid_pinpoints=PINPOINTS, **CROPPED)
    taken = {
        "patch_size": PATCH,
        "vision_feature_select_strategy": "default",
        "num_additional_image_tokens": 1,
    }
    processor = hf.LlavaNextProcessor(images, tokenizer, chat_template=_chat("<image>"), **taken)
    clip = hf.CLIPVisionConfig(image_size=SIDE, patch_size=PATCH, projection_dim=64, **ENCODER)
    image = {
        "image_token_index": _id(tokenizer, "<image>"),
        "image_grid_pinpoints": PINPOINTS,
        "image_seq_length": 4,
    }
    return hf.LlavaNextConfig(vision_config=clip.to_dict(), text_config=_llama(tokenizer), **image), processor


def _llava_onevision() -> Parts:
    tokenizer = _tokenizer("<image>", "<video>")
    images = hf.LlavaOnevisionImageProcessorPil(size=SQUARE, image_grid_pinpoints=PINPOINTS)
    processor = image_only(hf.LlavaOnevisionProcessor)(
        image_processor=images,
        tokenizer=tokenizer,
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=_chat("<image>"),
    )
    config = hf.LlavaOnevisionConfig(
        vision_config=_siglip(),
        text_config=_qwen2(tokenizer),
        image_token_index=_id(tokenizer, "<image>"),
        video_token_index=_id(tokenizer, "<video>"),
        image_grid_pinpoints=PINPOINTS,
        vision_aspect_ratio="anyres_max_9",
    )
    return config, processor


def _smolvlm() -> Parts:
    tokenizer = _tiled_tokenizer()
    images = hf.SmolVLMImageProcessorPil(
        size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE}
    )
    parts = {"image_processor": images, "tokenizer": tokenizer, "chat_template": _chat("<image>")}
    config = hf.SmolVLMConfig(
        vision_config={"image_size": SIDE, "patch_size": 7, **ENCODER},
        text_config=_llama(tokenizer),
        image_token_id=_id(tokenizer, "<image>"),
        scale_factor=2,
    )
    return config, image_only(hf.SmolVLMProcessor)(image_seq_len=4, **parts)


def _tiled_tokenizer() -> hf.PreTrainedTokenizerFast:
    rows = [f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)]
    return _tokenizer("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", *rows)


def _idefics3() -> Parts:
    tokenizer = _tiled_tokenizer()
    images = hf.Idefics3ImageProcessorPil(
        size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE}
    )
    processor = hf.Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=_chat("<image>"))
    config = hf.Idefics3Config(
        vision_config={"image_size": SIDE, "patch_size": 7, **ENCODER},
        text_config=_llama(tokenizer),
        image_token_id=_id(tokenizer, "<image>"),
        scale_factor=2,
    )
    return config, processor


def _paligemma() -> Parts:
    images = hf.SiglipImageProcessorPil(size=SQUARE)
    images.image_seq_length = 4
    processor = hf.PaliGemmaProcessor(
        images, _tokenizer("<image>")
    )  # which adds a thousand places and shapes to it
    tokenizer = processor.tokenizer
    config = hf.PaliGemmaConfig(
        vision_config={**_siglip(), "vision_use_head": False, "num_image_tokens": 4, "projection_dim": 64},
        text_config=hf.GemmaConfig(num_key_value_heads=1, **_decoder(tokenizer)).to_dict(),
        image_token_index=_id(tokenizer, "<image>"),
        projection_dim=64,
        hidden_size=64,
    )
    return config, processor


def _qwen_parts(
    kind: type[hf.ProcessorMixin],
) -> tuple[hf.PreTrainedTokenizerFast, hf.ProcessorMixin, dict[str, int]]:
    names = {"vision_start": "<|vision_start|>", "vision_end": "<|vision_end|>"}
    names |= {"image": "<|image_pad|>", "video": "<|video_pad|>"}
    tokenizer = _tokenizer(*names.values())
    images = hf.Qwen2VLImageProcessorPil(min_pixels=56 * 56, max_pixels=112 * 112, patch_size=PATCH)
    chat = _chat(names["vision_start"] + names["image"] + names["vision_end"])
    processor = image_only(kind)(image_processor=images, tokenizer=tokenizer, chat_template=chat)
    return tokenizer, processor, {f"{name}_token_id": _id(tokenizer, token) for name, token in names.items()}


def _qwen2_vl() -> Parts:
    tokenizer, processor, ids = _qwen_parts(hf.Qwen2VLProcessor)
    text = _qwen2(tokenizer) | {"rope_parameters": MROPE}
    del text["model_type"]
    vision = {
        "depth": 2,
        "embed_dim": 64,
        "hidden_size": 64,
        "num_heads": 4,
        "mlp_ratio": 2,
        "patch_size": PATCH,
    }
    return hf.Qwen2VLConfig(text_config=text, vision_config=vision, **ids), processor


def _internvl() -> Parts:
    names = {
        "start_image": "<img>",
        "end_image": "</img>",
        "context_image": "<IMG_CONTEXT>",
        "video": "<video>",
    }
    tokenizer = _tokenizer(
        *names.values(), extra_special_tokens={f"{name}_token": token for name, token in names.items()}
    )
    images = hf.GotOcr2ImageProcessorPil(size=SQUARE, crop_to_patches=True, min_patches=1, max_patches=2)
    parts = {
        "image_processor": images,
        "tokenizer": tokenizer,
        "chat_template": _chat(names["context_image"]),
    }
    processor = image_only(hf.InternVLProcessor)(image_seq_length=4, **parts)
    config = hf.InternVLConfig(
        vision_config={"image_size": [SIDE, SIDE], "patch_size": [7, 7], **ENCODER},
        text_config=_qwen2(tokenizer),
        image_token_id=_id(tokenizer, names["context_image"]),
        image_seq_length=4,
        downsample_ratio=0.5,
    )
    return config, processor


def _gemma3() -> Parts:
    names = {"image": "<image_soft_token>", "boi": "<start_of_image>", "eoi": "<end_of_image>"}
    tokenizer = _tokenizer(
        *names.values(), extra_special_tokens={f"{name}_token": token for name, token in names.items()}
    )
    images = hf.Gemma3ImageProcessorPil(size=SQUARE, image_seq_length=4)
    processor = hf.Gemma3Processor(images, tokenizer, image_seq_length=4, chat_template=_chat(names["boi"]))
    config = hf.Gemma3Config(
        vision_config={**_siglip(), "vision_use_head": False},
        text_config=hf.Gemma3TextConfig(
            num_key_value_heads=1, sliding_window=512, **_decoder(tokenizer)
        ).to_dict(),
        mm_tokens_per_image=4,
        **{f"{name}_token_index": _id(tokenizer, token) for name, token in names.items()},
    )
    return config, processor


def _kosmos2() -> Parts:
    patches = [f"<patch_index_{number:04}>" for number in range(1024)]
    pairs = [f"<{end}{mark}>" for mark in ("image", "phrase", "object") for end in ("", "/")]
    tokenizer = _tokenizer(*pairs, "</delimiter_of_multi_objects/>", "<grounding>", *patches)
    processor = hf.Kosmos2Processor(hf.CLIPImageProcessorPil(**CROPPED), tokenizer)
    text = {
        "embed_dim": 64,
        "layers": 2,
        "ffn_dim": 128,
        "attention_heads": 4,
        "max_position_embeddings": 1024,
    }
    text |= {"vocab_size": _rows(processor.tokenizer), **_ids(processor.tokenizer)}
    vision = {"image_size": SIDE, "patch_size": PATCH, **ENCODER}
    return hf.Kosmos2Config(vision_config=vision, text_config=text, latent_query_num=64), processor


def _qwen3_vl() -> Parts:
    tokenizer, processor, ids = _qwen_parts(hf.Qwen3VLProcessor)
    text = hf.Qwen3VLTextConfig(num_key_value_heads=2, rope_parameters=MROPE, **_decoder(tokenizer)).to_dict()
    vision = {"depth": 2, "hidden_size": 64, "out_hidden_size": 64, "num_heads": 4, "intermediate_size": 128}
    vision |= {"patch_size": PATCH, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64}
    return hf.Qwen3VLConfig(text_config=text, vision_config=vision, **ids), processor


def _mllama() -> Parts:
    tokenizer = _tokenizer("<|image|>")
    images = hf.MllamaImageProcessorPil(size=SQUARE, max_image_tiles=2)
    processor = hf.MllamaProcessor(images, tokenizer, chat_template=_chat("<|image|>"))
    shape = {"hidden_size": 64, "intermediate_size": 128}
    tiles = {
        "max_num_tiles": 2,
        "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
        "image_size": SIDE,
        "patch_size": PATCH,
    }
    layers = {
        "num_hidden_layers": 2,
        "num_global_layers": 1,
        "intermediate_layers_indices": [1],
        "vision_output_dim": 128,
    }
    text = {
        "num_hidden_layers": 3,
        "cross_attention_layers": [1],
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    text |= {
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
        "vocab_size": _rows(tokenizer),
        **_ids(tokenizer),
    }
    config = hf.MllamaConfig(
        vision_config={"attention_heads": 4, **shape, **tiles, **layers},
        text_config={**shape, **text},
        image_token_index=_id(tokenizer, "<|image|>"),
    )
    return config, processor


def _pix2struct() -> Parts:
    tokenizer = _tokenizer()
    processor = hf.Pix2StructProcessor(hf.Pix2StructImageProcessorPil(max_patches=16), tokenizer)
    shape = {"hidden_size": 64, "d_kv": 16, "d_ff": 128}
    ids = {name: getattr(tokenizer, name) for name in ("eos_token_id", "pad_token_id")}
    text = {
        "num_layers": 2,
        "num_heads": 4,
        "vocab_size": _rows(tokenizer),
        "decoder_start_token_id": 0,
        **ids,
    }
    vision = {"patch_embed_hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "seq_len": 16}
    return hf.Pix2StructConfig(text_config={**shape, **text}, vision_config={**shape, **vision}), processor


OTHER_FAMILIES: dict[str, Callable[[], Parts]] = {
    "llava_next": _llava_next,
    "llava_onevision": _llava_onevision,
    "idefics3": _idefics3,
    "smolvlm": _smolvlm,
    "paligemma": _paligemma,
    "qwen2_vl": _qwen2_vl,
    "internvl": _internvl,
    "gemma3": _gemma3,
    "kosmos2": _kosmos2,
    "qwen3_vl": _qwen3_vl,
    "mllama": _mllama,
}
CROSS_ATTENDING = {"mllama"}
"""Whose images take no positions of the prompt: the decoder looks at them from beside it."""
ASKED_NOTHING: dict[str, Callable[[], Parts]] = {"pix2struct": _pix2struct}
"""Whose processor makes no prompt of a question."""


def _tokenizer(*marks: str, **names: Any) -> hf.PreTrainedTokenizerFast:
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    return byte_level_tokenizer(
        [*special.values(), *marks], vocabulary=500, template="<s> $A", **special, **names
    )


def _chat(image: str) -> str:
    part = f"{{{{ '{image}' if part['type'] == 'image' else part['text'] }}}}"
    parts = f"{{% for part in message['content'] %}}{part}{{% endfor %}}"
    return f"{{% for message in messages %}}{parts}{{% endfor %}}"


def _llama(tokenizer: hf.PreTrainedTokenizerFast) -> dict[str, Any]:
    return hf.LlamaConfig(**_decoder(tokenizer)).to_dict()


def _qwen2(tokenizer: hf.PreTrainedTokenizerFast) -> dict[str, Any]:
    return hf.Qwen2Config(num_key_value_heads=2, **_decoder(tokenizer)).to_dict()


def _siglip() -> dict[str, Any]:
    return hf.SiglipVisionConfig(image_size=SIDE, patch_size=PATCH, **ENCODER).to_dict()


def _decoder(tokenizer: hf.PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": _rows(tokenizer),
        "head_dim": 16,
        "max_position_embeddings": 2048,
        **ENCODER,
        **_ids(tokenizer),
    }


def _ids(tokenizer: hf.PreTrainedTokenizerFast) -> dict[str, Any]:
    return {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}


def _id(tokenizer: hf.PreTrainedTokenizerFast, token: str) -> int:
    return tokenizer.get_vocab()[token]


def _rows(tokenizer: hf.PreTrainedTokenizerFast) -> int:
    return -(-len(tokenizer) // 64) * 64
