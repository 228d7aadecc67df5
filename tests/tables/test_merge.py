"""Tables hold what the records hold, one row a run and one a sample, however they are read."""

import polars as pl
import pytest
from factories import make_layers

from vlm_profiling.record.files import RecordError, read_record, write_record
from vlm_profiling.tables import write as tables_module
from vlm_profiling.tables.files import TABLES
from vlm_profiling.tables.write import merge_runs, read_costs


def test_one_row_a_run_in_the_order_of_the_grid(make_study):
    study = make_study()
    runs = pl.read_parquet(study.merge() / "runs.parquet")
    assert runs["key"].to_list() == [run.key for run in study.runs]
    assert runs["status"].to_list().count("unsupported") == 2
    assert runs.filter(pl.col("status") == "oom")["reason"].to_list() == ["tried to allocate 2.5 GiB"]
    first = read_record(study.record_path(study.runs[0]))
    assert runs["generate_mean_s"][0] == first.headline.generate.mean_s
    assert runs["axes"][0] == "baseline,batch_size,image_size,optimization"


def test_one_row_a_sample_with_its_batch(make_study):
    study = make_study()
    samples = pl.read_parquet(study.merge() / "samples.parquet")
    first = read_record(study.record_path(study.runs[0]))
    own = samples.filter(pl.col("model") == "trained", pl.col("key") == study.runs[0].key)
    assert own["answer"].to_list() == [sample.answer for sample in first.samples]
    assert own["batch_generate_s"].to_list() == [
        first.batches[sample.batch].generate_s for sample in first.samples
    ]
    assert own["batch_rows"].to_list() == [2] * 8


def test_csv_says_what_parquet_says(make_study):
    folder = make_study().merge()
    for name in TABLES:
        parquet = pl.read_parquet(folder / f"{name}.parquet")
        csv = pl.read_csv(folder / f"{name}.csv", schema=parquet.schema)
        assert csv.equals(parquet)


def test_missing_and_malformed_records_are_rows_that_say_so(make_study):
    study = make_study()
    study.record_path(study.runs[0]).unlink()
    study.record_path(study.runs[1]).write_bytes(b'{"schema')
    runs = pl.read_parquet(study.merge() / "runs.parquet")
    assert runs["state"].to_list()[:3] == ["missing", "malformed", "current"]
    assert study.runs[1].name in runs["reason"][1]
    assert runs["generate_mean_s"].to_list()[:2] == [None, None]


def test_a_study_without_any_record_has_tables_too(make_study):
    study = make_study()
    for run in study.runs:
        study.record_path(run).unlink()
    folder = study.merge()
    assert set(pl.read_parquet(folder / "runs.parquet")["status"]) == {"missing"}
    assert pl.read_parquet(folder / "samples.parquet").shape[0] == 0


def test_chunks_and_processes_change_nothing(make_study, monkeypatch, tmp_path):
    study = make_study()
    whole = study.merge()
    monkeypatch.setattr(tables_module, "CHUNK", 3)
    costs = read_costs(study.folder / "costs", study.study.models)
    counts = merge_runs(study.runs, study.folder / "runs", costs, tmp_path / "chunked")
    monkeypatch.setattr(tables_module, "POOL_FROM", 1)
    pooled = merge_runs(study.runs, study.folder / "runs", costs, tmp_path / "pooled")
    assert counts == pooled
    for name in ("runs.csv", "samples.csv"):
        assert (tmp_path / "chunked" / name).read_bytes() == (whole / name).read_bytes()
        assert (tmp_path / "pooled" / name).read_bytes() == (whole / name).read_bytes()


def test_a_malformed_cost_file_is_named(tmp_path):
    (tmp_path / "trained.json").write_text("{")
    with pytest.raises(RecordError, match=r"trained\.json"):
        read_costs(tmp_path, ["trained"])


def test_one_row_a_stage_with_its_share_and_in_the_runs_row_what_holds_for_all(make_study):
    study = make_study()
    stages = pl.read_parquet(study.merge() / "stages.parquet")
    own = stages.filter(pl.col("model") == "trained", pl.col("key") == study.runs[0].key)
    record = read_record(study.record_path(study.runs[0])).stages
    assert own["stage"].to_list() == list(record.times)
    assert own["time_mean_s"].to_list() == [stage.time.mean_s for stage in record.times.values()]
    assert own["share"].sum() == pytest.approx(1 - record.unattributed_share)
    row = pl.read_parquet(study.merge() / "runs.parquet").row(0, named=True)
    assert row["stages_against_headline"] == record.against_headline
    assert row["stages_end_to_end_mean_s"] == record.end_to_end.mean_s


def test_first_and_further_tokens_are_columns_of_runs(make_study):
    study = make_study()
    runs = pl.read_parquet(study.merge() / "runs.parquet")
    serving = read_record(study.record_path(study.runs[0])).serving
    assert runs["ttft_mean_s"][0] == serving.ttft.mean_s
    assert runs["tpot_sampling_high_s"][0] == serving.tpot.sampling.high


def test_one_row_a_layer_of_runs_that_have_layers(make_study):
    study = make_study()
    assert pl.read_parquet(study.merge() / "layers.parquet").is_empty()
    record = read_record(study.record_path(study.runs[0]))
    record.layers = make_layers(generate_s=2.0)
    write_record(study.record_path(study.runs[0]), record)
    layers = pl.read_parquet(study.merge() / "layers.parquet")
    assert layers["key"].to_list() == [study.runs[0].key] * 3
    assert layers["block"].to_list() == ["mlp", "attention", "convolution"]
    assert layers["total_s"].to_list() == pytest.approx([0.6, 0.4, 0.2])
    assert pl.read_parquet(study.merge() / "runs.parquet")["layers_coverage"][0] == 0.6
