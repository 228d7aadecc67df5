"""A model on several GPUs in tables, pages and exports: how many they are, and what their sums are."""

from __future__ import annotations

import test_page_memory
from factories import identity_of, make_environment, make_record, on_two_gpus
from msgspec.structs import replace
from rendering import pages_of

from vlm_profiling.report.exports.mlperf import system_description

SETTINGS = {
    "models": {"trained": {"folder": "checkpoints/trained", "gpus": 2}, "random": {"tiny": "llava"}},
    "baseline": {"device": "cuda", "optimization": "fp32", "batch_size": 2},
    "axes": {},
}
PREDICTED = replace(test_page_memory.PREDICTED, per_gpu_bytes=100 * test_page_memory.MEBIBYTE)


def answer(run):
    record = make_record(generate_s=0.02, accuracy=0.75, **identity_of(run))
    record = on_two_gpus(record) if run.model == "trained" else record
    assert record.memory
    return replace(record, memory=replace(record.memory, predicted=PREDICTED))


def test_tables_say_how_many_gpus_a_run_lay_on(make_study) -> None:
    study = make_study(answer, **SETTINGS)
    cells = {cell.model: cell for cell in study.run_rows().all}
    assert (cells["trained"].gpus, cells["random"].gpus) == (2, 1)
    assert cells["trained"].gpu_names == "2 x NVIDIA H100 80GB HBM3"
    assert cells["random"].gpu_names == "NVIDIA H100 80GB HBM3"


def test_a_run_on_the_cpu_lies_on_no_gpu(make_study, usual_answer) -> None:
    study = make_study(usual_answer, models=SETTINGS["models"])
    assert {(cell.gpus, cell.gpu_names) for cell in study.run_rows().all} == {(0, None)}


def test_pages_name_the_gpus_and_say_what_sums_are(make_study) -> None:
    study = make_study(answer, **SETTINGS)
    pages = pages_of(study)
    assert (
        "[trained](trained.md) (2 GPUs)" in pages["index"] and "[random](random.md) (" not in pages["index"]
    )
    assert "2 x NVIDIA H100 80GB HBM3, driver 570.86" in pages["index"]
    page = pages["trained"]
    assert (
        "Its layers are spread over 2 GPUs, which work one after another: energy and memory are sums" in page
    )
    assert "The ceilings are those of one GPU: the layers are spread over 2, which work one after" in page
    assert "Measured values are sums of the peaks of 2 GPUs (allocated by torch: 4.000 + 4.000 GiB)" in page
    assert "If they were filled evenly, 0.09766 GiB were predicted of each." in page
    assert "GPUs" not in pages["random"]


def test_the_system_description_counts_the_accelerators() -> None:
    record = on_two_gpus(make_record(point=replace(make_record().point, device="cuda")))
    described = system_description(record.environment)
    assert described["accelerators_per_node"] == "2"
    assert described["accelerator_model_name"] == "NVIDIA H100 80GB HBM3"
    assert system_description(make_environment("cuda"))["accelerators_per_node"] == "1"
