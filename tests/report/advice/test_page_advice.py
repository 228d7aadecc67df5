"""Pages say what to try, how much it can give and why, and say so where there is nothing."""

from __future__ import annotations

from collections.abc import Callable

from advising import make_cell, make_stage_rows, make_subject
from factories import identity_of, make_record
from rendering import pages_of

from vlm_profiling.report.advice.base import Hint
from vlm_profiling.report.advice.registry import advise
from vlm_profiling.report.markdown import blocks_markdown
from vlm_profiling.report.pages.advice import Advice, advice_blocks, best_hints_blocks, gain


def _text(advice: Advice) -> str:
    return blocks_markdown(advice_blocks(advice))


def test_a_bound_and_a_measured_gain_are_distinguished() -> None:
    assert gain(Hint("Compile", 1.666, "host loop takes 40 %")) == "at most 1.67"
    assert gain(Hint("Compile", 1.312, "against fp32", (1.241, 1.389))) == "1.31 [1.24, 1.39], measured"


def test_every_hint_stands_with_its_evidence_and_text_from_outside_is_escaped() -> None:
    subject = make_subject(make_cell(checkpoint_processor="<b>|Pil"), stages=make_stage_rows())
    text = _text(Advice(subject, advise(subject)))
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert (
        len(rows) == 5
        and "at most 1.67 | preprocess takes 40 % of the end-to-end time (4 ms of 10 ms a batch) |" in rows[0]
    )
    assert "<b>" not in text and "Not worth an effort on their own: transfer (1 %), detokenise (1 %)" in text


def test_nothing_to_try_is_said() -> None:
    assert _text(Advice(make_subject(), [])).startswith("Nothing: no measured part takes 5 % or more")


def test_what_an_audit_failed_is_left_out_and_named() -> None:
    cell = make_cell(flags={"stages": ("parts sum to whole: 9 %",), "memory": ("right device: 0 B",)})
    assert _text(Advice(make_subject(cell), [])) == "No hint uses metrics that a failed audit flags: stages."


def test_the_index_shows_most_room_and_the_fastest_setting_of_each_model() -> None:
    hints = [
        Hint("Decode less", 1.9, "decode takes 47 %"),
        Hint("Use bf16", 1.3, "against fp32", (1.2, 1.4)),
        Hint("No", 1.1, ""),
    ]
    text = blocks_markdown(
        best_hints_blocks({"tiny-llava": [Advice(make_subject(), hints), Advice(make_subject(), [])]})
    )
    rows = text.splitlines()[2:]
    assert rows == [
        "| [tiny-llava](tiny-llava.md) | Decode less | at most 1.9 | Use bf16 | 1.3 [1.2, 1.4], measured |",
        "| [tiny-llava](tiny-llava.md) | – | – | – | – |",
    ]
    assert best_hints_blocks({}) == []


def test_the_pages_of_a_study_hold_the_advice(make_study: Callable) -> None:
    study = make_study(lambda run: make_record(samples=48, noise=0.01, **identity_of(run)), axes={})
    pages = pages_of(study)
    evidence = "| at most 1.56 | decode takes 35.9 % of the end-to-end time"
    assert "## What to try next" in pages["trained"] and evidence in pages["trained"]
    assert pages["index"].count("Read the weights for more answers at once") == 2
    assert "[random](random.md) | Read" in pages["index"]
