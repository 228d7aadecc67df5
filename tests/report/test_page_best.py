"""The landing page names the best model at the baseline only as far as intervals tell it apart from the next."""

from factories import identity_of, make_record

from vlm_profiling.report.pages.best import best_table

MODELS = {name: {"folder": f"checkpoints/{name}"} for name in ("slow", "quick", "right")}


def table_of(make_study, seconds):
    def answer(run):
        accuracy = 0.9 if run.model == "right" else 0.3
        return make_record(generate_s=seconds[run.model], accuracy=accuracy, **identity_of(run))

    study = make_study(answer, models=MODELS, axes={})
    cells = study.cells()
    study.merge()
    return best_table([cell for model in MODELS for cell in cells.baseline(model)])


def test_the_fastest_model_stands_before_the_next_with_both_intervals(make_study):
    table = table_of(make_study, {"slow": 0.4, "quick": 0.1, "right": 0.2})
    row = next(line for line in table.splitlines() if line.startswith("| Least time a sample"))
    assert row.index("[quick](quick.md) ") < row.index(", then [right](right.md) ")
    assert "slow" not in row and row.count(" ms") + row.count(" s,") + row.count(" s |") >= 2
    assert "Highest exact match | [right](right.md) " in table


def test_two_models_whose_intervals_meet_are_not_told_apart(make_study):
    table = table_of(make_study, {"slow": 0.4, "quick": 0.1, "right": 0.1001})
    row = next(line for line in table.splitlines() if line.startswith("| Least time a sample"))
    assert "not told apart from" in row


def test_one_model_alone_is_not_the_best(make_study):
    cells = make_study(models={"slow": MODELS["slow"]}, axes={}).cells()
    assert best_table(cells.baseline("slow")) == ""


def test_a_data_set_that_one_model_answered_has_no_column(make_study):
    study = make_study(
        lambda run: make_record(**identity_of(run)),
        models=MODELS,
        datasets={"shapes": {"package": "easy-vqa"}, "clips": {"folder": "datasets/moving-shapes"}},
        axes={},
        exclude=[{"models": ["slow", "quick"], "datasets": ["clips"]}],
    )
    study.merge()
    cells = study.cells()
    header = best_table([cell for model in MODELS for cell in cells.baseline(model)]).splitlines()[0]
    assert "shapes" in header and "clips" not in header
