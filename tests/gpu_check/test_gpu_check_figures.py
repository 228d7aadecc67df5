"""Figures of a check: whether each holds its bound, and what they say where nothing was measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import make_record

from vlm_profiling.gpu_check.evidence import StudyEvidence
from vlm_profiling.gpu_check.facts import Overhead, PartState, Ratio
from vlm_profiling.gpu_check.figures import (
    again_figures,
    decode_figure,
    overhead_figures,
    record_figures,
    tiny_figures,
)
from vlm_profiling.gpu_check.parts import PARTS, Part, run_part
from vlm_profiling.gpu_check.studies import open_studies
from vlm_profiling.gpu_check.summary import read_states, write_summary
from vlm_profiling.study.config import STANDARD_OPTIMIZATIONS

NOTHING = StudyEvidence(Path("nowhere"))


@pytest.mark.parametrize(("ratio", "holds"), [(1.004, True), (1.006, False)])
def test_the_headline_pass_may_cost_half_a_percent(ratio: float, holds: bool) -> None:
    near = Ratio(median=ratio, low=ratio, high=ratio, pairs=40)
    one = Ratio(median=1.0, low=1.0, high=1.0, pairs=20)
    overhead = Overhead(model="llava", new_tokens=8, bare_s=0.2, headline=near, stages=one, stages_sum=one)

    figures = list(overhead_figures(overhead))
    assert [figure.holds for figure in figures] == [holds, True, True]
    assert figures[0].value.startswith(f"{ratio:.4f}")


def test_a_cell_measured_twice_is_compared_with_the_first() -> None:
    first, second = make_record(), make_record()
    assert first.headline and second.headline
    second.headline.generate.mean_s = 1.03 * first.headline.generate.mean_s

    latency, energy = again_figures(first, second)
    assert (latency.holds, latency.value[:6]) == (False, "1.0300")
    assert energy.holds is None


def test_nothing_measured_is_said_and_holds_nothing() -> None:
    figures = [
        *overhead_figures(None),
        *record_figures(NOTHING),
        decode_figure(NOTHING, None),
        *again_figures(None, None),
    ]
    assert {figure.holds for figure in [*figures, *tiny_figures(NOTHING)]} == {None}


def test_a_part_without_time_is_skipped_with_the_reason() -> None:
    state = run_part(
        Part(lambda device, deadline_s: ("done", device), budget_s=60, least_s=10), "cpu", deadline_s=0.0
    )
    assert (state.state, state.note) == ("skipped", "0 s were left, it needs 10 s")


def test_a_summary_of_an_empty_folder_reads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    states = {"tables": PartState(state="skipped", note="no polars", seconds=0.0)}
    write_summary("cuda", states)

    assert read_states() == states
    assert "| tables | skipped | 0 s | no polars |" in Path("summary.md").read_text()


def test_the_studies_ask_what_the_check_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    studies = open_studies("cuda")
    models, tiny = (list(studies[name].workflow.runs.values()) for name in ("models", "tiny"))

    first = [(run.model, run.point.batch_size) for run in models[:6]]
    assert first[:2] == [("llava-1.5-7b-hf", 1), ("llava-1.5-7b-hf", 16)]
    assert {model for model, _ in first} == {"llava-1.5-7b-hf", "Qwen2.5-VL-3B-Instruct", "blip2-opt-2.7b"}
    assert {run.point.optimization for run in tiny} == set(STANDARD_OPTIMIZATIONS)
    assert len({run.model for run in tiny}) == 6


def test_the_budgets_of_all_parts_leave_room_for_the_models() -> None:
    others = sum(part.least_s for name, part in PARTS.items() if name != "models")
    assert others + PARTS["models"].budget_s <= 9 * 60 - 15
