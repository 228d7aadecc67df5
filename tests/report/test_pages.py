"""Pages have the records' values with interval and n, the reason of every absence, and no foreign markup."""

import pytest
from factories import identity_of, make_failed_record, make_record
from markdown_it import MarkdownIt
from markupsafe import Markup
from rendering import cells_with, pages_of, typed_pages

from vlm_profiling.outputs import page_files
from vlm_profiling.record.files import read_record, write_record
from vlm_profiling.report.markdown import page_markdown
from vlm_profiling.report.site.html import page_body

PARSER = MarkdownIt("commonmark").enable("table")
HOSTILE = "</td> | x | <script>alert(1)</script> [a](http://evil.example) ![i](x) `c` **b**\n\n# h\n\u202ertl"


def test_a_value_is_as_recorded_with_its_interval_and_n(make_study):
    study = make_study()
    page = pages_of(study)["trained"]
    generate = read_record(study.record_path(study.runs[0])).headline.generate
    low, high = generate.sampling.low, generate.sampling.high
    shown = f"{1e3 * generate.mean_s:#.4g} [{1e3 * low:#.4g}, {1e3 * high:#.4g}], n = 4"
    assert f"| Latency per batch (ms) | {shown} |" in page
    assert page.count(f"| {shown} |") >= 3, "at the baseline and on both axes that contain it"


@pytest.mark.parametrize("status", ["oom", "unsupported", "timeout", "error"])
def test_a_failed_run_shows_its_reason_in_place_of_results(make_study, status):
    def answer(run):
        if run.point.batch_size == 4:
            return make_failed_record(status, f"the {status} has a reason", **identity_of(run))
        return make_record(**identity_of(run))

    pages = pages_of(make_study(answer))
    row = cells_with(pages["trained"], f"**{status}**: the {status} has a reason")
    assert row[0] == "4" and set(row[2:]) == {"–"}
    assert f"| **{status}** | the {status} has a reason |" in pages["index"]


def test_missing_and_malformed_records_are_named(make_study):
    study = make_study()
    study.record_path(study.runs[0]).unlink()
    study.record_path(study.runs[1]).write_bytes(b"{")
    index = pages_of(study)["index"]
    assert "1 missing, 1 malformed" in index
    assert study.runs[1].name in index


def test_what_a_finished_run_lacks_is_explained_below_the_table(make_study):
    pages = pages_of(make_study())
    assert "No value for Energy per sample: no RAPL on this host." in pages["index"]
    assert "No value for Word error rate, Exact match: not applicable: random weights." in pages["index"]
    assert "| Word error rate (%) | not applicable: random weights |" in pages["random"]


def test_an_optimization_is_compared_in_percent_of_the_first(make_study):
    axes = {"optimization": {"values": ["fp32", "bf16"]}}
    optimizations = {"fp32": {"dtype": "float32"}, "bf16": {"dtype": "bfloat16"}}

    def answer(run):
        return make_record(generate_s=0.03 if run.point.optimization == "bf16" else 0.02, **identity_of(run))

    page = pages_of(make_study(answer, axes=axes, optimizations=optimizations))["trained"]
    assert cells_with(page, "| fp32 | ")[2] == "100.0"
    assert cells_with(page, "| bf16 | ")[2] == "150.0 [150.0, 150.0], worse"
    assert "only where these two do not explain the difference" in page


def test_the_size_seen_is_next_to_the_size_asked_for(make_study):
    page = pages_of(make_study())["trained"]
    assert cells_with(page, "| model's own | ")[1:3] == ["224×224", "256"]
    assert cells_with(page, "| 64 | ")[1:3] == ["224×224", "256"]
    assert "brings every image to the same size" in page


def test_charts_are_linked_where_they_are(make_study):
    pages = pages_of(make_study())
    assert "](../plots/trained/image_size_quality.svg)" in pages["trained"]
    assert "](../plots/index/latency_quality.svg)" in pages["index"]
    one_value = pages_of(make_study(axes={"batch_size": {"values": [2]}}))["trained"]
    assert "a single value, so there is nothing to draw" in one_value
    assert one_value.count("![") == 1 and "](../plots/trained/roofline.svg)" in one_value


def hostile_study(make_study):
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
    return study


def test_nothing_that_a_model_says_becomes_markup(make_study):
    pages = typed_pages(hostile_study(make_study))
    assert {f"{name}.md" for name in pages} == set(page_files(make_study().study))
    for typed in pages.values():
        page = page_markdown(typed)
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
        for above, below in zip(page.splitlines(), page.splitlines()[1:], strict=False):
            if above.startswith("|") and below.startswith("|"):
                assert above.replace("\\|", "").count("|") == below.replace("\\|", "").count("|")
        body = page_body(typed, lambda _: Markup())
        html = body.intro + body.sections
        assert "<script" not in html
        assert 'href="http://evil' not in html and 'src="x"' not in html and "\u202e" not in html


def test_studies_of_one_run_and_of_failures_alone_have_pages(make_study):
    one = pages_of(make_study(axes={}, models={"trained": {"folder": "checkpoints/trained"}}))
    assert "1 run: 1 ok." in one["index"]
    failed = pages_of(make_study(lambda run: make_failed_record("oom", "too big", **identity_of(run))))
    assert "No run of this model has results yet." in failed["trained"]
    assert "**oom**: too big" in failed["index"]
