"""The trained LLaVA answers questions about shapes, stops by itself, and needs the image to be right."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from generation import generate

import train_tiny_llava
from vlm_profiling.engines.transformers.loader import LoadedCheckpoint, load_checkpoint
from vlm_profiling.models.identify import describe_local_or_hub
from vlm_profiling.study.point import Point

FOLDER = Path(__file__).parents[2] / "checkpoints/tiny-llava-easy-vqa"


@pytest.fixture(scope="module")
def trained() -> LoadedCheckpoint:
    return load_checkpoint(
        describe_local_or_hub(str(FOLDER)), FOLDER, device="cpu", dtype="float32", attention="sdpa"
    )


@pytest.fixture(scope="module")
def asked() -> list[tuple]:
    """(image, question, answer) of every 48th question of the test split, which are 202."""
    split = train_tiny_llava.read_split("test")
    questions = [(split.images[number], *pair) for number, pairs in split.questions.items() for pair in pairs]
    return questions[::48]


def share_right(trained: LoadedCheckpoint, asked: list[tuple], image_size: int) -> float:
    images, questions, answers = zip(*asked, strict=True)
    prepared = trained.family.prepare(
        trained.processor, images, questions, Point(optimization="fp32", image_size=image_size)
    )
    said = trained.family.answers(trained.processor, generate(trained, prepared))
    return sum(map(str.__eq__, said, answers)) / len(asked)


def test_the_folder_is_under_four_megabytes_and_holds_trained_weights() -> None:
    manifest = describe_local_or_hub(str(FOLDER))
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 4_000_000
    assert (manifest.family, manifest.random_weights) == ("llava", False)


def test_questions_of_the_test_split_are_answered(trained: LoadedCheckpoint, asked: list[tuple]) -> None:
    assert share_right(trained, asked, 64) > 0.95


def test_a_smaller_image_tells_less(trained: LoadedCheckpoint, asked: list[tuple]) -> None:
    assert share_right(trained, asked, 8) < share_right(trained, asked, 64) - 0.1


def test_an_answer_ends_by_itself(trained: LoadedCheckpoint, asked: list[tuple]) -> None:
    images, questions, _ = zip(*asked[:8], strict=True)
    new_ids = generate(trained, trained.family.prepare(trained.processor, images, questions), steps=20)
    counts = trained.family.generated_counts(trained.model, new_ids)
    assert max(counts) <= 4
    ends = [new_ids[row, count - 1].item() for row, count in enumerate(counts)]
    assert set(ends) == {trained.processor.tokenizer.eos_token_id}


def test_questions_give_away_what_a_image_shows() -> None:
    positive = [
        ("is there a red shape?", "yes"),
        ("is there a circle?", "no"),
        ("what shape is in the image?", "triangle"),
    ]
    negated = [("is there not a teal shape?", "no"), ("is no circle present?", "yes")]
    assert train_tiny_llava.shown(positive) == [2, 5]
    assert train_tiny_llava.shown(negated) == [train_tiny_llava.UNKNOWN, 6]


@pytest.mark.soak
def test_training_writes_a_checkpoint_with_a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = train_tiny_llava.Schedule(steps=3, images=4, rate=1e-3, decay=0.01)
    monkeypatch.setattr(train_tiny_llava, "VISION", short)
    monkeypatch.setattr(train_tiny_llava, "ANSWERS", short)
    monkeypatch.setattr(
        train_tiny_llava,
        "right_answers",
        lambda folder, image_size: {"yes or no": 0.5, "open": 0.25, "all": 0.375},
    )
    lines: list[str] = []
    train_tiny_llava.train_tiny_llava(tmp_path / "trained", report=lines.append)
    loaded = load_checkpoint(
        describe_local_or_hub(str(tmp_path / "trained")),
        tmp_path,
        device="cpu",
        dtype="float16",
        attention="sdpa",
    )
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float16}
    assert "| 64 | 50.0 % | 25.0 % | 37.5 % |" in (tmp_path / "trained/README.md").read_text()
    assert lines[0].startswith("vision 0/3: loss ")
