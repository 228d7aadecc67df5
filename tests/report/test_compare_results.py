"""Two results folders are compared cell by cell, with the four verdicts, and an exit code that a CI can act
on.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from factories import identity_of, make_environment, make_failed_record, make_record
from PIL import Image
from study_folder import StudyFolder, write_study

from vlm_profiling.record.absent import Absent
from vlm_profiling.record.files import RecordError
from vlm_profiling.record.machine import Memory
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.report.comparison.comparison import NothingMatchesError, compare_results, differences
from vlm_profiling.report.comparison.page import comparison_lines, comparison_page
from vlm_profiling.report.markdown import page_markdown
from vlm_profiling.study import Run
from vlm_profiling.tables.results_folder import read_results

SCRIPTS = Path(__file__).parents[2] / "scripts"
SETTINGS = {
    "name": "before",
    "models": {"trained": {"folder": "checkpoints/trained"}, "random": {"tiny": "llava"}},
    "datasets": {"vqa": {"package": "easy-vqa"}},
    "optimizations": {"fp32": {"dtype": "float32"}, "bf16": {"dtype": "bfloat16"}},
    "baseline": {"device": "cuda", "optimization": "fp32", "batch_size": 2},
    "axes": {"batch_size": {"values": [1, 2]}, "optimization": {"values": ["fp32", "bf16"]}},
}


def run_by(slower: float = 1.0, samples: int = 16, **overrides) -> Callable[[Run], RunRecord]:
    """Runs that take `slower` times what a batch takes."""

    def answer(run: Run) -> RunRecord:
        accuracy = None if run.model == "random" else 0.75
        seconds = slower * 0.02 * run.point.batch_size
        return make_record(
            generate_s=seconds, samples=samples, accuracy=accuracy, **identity_of(run), **overrides
        )

    return answer


UNCHANGED = run_by()


@pytest.fixture
def make_side(tmp_path) -> Callable[..., Path]:
    """Write a results folder: `make_side("after", answer, **changed_settings)`."""

    def make(
        name: str, answer: Callable[[Run], RunRecord] = UNCHANGED, *, merged: bool = True, **changes
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        study: StudyFolder = write_study(folder, SETTINGS | {"name": name} | changes, answer)
        if merged:
            study.merge()
        return folder

    return make


def compare(before: Path, after: Path, optimizations=None):
    return compare_results(read_results(before), read_results(after), optimizations)


def run_script(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / "vlm.py"), "compare", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_cells_are_paired_batch_by_batch_also_where_their_keys_differ(make_side):
    before = make_side("before")
    after = make_side("after", run_by(1.1), protocol={"max_new_tokens": 20}, hardware="h200")
    comparison = compare(before, after)
    assert len(comparison.pairs) == 6 and comparison.alone == (0, 0)
    for pair in comparison.pairs:
        assert pair.before.cell.key != pair.after.cell.key
        latency = pair.effects["latency"]
        assert latency.entry.value == pytest.approx(1.1)
        assert latency.entry.interval == (pytest.approx(1.1), pytest.approx(1.1)), (
            "each batch is 1.1 times as slow"
        )
        assert latency.entry.verdict == "worse"
        assert latency.band == 0.01
    assert comparison.differences["protocol.max_new_tokens", "50", "20"] == 6
    assert comparison.differences["hardware", "none", "h200"] == 6


def test_energy_memory_and_quality_have_verdicts_of_their_own(make_side):
    grown = Memory(peak_allocated_bytes=9 * 2**30)
    comparison = compare(make_side("before"), make_side("after", run_by(1.2, memory=grown)))
    trained = next(pair for pair in comparison.pairs if pair.before.cell.model == "trained")
    energy, memory, quality = (trained.effects[name] for name in ("energy", "memory", "quality"))
    assert (energy.entry.value, energy.entry.verdict) == (pytest.approx(1.2), "worse")
    assert energy.entry.interval == (pytest.approx(1.2 * 0.98 / 1.02), pytest.approx(1.2 * 1.02 / 0.98)), (
        "2 % a meter"
    )
    assert energy.bounds[0] < energy.entry.interval[0]
    assert (memory.entry.value, memory.entry.verdict) == (pytest.approx(9 / 8), "worse")
    assert (quality.entry.value, quality.entry.verdict) == (0, "ambiguous"), (
        "no answer changed, of 16: 3 / 16 may"
    )
    assert trained.same_answers == (16, 16)
    random = next(pair for pair in comparison.pairs if pair.before.cell.model == "random")
    assert random.effects["quality"].entry == Absent("not applicable: random weights")


def test_worse_answers_are_found_sample_by_sample(make_side):
    before = make_side("before", run_by(samples=200))

    def forgetful(run: Run) -> RunRecord:
        record = run_by(samples=200)(run)
        for sample in record.samples[::4]:
            sample.answer, sample.exact_match = "gray", None if sample.exact_match is None else False
        return record

    comparison = compare(before, make_side("after", forgetful))
    trained = next(pair for pair in comparison.pairs if pair.before.cell.model == "trained")
    quality = trained.effects["quality"].entry
    assert quality.verdict == "worse"
    assert -0.25 < quality.value < -0.1 and quality.interval[1] < 0
    assert comparison.failures(["quality"])
    same, asked = trained.same_answers
    assert asked == 200 and same < 200


def test_a_failed_audit_marks_the_ratio(make_side):
    def too_fast(run: Run) -> RunRecord:
        record = run_by()(run)
        record.energy = msgspec.structs.replace(
            record.energy, gpu=msgspec.structs.replace(record.energy.gpu, device="GPU-1")
        )
        return record

    pair = compare(make_side("before"), make_side("after", too_fast)).pairs[0]
    assert any(flag.startswith("right device") for flag in pair.effects["energy"].entry.flags)


def test_records_are_merged_where_there_are_no_tables_and_it_is_said_that_nothing_was_audited(make_side):
    comparison = compare(make_side("before", merged=False), make_side("after", merged=False))
    assert len(comparison.pairs) == 6
    assert any("no audits" in note for note in comparison.before.notes)


def test_what_the_sides_were_made_of_is_told(make_side):
    driver = make_environment("cuda")
    driver.gpu.driver = "575.10"
    comparison = compare(make_side("before"), make_side("after", run_by(environment=driver)))
    assert dict(comparison.differences) == {("driver", "570.86", "575.10"): 6}
    text = "\n".join(comparison_lines(comparison))
    assert "driver: 570.86 → 575.10 (6 runs)" in text


def test_two_optimizations_of_one_study(make_side):
    def answer(run: Run) -> RunRecord:
        return run_by(0.5 if run.point.optimization == "bf16" else 1.0)(run)

    folder = make_side("before", answer)
    comparison = compare(folder, folder, ("fp32", "bf16"))
    assert [pair.effects["latency"].entry.verdict for pair in comparison.pairs] == ["better", "better"]
    assert comparison.alone == (2, 0), "batch size 1 has no bf16"
    assert not comparison.differences, "what was asked for is no difference"
    assert differences(comparison.pairs[0].before.record, comparison.pairs[0].after.record)
    assert "(fp32 → bf16)" in page_markdown(comparison_page(comparison, "chart.svg"))


def test_a_lost_cell_is_told_and_counts(make_side):
    def out_of_memory(run: Run) -> RunRecord:
        if run.point.batch_size == 1:
            return make_failed_record("oom", "tried to allocate 2.5 GiB", **identity_of(run))
        return run_by()(run)

    comparison = compare(make_side("before"), make_side("after", out_of_memory))
    assert [word for _, word in comparison.failures(["lost", "latency"])] == ["lost", "lost"]
    assert not comparison.differences, "a run that failed early does not tell which checkpoint it was of"
    text = "\n".join(comparison_lines(comparison))
    assert "4 compared, 2 lost their results" in text and "oom: tried to allocate 2.5 GiB" in text


def test_other_numbers_of_tokens_are_other_work(make_side):
    def longer(run: Run) -> RunRecord:
        record = run_by()(run)
        for sample in record.samples:
            sample.generated_tokens = 3
        return record

    text = "\n".join(comparison_lines(compare(make_side("before"), make_side("after", longer))))
    assert "6 runs read or wrote different numbers of tokens" in text


def test_of_two_records_of_a_cell_the_newer_one_counts(make_side):
    folder = make_side("before")
    old = make_side(
        "old", run_by(9.0, started_at="2025-01-01T00:00:00+00:00"), protocol={"max_new_tokens": 20}
    )
    shutil.copytree(old / "runs", folder / "runs", dirs_exist_ok=True)
    (folder / "runs" / "notes.json").write_text("{}")
    results = read_results(folder)
    assert len(results.cells) == 6
    assert results.cells[next(iter(results.cells))].cell.estimate("generate_s").value < 0.1
    assert "6 older records of cells that were measured again are left out" in results.notes
    assert any(note.startswith("notes.json is no record") for note in results.notes)


def test_chance_among_many_cells_is_no_failure(make_side):
    """A cell alone is slower by 1.5 %; among six such comparisons that is not beyond chance."""

    def one_slower(run: Run) -> RunRecord:
        return run_by(1.0115 if run.point.batch_size == 1 and run.model == "trained" else 1.0)(run)

    before = make_side("before")
    comparison = compare(before, make_side("after", one_slower))
    assert [pair.effects["latency"].entry.verdict for pair in comparison.pairs].count("worse") == 1
    assert not comparison.failures(["latency"])
    alone = compare_results(
        read_results(before),
        read_results(
            make_side(
                "alone",
                one_slower,
                models={"trained": SETTINGS["models"]["trained"]},
                axes={},
                include=[{"set": {"batch_size": 1}}],
                exclude=[{"set": {"batch_size": 2}}],
            )
        ),
    )
    assert [word for _, word in alone.failures(["latency"])] == ["latency worse"]


def test_nothing_in_common_says_what_either_side_holds(make_side):
    other = make_side("after", models={"fuyu": {"tiny": "fuyu"}})
    with pytest.raises(NothingMatchesError, match=r"models random, trained.*\n.*models fuyu"):
        compare(make_side("before"), other)


def test_a_folder_without_records_is_named(tmp_path):
    with pytest.raises(RecordError, match="no record"):
        read_results(tmp_path)


def test_the_script_prints_writes_and_judges(make_side, tmp_path):
    before, after = make_side("before"), make_side("after", run_by(1.1))
    done = run_script(before, after, "--output", tmp_path / "out", "--fail-on", "latency", "quality")
    assert done.returncode == 3, done.stderr
    assert "Latency: 6 worse; 110.0 % of before" in done.stdout
    assert done.stderr.count("latency worse: ") == 6
    page = (tmp_path / "out" / "comparison.md").read_text()
    assert page.startswith("# after against before\n") and "![" in page and "(comparison.svg)" in page
    specification = json.loads((tmp_path / "out" / "comparison.vl.json").read_text())
    assert "after over before" in json.dumps(specification)
    width, _ = Image.open(tmp_path / "out" / "comparison.png").size
    assert width <= 1450
    assert run_script(before, after, "--fail-on", "quality", "lost").returncode == 0
    assert run_script(after, before, "--fail-on", "latency").returncode == 0


def test_the_script_names_what_a_person_must_mend(make_side, tmp_path):
    before = make_side("before")
    for arguments, words in [
        ((before, tmp_path / "none"), "no record"),
        ((before, "--optimization", "fp32", "int8"), "optimizations bf16, fp32"),
        ((before,), "--optimization"),
    ]:
        done = run_script(*arguments)
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


def test_hostile_names_and_reasons_stay_text(make_side):
    def hostile(run: Run) -> RunRecord:
        return make_failed_record("error", "\x1b[2J<script>| **x**\n# y", **identity_of(run))

    comparison = compare(make_side("before"), make_side("after", hostile))
    assert "\x1b" not in "\n".join(comparison_lines(comparison))
    page = page_markdown(comparison_page(comparison, "chart.svg"))
    assert "<script>" not in page and "\\*\\*x" in page


def test_no_cell_is_taken_for_quieter_than_its_machine(make_side):
    """All runs but one have a drift of 2 %; the one whose few repetitions missed it is no exception."""

    def answer(slower: float) -> Callable[[Run], RunRecord]:
        def of_run(run: Run) -> RunRecord:
            lucky = run.model == "trained" and run.point.batch_size == 1
            record = run_by(slower if lucky else 1.0)(run)
            assert record.repeats
            record.repeats = msgspec.structs.replace(record.repeats, drift=0.0 if lucky else 0.02)
            return record

        return of_run

    comparison = compare(make_side("before", answer(1.0)), make_side("after", answer(1.03)))
    lucky = [pair for pair in comparison.pairs if pair.effects["latency"].entry.verdict == "worse"]
    assert len(lucky) == 1 and lucky[0].effects["latency"].band == 0.01
    assert not comparison.failures(["latency"])
    quiet = compare(make_side("calm", UNCHANGED), make_side("slow", answer(1.2)))
    assert [word for _, word in quiet.failures(["latency"])] == ["latency worse"]


def test_counted_bytes_are_beyond_chance_however_many_cells_there_are(make_side):
    grown = Memory(peak_allocated_bytes=int(1.015 * 8 * 2**30))
    comparison = compare(make_side("before"), make_side("after", run_by(memory=grown)))
    assert [word for _, word in comparison.failures(["memory"])] == ["memory worse"] * 6
