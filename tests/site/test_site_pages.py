"""The site is the Markdown in one layout: safe whatever a model says, whole whatever is missing, and every
link resolves.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from factories import identity_of, make_failed_record, make_record
from opened import open_page
from rendering import write_reports

from vlm_profiling.outputs import page_files, site_files
from vlm_profiling.record.files import read_record, write_record
from vlm_profiling.report.charts.tradeoff import pareto_front
from vlm_profiling.report.comparison.comparison import compare_results
from vlm_profiling.report.comparison.write import write_comparison
from vlm_profiling.report.site.site import script_json
from vlm_profiling.report.site.slim import slim
from vlm_profiling.study import ConfigError, study_from_mapping
from vlm_profiling.tables.results_folder import read_results

PROJECT = Path(__file__).parents[2]
HOSTILE = (
    "</td></script><script>alert(1)</script><img src=x onerror=alert(1)> "
    "[a](javascript:alert(1)) ![i](http://evil.example/x.svg) | x\n\n# h\n\u202ertl مرحبا"
)


ODD_MODELS = {name: {"folder": "checkpoints/odd"} for name in ("A.b_c-1", "v1..", "0", "true", "x" * 80)}
"""Of the characters that names may have: what a file system, a script or a narrow window could stumble over.
"""


class Page(HTMLParser):
    """Links, anchors, scripts and other elements of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links, self.anchors, self.tags, self.scripts = [], set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.tags.append((tag, known))
        self.links += [known[name] for name in ("href", "src") if known.get(name)]
        if "id" in known:
            self.anchors.add(known["id"])


def test_every_page_and_asset_is_one_that_the_rules_expect(usual_site):
    written = {
        str(path.relative_to(usual_site.folder / "reports"))
        for path in (usual_site.folder / "reports").rglob("*.*")
    }
    assert written == {*page_files(usual_site.study), *site_files(usual_site.study)}


def test_every_link_resolves(usual_site):
    links_resolve(usual_site.folder / "reports", page_files(usual_site.study))


def test_every_link_of_an_example_made_to_be_committed_resolves(usual_site, tmp_path):
    command = [PROJECT / "docs" / "make_example.sh", usual_site.folder, tmp_path / "example"]
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHON": sys.executable}
    )
    links_resolve(tmp_path / "example" / "reports", page_files(usual_site.study))
    assert {path.suffix for path in (tmp_path / "example" / "plots").rglob("*") if path.is_file()} == {".svg"}


def links_resolve(reports: Path, pages: list[str]) -> None:
    for name in pages:
        page = Page(reports / name.replace(".md", ".html"))
        assert len(page.links) > 5
        for link in page.links:
            address, _, anchor = link.partition("#")
            if address.startswith("data:"):
                continue
            assert not address or (reports / address).is_file(), link
            if anchor:
                target = Page(reports / address) if address else page
                assert anchor in target.anchors, link


def test_a_page_allows_nothing_from_a_network_and_no_script_of_its_own(usual_site):
    page = Page(usual_site.folder / "reports" / "index.html")
    policy = next(
        known["content"] for tag, known in page.tags if known.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    scripts = [known for tag, known in page.tags if tag == "script"]
    assert {known.get("src") or known["type"] for known in scripts} == {"site/site.js", "application/json"}


def test_the_landing_page_counts_its_runs(usual_site):
    text = (usual_site.folder / "reports" / "index.html").read_text(encoding="utf-8")
    reasons = '<a href="#runs-without-results">{}</a>'
    tiles = (
        (8, "runs"),
        (5, "done"),
        (2, reasons.format("unsupported")),
        (1, reasons.format("failed")),
        (0, "audits warned"),
    )
    for count, words in tiles:
        assert f"<strong>{count}</strong> {words}</li>" in text


def test_writing_the_site_again_changes_no_byte(usual_site):
    reports = usual_site.folder / "reports"
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in reports.rglob("*.*")}
    write_reports(usual_site)
    assert {path: hashlib.sha256(path.read_bytes()).digest() for path in reports.rglob("*.*")} == before


def hostile_answer(run):
    if run.point.optimization == "flash":
        return make_failed_record("error", HOSTILE * 1000, **identity_of(run))
    record = make_record(**identity_of(run))
    for number, sample in enumerate(record.samples):
        sample.answer = [HOSTILE, "x" * 3_000_000, "**b** `c` | d", ""][number % 4]
        sample.request, sample.references = HOSTILE, [HOSTILE]
    environment = msgspec.structs.replace(record.environment, cpu=HOSTILE)
    return msgspec.structs.replace(record, environment=environment)


@pytest.mark.browser
def test_nothing_that_a_model_says_becomes_more_than_text(make_site, browser):
    site = make_site(hostile_answer, name="0..-_", description=HOSTILE, models=ODD_MODELS)
    for name in page_files(site.study):
        path = site.folder / "reports" / name.replace(".md", ".html")
        page = Page(path)
        assert path.stat().st_size < 1_000_000
        assert not [known for _, known in page.tags if any(attribute.startswith("on") for attribute in known)]
        assert not [
            link for link in page.links if "evil" in link or link.startswith("javascript") or link == "x"
        ]
        opened = open_page(browser, path, 390)
        opened.draw_all()
        assert opened.errors == []
        assert opened.overflow_px <= 0
        assert not [url for url in opened.requests if not url.startswith(("file:", "data:"))]
        opened.page.context.close()


@pytest.mark.parametrize("place", ["name", "models", "datasets"])
def test_a_study_whose_names_are_markup_is_refused(place):
    settings = {
        "name": "study",
        "models": {"one": {"tiny": "llava"}},
        "datasets": {"vqa": {"package": "easy-vqa"}},
        "optimizations": {"fp32": {"dtype": "float32"}},
        "baseline": {"device": "cpu", "optimization": "fp32", "batch_size": 1},
    }
    study_from_mapping(settings)
    settings[place] = HOSTILE if place == "name" else {HOSTILE: next(iter(settings[place].values()))}
    with pytest.raises(ConfigError, match="at most 80"):
        study_from_mapping(settings)


@pytest.mark.browser
def test_a_folder_that_calls_itself_something_hostile_is_compared_safely(make_site, browser, tmp_path):
    site = make_site(hostile_answer)
    description = msgspec.json.decode(site.description.read_bytes())
    description["study"]["name"] = HOSTILE
    site.description.write_bytes(msgspec.json.encode(description))
    results = read_results(site.folder)
    assert results.name == HOSTILE
    write_comparison(compare_results(results, results), tmp_path / "compared")
    page = Page(tmp_path / "compared" / "comparison.html")
    assert not [known for _, known in page.tags if any(attribute.startswith("on") for attribute in known)]
    assert not [link for link in page.links if "evil" in link or link.startswith("javascript") or link == "x"]
    opened = open_page(browser, tmp_path / "compared" / "comparison.html", 390)
    opened.draw_all()
    assert opened.errors == [] and opened.overflow_px <= 0
    opened.page.context.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": lambda run: make_failed_record("oom", "too big", **identity_of(run))},
        {"axes": {}, "models": {"A.b_c-1": {"folder": "checkpoints/one"}}},
        {
            "answer": lambda run: make_record(
                energy=None, quality=None, stages=None, serving=None, repeats=None, **identity_of(run)
            )
        },
    ],
    ids=["all cells failed", "one cell", "missing metrics"],
)
@pytest.mark.browser
def test_studies_with_little_in_them_have_whole_pages(make_site, browser, changes):
    site = make_site(**changes)
    for name in page_files(site.study):
        opened = open_page(browser, site.folder / "reports" / name.replace(".md", ".html"), 390)
        opened.draw_all()
        assert opened.errors == []
        assert opened.overflow_px <= 0
        opened.page.context.close()


def test_a_lost_record_is_counted_as_such(make_site):
    site = make_site()
    record = read_record(site.record_path(site.runs[0]))
    site.record_path(site.runs[0]).unlink()
    write_reports(site)
    text = (site.folder / "reports" / "index.html").read_text(encoding="utf-8")
    assert '<strong>1</strong> <a href="#runs-without-results">without a record</a>' in text
    write_record(site.record_path(site.runs[0]), record)


def test_no_text_ends_the_script_element_that_holds_it():
    text = "</script><!-- <script> &"
    assert not set("<>&") & set(script_json({"a": text}))
    assert msgspec.json.decode(script_json({"a": text})) == {"a": text}


def test_the_front_holds_the_models_that_no_other_beats_in_both():
    assert pareto_front([(3, 1), (1, 5), (2, 5), (2, 3), (4, 2)]) == [(1, 5), (2, 3), (3, 1)]


def test_a_specification_is_slim_and_its_equal_data_stand_once():
    data = {"values": [{"cost": 1 / 3}]}
    chart = slim({"hconcat": [{"data": data, "width": 10}, {"data": data}, {"data": {"values": []}}]})
    assert chart["datasets"] == {"d0": [{"cost": 0.333333}], "d1": []}
    ticks = {"x": {"axis": {"values": [1, 2]}}}
    assert slim({"encoding": ticks})["encoding"] == ticks, "an axis that holds values alone is no data"
    assert chart["hconcat"] == [
        {"data": {"name": "d0"}, "width": 10},
        {"data": {"name": "d0"}},
        {"data": {"name": "d1"}},
    ]
