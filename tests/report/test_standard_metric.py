"""The pages show a data set's standard metric next to word error rate, where it has one."""

from __future__ import annotations

import msgspec
from factories import identity_of, make_record

from vlm_profiling.metrics.estimate import Estimate
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.schema import Standard
from vlm_profiling.record.sections import Interval
from vlm_profiling.report.markdown import blocks_markdown
from vlm_profiling.report.pages.runs import axis_blocks, baseline_blocks, models_blocks

DATASETS = {"vqa": {"package": "easy-vqa"}, "photos": {"package": "easy-vqa", "samples": 8}}
OF_VQA = Standard(metric="vqa_accuracy", value=0.625, interval=Interval(mean=0.625, low=0.5, high=0.75))
OF_PHOTOS = Standard(metric="cider_d", value=1.25)


def answer(run):
    """Every trained model's run has the metric of its data set."""
    accuracy = None if run.model == "random" else 0.75
    record = make_record(accuracy=accuracy, **identity_of(run))
    assert record.quality is not None
    if accuracy is None:
        return record
    figures = (
        {"standard": OF_VQA}
        if run.dataset == "vqa"
        else {"standard": OF_PHOTOS, "bleu_4": 0.25, "rouge_l": 0.5}
    )
    return msgspec.structs.replace(record, quality=msgspec.structs.replace(record.quality, **figures))


def test_a_cell_has_the_metric_of_its_data_set_and_no_other(make_study):
    vqa, photos = make_study(answer, datasets=DATASETS).run_rows().baseline("trained")
    assert vqa.estimate("vqa_accuracy") == Estimate(0.625, (0.5, 0.75), 8)
    assert vqa.estimate("cider_d") == Absent("the data set's standard metric is vqa_accuracy")
    assert photos.estimate("cider_d") == Estimate(1.25, None, 8)
    assert (photos.estimate("bleu_4"), photos.estimate("rouge_l")) == (
        Estimate(0.25, None, 8),
        Estimate(0.5, None, 8),
    )


def test_the_tables_have_a_column_for_each_metric_that_was_taken(make_study):
    rows = make_study(answer, datasets=DATASETS).run_rows()
    vqa, photos = rows.baseline("trained")
    models = blocks_markdown(models_blocks([vqa, rows.baseline("random")[0]]))
    assert "VQA accuracy (%)" in models and "CIDEr-D" not in models
    assert "62.5" in models
    both = blocks_markdown(baseline_blocks([vqa, photos]))
    assert "CIDEr-D (× 100)" in both and "BLEU-4 (%)" in both and "| 125" in both
    line = rows.axis("trained", "batch_size")[0]
    assert "VQA accuracy (%)" in blocks_markdown(axis_blocks("batch_size", line, {}))


def test_random_weights_have_no_column_for_it(make_study):
    rows = make_study(answer, datasets=DATASETS).run_rows().baseline("random")
    assert "accuracy" not in blocks_markdown(models_blocks(rows[:1]))
