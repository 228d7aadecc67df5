"""The landing page names the best model only as far as intervals distinguish it from the next one."""

from factories import identity_of, make_record
from rendering import pages_of, tables_of

from vlm_profiling.report.markdown import table_markdown
from vlm_profiling.report.pages.index import best_table

MODELS = {name: {"folder": f"checkpoints/{name}"} for name in ("slow", "quick", "right")}


def best_of(make_study, seconds):
    def answer(run):
        accuracy = 0.9 if run.model == "right" else 0.3
        return make_record(generate_s=seconds[run.model], accuracy=accuracy, **identity_of(run))

    tables = tables_of(make_study(answer, models=MODELS, axes={}))
    table = best_table([row for model in MODELS for row in tables.runs.baseline(model)])
    assert table
    return table_markdown(table)


def test_the_fastest_model_is_before_the_next_with_both_intervals(make_study):
    table = best_of(make_study, {"slow": 0.4, "quick": 0.1, "right": 0.2})
    row = next(line for line in table.splitlines() if line.startswith("| Lowest latency per sample"))
    assert row.index("[quick](quick.md) ") < row.index(", then [right](right.md) ")
    assert "slow" not in row and row.count(" ms, then") + row.count(" ms |") == 2
    assert "Highest exact match | [right](right.md) " in table


def test_two_models_whose_intervals_overlap_are_not_distinguished(make_study):
    table = best_of(make_study, {"slow": 0.4, "quick": 0.1, "right": 0.1001})
    row = next(line for line in table.splitlines() if line.startswith("| Lowest latency per sample"))
    assert "not distinguishable from" in row


def test_one_model_alone_is_not_the_best(make_study):
    tables = tables_of(make_study(models={"slow": MODELS["slow"]}, axes={}))
    assert best_table(tables.runs.baseline("slow")) is None


def test_a_data_set_that_one_model_answered_has_no_column(make_study):
    study = make_study(
        lambda run: make_record(**identity_of(run)),
        models=MODELS,
        datasets={"shapes": {"package": "easy-vqa"}, "clips": {"folder": "datasets/moving-shapes"}},
        axes={},
        exclude=[{"models": ["slow", "quick"], "datasets": ["clips"]}],
    )
    tables = tables_of(study)
    table = best_table([row for model in MODELS for row in tables.runs.baseline(model)])
    assert table and [column.title for column in table.columns] == ["Metric", "shapes"]


def test_the_index_says_where_samples_come_from_and_their_licence(make_study):
    def from_the_hub(run):
        record = make_record(**identity_of(run))
        assert record.dataset is not None
        facts = {"source": "owner/set", "split": "test", "prompt": "raw", "licence": "cc-by-4.0"}
        for name, value in facts.items():
            setattr(record.dataset, name, value)
        return record

    page = pages_of(make_study(from_the_hub))["index"]
    assert "8 samples, from owner/set, split test, prompts raw, licence cc-by-4.0." in page
