"""All tables of a study are read once, as typed rows found by the run's key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vlm_profiling.record.breakdown import IMAGE_STAGES
from vlm_profiling.record.files import RecordError, read_record
from vlm_profiling.tables.study_tables import StudyTables

OPTIMIZATIONS = {"fp32": {"dtype": "float32"}, "bf16": {"dtype": "bfloat16"}}


def test_rows_of_a_run_are_found_by_its_key_in_every_table(make_study: Callable) -> None:
    study = make_study(
        models={"trained": {"folder": "checkpoints/trained"}},
        optimizations=OPTIMIZATIONS,
        axes={"optimization": {"values": list(OPTIMIZATIONS)}},
    )
    tables = StudyTables.read(study.study, study.merge())
    reference, compared = tables.runs.on_axis("trained", "optimization")
    record = read_record(study.record_path(study.runs[0]))
    assert [row.stage for row in tables.stages[reference.place]] == list(IMAGE_STAGES)
    assert {row.ceiling for row in tables.roofline[reference.place]} == {"measured", "datasheet"}
    assert tables.drift[compared.place].reference_key == reference.key
    assert [sample.id for sample in tables.samples[reference.place]] == [
        sample.id for sample in record.samples
    ]
    assert tables.batch_times[reference.place].seconds == tuple(
        batch.generate_s for batch in record.batches if batch.full
    )
    assert {finding.key for finding in tables.findings} == {reference.key, compared.key}


@pytest.mark.parametrize("name", ["runs", "audits", "samples", "stages", "layers", "roofline", "drift"])
def test_a_missing_table_is_named(name: str, make_study: Callable) -> None:
    study = make_study()
    tables = study.merge()
    (tables / f"{name}.parquet").unlink()
    with pytest.raises(RecordError, match=f"{name}.parquet"):
        StudyTables.read(study.study, tables)
