"""Columns are the schema's fields under their paths."""

import msgspec
import pytest
from factories import make_failed_record, make_record

from vlm_profiling.record.schema import RunRecord, Sample
from vlm_profiling.tables.columns import optional_columns, section_columns


def columns_of(*records):
    return {column.name: column.to_list() for column in optional_columns(records, RunRecord)}


def test_a_figure_is_named_by_its_path_and_ends_with_its_unit():
    record = make_record()
    columns = columns_of(record)
    assert columns["generate_mean_s"] == [record.headline.generate.mean_s]
    assert columns["generate_sampling_low_s"] == [record.headline.generate.sampling.low]
    assert columns["peak_process_bytes"] == [2**30]
    assert columns["environment_cpu_cores"] == [2]
    assert columns["wer_interval_high"] == [record.quality.wer_interval.high]


def test_what_a_record_lacks_is_null_and_rows_stay_in_their_order():
    record = make_record()
    columns = columns_of(None, record, make_failed_record("oom", "2.5 GiB too much"), record)
    mean = record.headline.generate.mean_s
    assert columns["generate_mean_s"] == [None, mean, None, mean]
    assert columns["failure_reason"] == [None, None, "2.5 GiB too much", None]
    assert columns["energy_gpu_per_sample_j"] == [None] * 4


def test_the_reasons_of_missing_figures_stand_beside_them():
    columns = columns_of(make_record(accuracy=None))
    assert msgspec.json.decode(columns["energy_absent"][0])["cpu"] == "no RAPL on this host"
    assert msgspec.json.decode(columns["quality_absent"][0])["wer"] == "not applicable: random weights"
    assert "peak_allocated_bytes" in msgspec.json.decode(columns["memory_absent"][0])


def test_no_two_columns_share_a_name():
    names = [column.name for column in section_columns([make_record()], RunRecord)]
    assert len(set(names)) == len(names)


def test_pairs_become_two_numbers_and_lists_json():
    sample = make_record(side=28).samples[0]
    columns = {column.name: column.to_list() for column in section_columns([sample], Sample)}
    assert (columns["effective_width"], columns["effective_height"]) == ([28], [28])
    assert (columns["vision_grid_rows"], columns["vision_grid_columns"]) == ([2], [2])
    assert columns["references"] == ['["blue"]']


@pytest.mark.parametrize("kind", [RunRecord, Sample])
def test_without_rows_columns_keep_their_types(kind):
    rows = [make_record()] if kind is RunRecord else make_record().samples
    empty = [(column.name, column.dtype) for column in section_columns([], kind)]
    assert empty == [(column.name, column.dtype) for column in section_columns(rows, kind)]
