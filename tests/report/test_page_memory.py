"""A model's page shows the memory that was predicted and measured, even of a run out of memory."""

from __future__ import annotations

import msgspec
from factories import make_failed_record
from rendering import pages_of, section

from vlm_profiling.record.machine import Memory, PredictedMemory

MEBIBYTE = 2**20
PREDICTED = PredictedMemory(
    weight_bytes=100 * MEBIBYTE,
    kv_cache_bytes=20 * MEBIBYTE,
    activation_bytes=30 * MEBIBYTE,
    overhead_bytes=50 * MEBIBYTE,
    allocated_bytes=150 * MEBIBYTE,
    peak_bytes=200 * MEBIBYTE,
    basis="the prepared batches",
)


def memory_rows(make_study, answer) -> tuple[dict[str, list[str]], str]:
    text = section(pages_of(make_study(answer))["trained"], "Memory")
    lines = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return {line[0]: line[1:] for line in lines[2:]}, text


def test_each_part_has_its_prediction_and_its_measurement(make_study, usual_answer):
    def answer(run):
        record = usual_answer(run)
        record.memory = Memory(
            predicted=PREDICTED,
            kv_cache_bytes=20 * MEBIBYTE,
            peak_process_bytes=160 * MEBIBYTE,
            peak_allocated_bytes=125 * MEBIBYTE,
        )
        return record

    rows, text = memory_rows(make_study, answer)
    assert rows["Keys and values of the largest batch"][-1] == "100.0"
    assert rows["Activations at the peak"][1:] == ["–", "–"]
    assert rows["**Allocated by torch**"][-1] == "120.0"
    assert rows["**The whole process**"][-1] == "125.0"
    assert "Predicted from the prepared batches." in text


def test_a_run_out_of_memory_shows_what_was_predicted(make_study, usual_answer):
    def answer(run):
        identity = {
            name: getattr(usual_answer(run), name)
            for name in ("model", "dataset_name", "point", "key", "spec")
        }
        return msgspec.structs.replace(make_failed_record(**identity), memory=Memory(predicted=PREDICTED))

    rows, text = memory_rows(make_study, answer)
    assert rows["**The whole process**"][1:] == ["–", "–"]
    assert "**oom**: CUDA out of memory" in text


def test_without_a_prediction_there_is_no_such_section(make_study, usual_answer):
    assert memory_rows(make_study, usual_answer) == ({}, "")
