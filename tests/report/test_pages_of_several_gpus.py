"""A model on several GPUs in tables, pages and exports: how many they are, and what their sums are."""

from __future__ import annotations

import test_page_memory
from factories import identity_of, make_environment, make_record, on_two_gpus
from msgspec.structs import replace

from vlm_profiling.report.exports.mlperf import system_description
from vlm_profiling.report.pages.index import index_page
from vlm_profiling.report.pages.model import model_page

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
    cells = {cell.model: cell for cell in study.cells().all}
    assert (cells["trained"].gpus, cells["random"].gpus) == (2, 1)
    assert cells["trained"].gpu_names == "2 x NVIDIA H100 80GB HBM3"
    assert cells["random"].gpu_names == "NVIDIA H100 80GB HBM3"


def test_a_run_on_the_cpu_lies_on_no_gpu(make_study, usual_answer) -> None:
    study = make_study(usual_answer, models=SETTINGS["models"])
    assert {(cell.gpus, cell.gpu_names) for cell in study.cells().all} == {(0, None)}


def test_pages_name_the_gpus_and_say_what_sums_are(make_study) -> None:
    study = make_study(answer, **SETTINGS)
    cells, tables = study.cells(), study.folder / "tables"
    index = index_page(cells, tables, "plots", "tables")
    assert "[trained](trained.md) (2 GPUs)" in index and "[random](random.md) (" not in index
    assert "2 x NVIDIA H100 80GB HBM3, driver 570.86" in index

    page = model_page(cells, "trained", tables, "plots")
    assert (
        "Its layers lie on 2 GPUs, one after another, and one works at a time: joules and memory are sums over all."
        in page
    )
    assert (
        "The ceilings are those of one GPU: the layers lie on 2, one after another, and one works at a time."
        in page
    )
    assert "Figures are sums over 2 GPUs of each one's own peak" in page
    assert "allocated by torch 4.000 + 4.000 GiB: together they never held more." in page
    assert "Predicted were 0.09766 GiB of each, were they filled evenly." in page
    assert "GPUs" not in model_page(cells, "random", tables, "plots")


def test_the_system_description_counts_the_accelerators() -> None:
    record = on_two_gpus(make_record(point=replace(make_record().point, device="cuda")))
    described = system_description(record.environment)
    assert described["accelerators_per_node"] == "2"
    assert described["accelerator_model_name"] == "NVIDIA H100 80GB HBM3"
    assert system_description(make_environment("cuda"))["accelerators_per_node"] == "1"
