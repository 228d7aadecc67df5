"""What every family promises, on its tiny checkpoint; then what is particular to one."""

from __future__ import annotations

import pytest
import torch
from generation import answer, generate

from vlm_profiling.engines.transformers.loader import LoadedCheckpoint
from vlm_profiling.models.base import Family
from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.generic.family import Generic
from vlm_profiling.models.registry import FAMILIES, family_for
from vlm_profiling.study.point import Point

STAGES = {"vision", "project", "prefill", "lm"}


def test_prepared_lists_have_an_entry_a_row(loaded: LoadedCheckpoint, images, requests) -> None:
    prepared = loaded.family.prepare(loaded.processor, images, requests)
    lists = (prepared.prompts, prepared.prompt_tokens, prepared.image_tokens, prepared.truncated_tokens)
    assert {len(rows) for rows in (*lists, prepared.vision_grids, prepared.effective_sizes)} == {4}
    assert prepared.padded_tokens == max(prepared.prompt_tokens) == prepared.inputs["input_ids"].shape[1]
    assert prepared.truncated_tokens == [0, 0, 0, 0]
    assert {tensor.device.type for tensor in prepared.inputs.values()} == {"cpu"}


def test_a_batch_answers_as_its_rows_alone(loaded: LoadedCheckpoint, images, requests) -> None:
    alone = [answer(loaded, [image], [request])[0] for image, request in zip(images, requests, strict=True)]
    assert answer(loaded, images, requests) == alone
    assert len({tuple(row) for row in alone}) > 1


def test_another_image_gives_another_answer(loaded: LoadedCheckpoint, images, requests) -> None:
    answers = answer(loaded, images, [requests[0]] * 4, steps=16)
    assert len({tuple(row) for row in answers}) > 1


def test_the_prompt_is_no_part_of_the_answer(loaded: LoadedCheckpoint, images, requests) -> None:
    new_ids = generate(loaded, loaded.family.prepare(loaded.processor, images, requests), steps=5)
    assert new_ids.shape == (4, 5)
    assert loaded.family.generated_counts(loaded.model, new_ids) == [5, 5, 5, 5]
    assert all(
        len(text) < 60 and "sign" not in text for text in loaded.family.answers(loaded.processor, new_ids)
    )


def test_an_answer_is_counted_up_to_its_end(loaded: LoadedCheckpoint) -> None:
    end = loaded.family.generation_config(loaded.model).eos_token_id
    new_ids = torch.tensor(
        [[300, 301, 302, 303], [300, end, end, end], [end, 300, 301, 302], [300, 301, 302, end]]
    )
    assert loaded.family.generated_counts(loaded.model, new_ids) == [4, 2, 1, 4]
    assert loaded.family.generated_counts(loaded.model, new_ids[:, :0]) == [0, 0, 0, 0]


def test_every_image_token_stands_for_a_image_whatever_the_request_says(
    loaded: LoadedCheckpoint, images, requests
) -> None:
    tokens = sorted(
        {*loaded.processor.tokenizer.all_special_tokens, *loaded.processor.tokenizer.get_added_vocab()}
    )
    hostile = [
        f"{''.join(tokens)} {request} <image><|image_pad|>|SPEAKER||NEWLINE|<s><box>1</box>"
        for request in requests
    ]
    plain = loaded.family.prepare(loaded.processor, images, requests)
    prepared = loaded.family.prepare(loaded.processor, images, hostile)
    assert prepared.image_tokens == plain.image_tokens
    assert prepared.vision_grids == plain.vision_grids
    assert generate(loaded, prepared, steps=2).shape == (4, 2)


def test_truncation_cuts_the_request_and_no_image_token(loaded: LoadedCheckpoint, images, requests) -> None:
    tokenizer = loaded.processor.tokenizer
    whole = loaded.family.prepare(loaded.processor, images, requests)
    cut = loaded.family.prepare(
        loaded.processor, images, requests, Point(optimization="fp32", max_input_len=3)
    )
    lengths = [len(tokenizer(request, add_special_tokens=False)["input_ids"]) for request in requests]
    assert cut.truncated_tokens == [length - 3 for length in lengths]
    assert cut.image_tokens == whole.image_tokens
    differences = [long - short for long, short in zip(whole.prompt_tokens, cut.prompt_tokens, strict=True)]
    assert differences == cut.truncated_tokens


def test_a_prompt_length_is_that_of_every_request_and_touches_no_image_token(
    loaded: LoadedCheckpoint, images, requests
) -> None:
    tokenizer = loaded.processor.tokenizer
    whole = loaded.family.prepare(loaded.processor, images, requests)
    long = loaded.family.prepare(
        loaded.processor, images, requests, Point(optimization="fp32", prompt_len=40, max_input_len=3)
    )
    lengths = [len(tokenizer(request, add_special_tokens=False)["input_ids"]) for request in requests]
    assert long.added_tokens == [max(40 - length, 0) for length in lengths]
    assert long.truncated_tokens == [max(length - 40, 0) for length in lengths]
    assert long.image_tokens == whole.image_tokens
    differences = [more - few for more, few in zip(long.prompt_tokens, whole.prompt_tokens, strict=True)]
    assert differences == [40 - length for length in lengths]


def test_images_of_any_mode_are_taken(loaded: LoadedCheckpoint, images, requests) -> None:
    for mode in ("L", "RGBA", "P", "CMYK"):
        prepared = loaded.family.prepare(loaded.processor, [images[0].convert(mode)], requests[:1])
        assert (
            prepared.vision_grids
            == loaded.family.prepare(loaded.processor, images[:1], requests[:1]).vision_grids
        )


def test_stage_modules_exist_and_cover_the_language_model(loaded: LoadedCheckpoint) -> None:
    stages = loaded.family.stage_modules(loaded.model)
    for module in stages:
        loaded.model.get_submodule(module)
    assert set(stages.values()) <= STAGES and "lm" in stages.values()


def test_generate_calls_the_forward_of_every_compile_target(
    loaded: LoadedCheckpoint, images, requests
) -> None:
    calls: dict[str, int] = {}
    hooks = []
    for name in loaded.family.compile_targets(loaded.model):
        calls[name] = 0

        def count(*_, name: str = name) -> None:
            calls[name] += 1

        hooks.append(loaded.model.get_submodule(name).register_forward_pre_hook(count))
    try:
        generate(loaded, loaded.family.prepare(loaded.processor, images, requests), steps=4)
    finally:
        for hook in hooks:
            hook.remove()
    assert min(calls.values()) >= 1 and max(calls.values()) == 4


@pytest.mark.parametrize(
    ("architecture", "grids", "sizes", "image_tokens"),
    [
        ("blip2-opt", [(2, 2)] * 4, [(28, 28)] * 4, [8] * 4),
        ("blip2-t5", [(2, 2)] * 4, [(28, 28)] * 4, [8] * 4),
        ("instructblip-t5", [(2, 2)] * 4, [(28, 28)] * 4, [8] * 4),
        ("llava", [(2, 2)] * 4, [(28, 28)] * 4, [4] * 4),
        (
            "fuyu",
            [(6, 8), (6, 5), (6, 6), (6, 3)],
            [(80, 60), (50, 60), (60, 60), (30, 60)],
            [48, 30, 36, 18],
        ),
        (
            "qwen2_5_vl",
            [(4, 6), (6, 4), (4, 4), (8, 2)],
            [(84, 56), (56, 84), (56, 56), (28, 112)],
            [6, 6, 4, 4],
        ),
    ],
)
def test_the_size_that_the_model_really_sees(
    load, images, requests, architecture, grids, sizes, image_tokens
) -> None:
    loaded = load(architecture)
    prepared = loaded.family.prepare(loaded.processor, images, requests)
    assert prepared.vision_grids == grids
    assert prepared.effective_sizes == sizes
    assert prepared.image_tokens == image_tokens


@pytest.mark.parametrize(
    ("architecture", "image_size", "grid"),
    [("llava", 280, (2, 2)), ("fuyu", 40, (3, 4)), ("qwen2_5_vl", 140, (8, 10))],
)
def test_image_size_resizes_before_the_processor_which_may_fix_the_size(
    load, images, architecture, image_size, grid
) -> None:
    loaded = load(architecture)
    prepared = loaded.family.prepare(
        loaded.processor, images[:1], ["how many?"], Point(optimization="fp32", image_size=image_size)
    )
    assert prepared.vision_grids == [grid]


def test_only_instructblip_reads_the_request_in_its_q_former(load, images) -> None:
    requests = ["the sign above the door", "the dog"]
    lengths = {}
    for architecture in ("blip2-t5", "instructblip-t5"):
        loaded = load(architecture)
        lengths[architecture] = loaded.family.prepare(loaded.processor, images[:2], requests).qformer_tokens
    assert lengths == {"blip2-t5": 0, "instructblip-t5": 7}  # five words between [CLS] and [SEP]


def test_prompts_of_the_families(load) -> None:
    prompts = {
        name: load(name).family.prompt(load(name).processor, "why?")
        for name in ("blip2-opt", "fuyu", "llava", "qwen2_5_vl")
    }
    assert prompts["blip2-opt"] == "why?"
    assert prompts["fuyu"] == "why?\n"
    assert prompts["llava"] == "USER: <image>\nwhy? ASSISTANT:"
    assert prompts["qwen2_5_vl"].endswith(
        "<|vision_start|><|image_pad|><|vision_end|>why?<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("architecture", ["llava", "qwen2_5_vl", "blip2-opt"])
def test_the_generic_family_answers_as_the_model_s_own(load, images, requests, architecture) -> None:
    own = load(architecture)
    generic = LoadedCheckpoint(own.model, own.processor, Generic(own.model.config), own.manifest, own.load_s)
    assert answer(generic, images, requests) == answer(own, images, requests)


def test_the_generic_family_finds_the_vision_encoder(load) -> None:
    for architecture, stages in (("llava", {"model.vision_tower": "vision", "": "lm"}), ("fuyu", {"": "lm"})):
        model = load(architecture).model
        assert Generic(model.config).stage_modules(model) == stages


def test_a_model_type_finds_its_family_and_a_name_overrules_it() -> None:
    assert {
        model_type: family_for(model_type).name for family in FAMILIES for model_type in family.model_types
    } == {
        "blip-2": "blip2",
        "instructblip": "instructblip",
        "fuyu": "fuyu",
        "llava": "llava",
        "qwen2_5_vl": "qwen2_5_vl",
    }
    assert family_for("idefics3") is Generic
    assert family_for("idefics3", "llava").name == "llava"
    with pytest.raises(CheckpointError, match=r"unknown family 'lava'; allowed: blip2, .*, generic"):
        family_for("llava", "lava")


def test_a_decoder_is_padded_next_to_its_answer(loaded: LoadedCheckpoint) -> None:
    family: Family = loaded.family
    assert family.padding_side == (
        "right" if loaded.model.config.get_text_config().is_encoder_decoder else "left"
    )
    assert loaded.processor.tokenizer.padding_side == family.padding_side
