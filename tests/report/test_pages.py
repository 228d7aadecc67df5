"""Pages hold the records' figures, their intervals and n, the reason of every absence, and no markup from
outside.
"""

import shutil

import pytest
from factories import identity_of, make_failed_record, make_record
from markdown_it import MarkdownIt

from vlm_profiling.outputs import page_files
from vlm_profiling.record.files import read_record, write_record
from vlm_profiling.report.pages.write import write_pages

PARSER = MarkdownIt("commonmark").enable("table")
HOSTILE = "</td> | x | <script>alert(1)</script> [a](http://evil.example) ![i](x) `c` **b**\n\n# h\n\u202ertl"


@pytest.fixture
def write(tmp_path):
    """Write a study's pages; returns their text by name."""

    def write_study(study):
        tables = study.merge()
        shutil.rmtree(tmp_path / "reports", ignore_errors=True)
        write_pages(study.study, tables, tmp_path / "plots", tmp_path / "reports")
        written = {path.name: path.read_text() for path in (tmp_path / "reports").iterdir()}
        assert set(written) == set(page_files(study.study))
        return written

    return write_study


def rows_with(page: str, text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(" | ")] for line in page.splitlines() if text in line]


def test_a_figure_stands_as_recorded_with_its_interval_and_n(make_study, write):
    study = make_study()
    page = write(study)["trained.md"]
    generate = read_record(study.record_path(study.runs[0])).headline.generate
    low, high = generate.sampling.low, generate.sampling.high
    shown = f"{1e3 * generate.mean_s:#.4g} [{1e3 * low:#.4g}, {1e3 * high:#.4g}], n = 4"
    assert f"| Latency per batch (ms) | {shown} |" in page
    assert len(rows_with(page, f"| {shown}")) >= 3, "at the baseline and on both axes that hold it"


def test_every_section_of_the_study_is_there(make_study, write):
    page = write(make_study())["trained.md"]
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings == [
        "# trained",
        "## Baseline",
        "## Where the time goes",
        "## Distance to what the device allows",
        "## What to try next",
        "## Batch size",
        "## Image size",
        "## Optimization",
        "## Audits",
        "## Example answers",
    ]
    assert "[how to read these pages](index.md#how-to-read-these-pages)" in page


@pytest.mark.parametrize("status", ["oom", "unsupported", "timeout", "error"])
def test_a_failed_cell_shows_its_reason_in_place_of_figures(make_study, write, status):
    def answer(run):
        if run.point.batch_size == 4:
            return make_failed_record(status, f"the {status} has a reason", **identity_of(run))
        return make_record(**identity_of(run))

    pages = write(make_study(answer))
    row = rows_with(pages["trained.md"], f"**{status}**: the {status} has a reason")[0]
    assert row[0] == "| 4"
    assert set(row[2:]) <= {"–", "– |"}
    assert f"| {status} | the {status} has a reason |" in pages["index.md"]


def test_missing_and_malformed_records_are_named(make_study, write):
    study = make_study()
    study.record_path(study.runs[0]).unlink()
    study.record_path(study.runs[1]).write_bytes(b"{")
    index = write(study)["index.md"]
    assert "1 missing, 1 malformed" in index
    assert study.runs[1].name in index


def test_what_a_finished_run_lacks_is_explained_below_the_table(make_study, write):
    pages = write(make_study())
    assert "Energy per sample: no RAPL on this host." in pages["index.md"]
    assert "Word error rate, Exact match: not applicable: random weights." in pages["index.md"]
    assert "| Word error rate (%) | not applicable: random weights |" in pages["random.md"]


def test_an_optimization_is_told_in_percent_of_the_original(make_study, write):
    axes = {"optimization": {"values": ["fp32", "bf16"]}}
    optimizations = {"fp32": {"dtype": "float32"}, "bf16": {"dtype": "bfloat16"}}

    def answer(run):
        return make_record(generate_s=0.03 if run.point.optimization == "bf16" else 0.02, **identity_of(run))

    page = write(make_study(answer, axes=axes, optimizations=optimizations))["trained.md"]
    original, bf16 = rows_with(page, "| fp32 | ")[0], rows_with(page, "| bf16 | ")[0]
    assert original[2] == "100.0"
    assert bf16[2] == "150.0 [150.0, 150.0], slower"
    assert "only where these do not explain it" in page


def test_the_size_seen_stands_beside_the_size_asked(make_study, write):
    page = write(make_study())["trained.md"]
    assert rows_with(page, "| model's own | ")[0][1:3] == ["224×224", "256"]
    assert rows_with(page, "| 64 | ")[0][1:3] == ["224×224", "256"]
    assert "brings every image to the same size" in page


def test_images_are_linked_where_the_charts_are(make_study, write):
    pages = write(make_study())
    assert "](../plots/trained/image_size_quality.svg)" in pages["trained.md"]
    assert "](../plots/index/latency_quality.svg)" in pages["index.md"]
    one_value = write(make_study(axes={"batch_size": {"values": [2]}}))["trained.md"]
    assert "a single value, so there is nothing to draw" in one_value
    assert one_value.count("![") == 1 and "](../plots/trained/roofline.svg)" in one_value


def test_nothing_that_a_model_says_becomes_markup(make_study, write):
    study = make_study()
    for run in study.runs:
        record = read_record(study.record_path(run))
        if record.status != "ok":
            record.failure.reason = HOSTILE
        for sample in record.samples:
            sample.answer, sample.request, sample.references = HOSTILE, HOSTILE, [HOSTILE]
        record.environment.cpu = HOSTILE
        if record.energy:
            record.energy.absent["cpu"] = HOSTILE
        write_record(study.record_path(run), record)
    for page in write(study).values():
        tokens = PARSER.parse(page)
        inline = [child for token in tokens for child in (token.children or [])]
        links = [child.attrs["href"] for child in inline if child.type == "link_open"]
        images = [child.attrs["src"] for child in inline if child.type == "image"]
        assert not any(token.type.startswith("html") for token in (*tokens, *inline))
        assert all("evil" not in address and address != "x" for address in (*links, *images))
        assert "\u202e" not in page
        headings = [
            tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"
        ]
        assert "h" not in headings
        columns = [line.replace("\\|", "").count("|") for line in page.splitlines() if line.startswith("|")]
        for above, below in zip(page.splitlines(), page.splitlines()[1:], strict=False):
            if above.startswith("|") and below.startswith("|"):
                assert above.replace("\\|", "").count("|") == below.replace("\\|", "").count("|")
        assert columns


def test_one_cell_and_all_failed_studies_have_pages(make_study, write):
    one = write(make_study(axes={}, models={"trained": {"folder": "checkpoints/trained"}}))
    assert "1 cell: 1 ok." in one["index.md"]
    failed = write(make_study(lambda run: make_failed_record("oom", "too big", **identity_of(run))))
    assert "No run of this model has figures yet." in failed["trained.md"]
    assert "**oom**: too big" in failed["index.md"]
