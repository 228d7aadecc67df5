#!/usr/bin/env python3
"""Train a small LLaVA from nothing on easy-vqa, so that a quality metric of a tiny model means something.

    .venv/bin/python tools/train_tiny_llava.py --output checkpoints/tiny-llava-easy-vqa

Writes a folder that loads like a checkpoint of the hub, whose README.md says how well it answers. Needs the
package easy-vqa and half an hour on two CPU cores.

Each image of easy-vqa (64 x 64 pixels) shows one shape of one colour; 107 questions ask for either. Training
has two parts, as LLaVA's own: the vision tower learns first, here to name shape and colour; then it is
frozen, and projector and language model learn to answer. Everything is seeded.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.nn.functional import cross_entropy
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from vlm_profiling.engines.transformers.loader import load_checkpoint
from vlm_profiling.models.folders import whole_folder
from vlm_profiling.models.identify import describe_local_or_hub
from vlm_profiling.models.llava.processor import llava_processor
from vlm_profiling.models.synthetic_tokenizers import byte_level_tokenizer
from vlm_profiling.study.point import Point

SEED = 0
SIDE, PATCH = 64, 8
WIDTH, HEADS = 128, 4
NAMES = (
    ("circle", "rectangle", "triangle"),
    ("black", "blue", "brown", "gray", "green", "red", "teal", "yellow"),
)
"""What an image shows: one of the shapes, in one of the colours."""
UNKNOWN = -100
"""The class that cross_entropy leaves out."""

CARD = """---
license: mit
datasets: [easy-vqa]
---
# tiny-llava-easy-vqa

A LLaVA of 1.3 million parameters (CLIP tower, projector, Llama; float16), trained from nothing on the
training split of easy-vqa 1.0 (38,575 questions about 4,000 images of one coloured shape; Victor Zhou, MIT
licence). It exists so that the quality metrics of tests and of the demo study mean something. It knows
nothing but these shapes and questions.

Made by `tools/train_tiny_llava.py --output checkpoints/tiny-llava-easy-vqa`: seeded, about half an hour on
two CPU cores.

Right answers on the test split (9,673 questions about 1,000 other images; greedy, float32 on a CPU), by the
side that the images are brought to before the processor brings them to 64 pixels:

| image, pixels | yes or no | open | all |
|---|---|---|---|
{figures}
"""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Schedule:
    """How long a part of the training goes on, and how fast."""

    steps: int
    images: int
    """Images a step."""
    rate: float
    """Highest learning rate; 5 % of the steps lead up to it, a cosine down from it."""
    decay: float
    """Weight decay."""


VISION = Schedule(steps=744, images=128, rate=1e-3, decay=0.05)
ANSWERS = Schedule(steps=1200, images=24, rate=1e-3, decay=0.01)


@dataclass
class Split:
    """One split of easy-vqa, by the number of the image."""

    images: dict[int, Image.Image]
    questions: dict[int, list[tuple[str, str]]]
    """(question, answer) pairs about the image."""


def train_tiny_llava(folder: Path, report: Report) -> None:
    """Train the model, write it as a checkpoint folder (float16), and say in its README.md how well it
    answers.
    """
    torch.set_num_threads(2)
    random.seed(SEED)
    torch.manual_seed(SEED)
    train = read_split("train")
    processor = new_processor(train)
    model: Any = new_model(processor)
    pixels = {number: _pixels(processor, image) for number, image in train.images.items()}
    train_vision(
        model, pixels, {number: shown(questions) for number, questions in train.questions.items()}, report
    )
    train_answers(model, processor, pixels, train.questions, report)
    with whole_folder(folder) as temporary:
        model.to(torch.float16).save_pretrained(temporary)
        processor.save_pretrained(temporary)
        figures = [f"| {side} | {_percent(right_answers(temporary, side))} |" for side in (SIDE, 32, 16, 8)]
        (temporary / "README.md").write_text(CARD.format(figures="\n".join(figures)))
    report("\n".join(figures))


def read_split(name: str) -> Split:
    """The split train or test, from the installed package."""
    place = files("easy_vqa") / "data" / name
    questions = defaultdict(list)
    for question, answer, number in json.loads((place / "questions.json").read_text()):
        questions[number].append((question, answer))
    images = {}
    for number in questions:
        with (place / "images" / f"{number}.png").open("rb") as file:
            images[number] = Image.open(file).convert("RGB")
    return Split(images, dict(questions))


def shown(questions: Sequence[tuple[str, str]]) -> list[int]:
    """Classes of the shape and the colour that an image's questions and answers give away; UNKNOWN where they
    do not.
    """
    said = {answer for _, answer in questions}
    for question, answer in questions:
        if names_what_is_shown(question, answer):
            said |= _words(question)
    found = [[number for number, name in enumerate(names) if name in said] for names in NAMES]
    return [numbers[0] if len(numbers) == 1 else UNKNOWN for numbers in found]


def names_what_is_shown(question: str, answer: str) -> bool:
    """Whether a question of yes or no, denied or not, names the shape or the colour that the image has."""
    return answer == ("no" if _words(question) & {"no", "not"} else "yes")


def new_processor(train: Split) -> LlavaProcessor:
    """A processor whose vocabulary comes from the questions and answers of the training split."""
    pairs = (pair for questions in train.questions.values() for pair in questions)
    tokenizer = byte_level_tokenizer(
        ["<unk>", "<s>", "</s>", "<pad>", "<image>"],
        vocabulary=400,
        template="<s> $A",
        corpus=sorted({f"USER: \n{question} ASSISTANT: {answer}" for question, answer in pairs}),
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
    )
    return llava_processor(tokenizer, side=SIDE, patch=PATCH)


def new_model(processor: LlavaProcessor) -> LlavaForConditionalGeneration:
    """The untrained model: 1.3 million parameters."""
    tokenizer = processor.tokenizer
    vision = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=4,
        num_attention_heads=HEADS,
        projection_dim=WIDTH,
        image_size=SIDE,
        patch_size=PATCH,
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=3 * WIDTH,
        num_hidden_layers=3,
        num_attention_heads=HEADS,
        max_position_embeddings=512,
        initializer_range=WIDTH
        ** -0.5,  # the usual 0.02 is for wide models; here it makes comparing slow to learn
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = LlavaConfig(
        vision_config=vision.to_dict(),
        text_config=text.to_dict(),
        vision_feature_layer=-1,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(SIDE // PATCH) ** 2,
    )
    return LlavaForConditionalGeneration(config)


def train_vision(
    model: Any, pixels: dict[int, torch.Tensor], classes: dict[int, list[int]], report: Report
) -> None:
    """Teach the vision tower to name shape and colour, by two linear heads that are thrown away."""
    tower = model.model.vision_tower
    shapes, colours = (len(names) for names in NAMES)
    heads = torch.nn.Linear(WIDTH, shapes + colours)
    step = _stepper([*tower.parameters(), *heads.parameters()], VISION)
    numbers = list(pixels)
    for number in range(VISION.steps):
        place = number % (len(numbers) // VISION.images) * VISION.images
        if place == 0:
            random.shuffle(numbers)
        rows = numbers[place : place + VISION.images]
        with torch.autocast("cpu", torch.bfloat16):
            hidden = tower(_turned(torch.stack([pixels[row] for row in rows]))).last_hidden_state
        logits = heads(hidden[:, 1:].float().mean(1))
        wanted = torch.tensor([classes[row] for row in rows])
        loss = cross_entropy(logits[:, :shapes], wanted[:, 0]) + cross_entropy(
            logits[:, shapes:], wanted[:, 1]
        )
        step(loss)
        if number % 50 == 0:
            report(f"vision {number}/{VISION.steps}: loss {loss.item():.3f}")


def train_answers(
    model: Any,
    processor: LlavaProcessor,
    pixels: dict[int, torch.Tensor],
    questions: dict[int, list],
    report: Report,
) -> None:
    """Teach projector and language model to answer, the tower frozen, by three questions an image."""
    random.seed(SEED)
    model.model.vision_tower.requires_grad_(False)
    step = _stepper([parameter for parameter in model.parameters() if parameter.requires_grad], ANSWERS)
    image_token, numbers = model.config.image_token_id, list(questions)
    for number in range(ANSWERS.steps):
        rows = random.sample(numbers, ANSWERS.images)
        ids, wanted = _batch(processor, [pair for row in rows for pair in _three_of(questions[row])])
        with torch.autocast("cpu", torch.bfloat16):
            features = model.get_image_features(
                _turned(torch.stack([pixels[row] for row in rows]))
            ).pooler_output
            embeddings = model.get_input_embeddings()(ids)
            images = (
                torch.stack(list(features)).repeat_interleave(len(ids) // len(rows), 0).to(embeddings.dtype)
            )
            embeddings = embeddings.masked_scatter((ids == image_token).unsqueeze(-1), images)
            hidden = model.model.language_model(
                inputs_embeds=embeddings, attention_mask=(ids != processor.tokenizer.pad_token_id).long()
            ).last_hidden_state
        answered = wanted[:, 1:] != UNKNOWN
        loss = cross_entropy(model.lm_head(hidden[:, :-1][answered].float()), wanted[:, 1:][answered])
        step(loss)
        if number % 25 == 0:
            report(f"answers {number}/{ANSWERS.steps}: loss {loss.item():.3f}")


@torch.inference_mode()
def right_answers(folder: Path, image_size: int) -> dict[str, float]:
    """The share of right answers on the test split, as a user of the folder gets them, by kind of question.

    Kinds are yes or no, open, and all. Images are brought to `image_size` pixels first.
    """
    loaded = load_checkpoint(
        describe_local_or_hub(str(folder)), folder, device="cpu", dtype="float32", attention="sdpa"
    )
    model: Any = loaded.model
    split = read_split("test")
    asked = [(number, *pair) for number, pairs in split.questions.items() for pair in pairs]
    point = Point(optimization="fp32", image_size=image_size)
    right: dict[str, list[bool]] = {"yes or no": [], "open": [], "all": []}
    for start in range(0, len(asked), 128):
        numbers, questions, wanted = zip(*asked[start : start + 128], strict=True)
        images = [split.images[number] for number in numbers]
        prepared = loaded.family.prepare(loaded.processor, images, questions, point)
        output_ids = model.generate(**prepared.inputs, max_new_tokens=8, do_sample=False)
        new_ids = loaded.family.new_tokens(model, prepared.inputs, output_ids)
        for answer, reference in zip(loaded.family.answers(loaded.processor, new_ids), wanted, strict=True):
            for kind in ("yes or no" if reference in ("yes", "no") else "open", "all"):
                right[kind].append(answer == reference)
    return {kind: sum(hits) / len(hits) for kind, hits in right.items()}


def _pixels(processor: LlavaProcessor, image: Image.Image) -> torch.Tensor:
    return processor.image_processor(image, return_tensors="pt")["pixel_values"][0]


def _turned(pixels: torch.Tensor) -> torch.Tensor:
    """Images (rows, 3, side, side) turned and mirrored, all alike, which changes no answer."""
    turned = torch.rot90(pixels, random.randrange(4), (2, 3))
    return turned.flip(3) if random.random() < 0.5 else turned


def _three_of(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """An open question, one that names what the image shows, and one that names something else.

    Three of four questions of yes or no name something else: unbalanced, to answer without looking would pay
    off.
    """
    kinds: dict[str, list[tuple[str, str]]] = {"open": [], "shown": [], "other": []}
    for question, answer in pairs:
        closed = "shown" if names_what_is_shown(question, answer) else "other"
        kinds[closed if answer in ("yes", "no") else "open"].append((question, answer))
    return [random.choice(kind or pairs) for kind in kinds.values()]


def _words(question: str) -> set[str]:
    return set(question.rstrip("?").split())


def _batch(processor: LlavaProcessor, pairs: list[tuple[str, str]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (rows, longest), padded on the right, and the same with UNKNOWN for all but the answers."""
    tokenizer, place = processor.tokenizer, "<image>" * (SIDE // PATCH) ** 2
    prompts = [
        tokenizer(_prompt(processor, question).replace("<image>", place))["input_ids"]
        for question, _ in pairs
    ]
    answers = [
        tokenizer(f" {answer}", add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        for _, answer in pairs
    ]
    longest = max(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True))
    ids = torch.full((len(pairs), longest), tokenizer.pad_token_id)
    wanted = torch.full((len(pairs), longest), UNKNOWN)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        wanted[row, len(prompt) : end] = torch.tensor(answer)
    return ids, wanted


def _prompt(processor: LlavaProcessor, question: str) -> str:
    message: dict[str, Any] = {
        "role": "user",
        "content": [{"type": "image"}, {"type": "text", "text": question}],
    }
    return processor.apply_chat_template([message], add_generation_prompt=True)


def _stepper(parameters: list[torch.nn.Parameter], schedule: Schedule) -> Callable[[torch.Tensor], None]:
    """A function that takes one step down a loss."""
    optimizer = torch.optim.AdamW(parameters, lr=schedule.rate, weight_decay=schedule.decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.rate, total_steps=schedule.steps, pct_start=0.05
    )

    def step(loss: torch.Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        rate.step()

    return step


def _percent(shares: dict[str, float]) -> str:
    return " | ".join(f"{100 * share:.1f} %" for share in shares.values())


def main() -> None:
    """Train the model and write its folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", required=True, type=Path, help="folder to write, in the place of an older one"
    )
    train_tiny_llava(parser.parse_args().output, report=lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
