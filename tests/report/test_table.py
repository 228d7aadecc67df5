"""A typed table is printed by two renderers: the same content, and untrusted text is never more than text."""

import pytest
from markdown_it import MarkdownIt

from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import SECONDS, Estimate, Unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.markdown import blocks_markdown, cell_markdown, escape_markdown, table_markdown
from vlm_profiling.report.site.html import cell_html, html_address, table_html
from vlm_profiling.report.table import (
    Code,
    Column,
    Heading,
    Inline,
    Lines,
    Link,
    Number,
    Plot,
    Prose,
    Table,
    Tag,
    Term,
    Tile,
    Tiles,
    plain,
)

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![pixel](https://evil.example/x.png)",
    "[a]: https://evil.example",
    "<https://evil.example>",
    "`code` ``more``",
    "**bold** __bold__ *it* _it_ ~~gone~~",
    "a | b | c",
    "ends with a backslash \\",
    "\\| \\` \\<",
    "&lt;b&gt; &amp; &copy;",
    "# heading",
    "$x^2$ and $$y$$",
]
TAGS = ("<script", "<img", "<a ", "<code", "<em", "<strong", "<h1", "<s>")
MILLISECONDS = SECONDS[1]
FLAGGED = Estimate(0.0125, (0.012, 0.013), 4, ("work parity: 20 of 50 tokens",), "better")


@pytest.mark.parametrize("text", HOSTILE)
def test_untrusted_text_is_shown_and_is_nothing_else(text):
    table = Table([Column("question", text=True), Column("answer", text=True)], [[text, "next"]])
    tokens = PARSER.parse(table_markdown(table))
    children = [child for token in tokens for child in (token.children or [])]
    assert {child.type for child in children} <= {"text", "text_special"}
    assert len([token for token in tokens if token.type == "inline"]) == 4, "no cell was added or lost"
    assert not any(tag in PARSER.render(table_markdown(table)) for tag in TAGS)
    html = table_html(table, text)
    assert not any(tag in html for tag in TAGS)
    assert html.count("<td") == 2


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "make",
    [
        lambda text: Tag("oom", text),
        lambda text: Link(text, "a.md", text),
        lambda text: Term(text, about=text),
        lambda text: Lines([text, text]),
        lambda text: Inline([text, text]),
        lambda text: Number(Absent(text), absent="reason"),
        lambda text: Number(Estimate(1.0, flags=(text,))),
    ],
)
def test_it_is_nothing_else_in_any_kind_of_cell(text, make):
    cell = make(text)
    assert not any(
        tag in PARSER.renderInline(cell_markdown(cell)) for tag in ("<script", "<img", "<em", "<s>")
    )
    html = cell_html(cell)
    assert "<script" not in html and "<img" not in html and 'href="java' not in html


def test_the_text_survives_as_written():
    text = "a < b & c > d | e_f *g* `h` [i]"
    children = PARSER.parse(escape_markdown(text))[1].children
    assert "".join(token.content for token in children) == text
    assert cell_html(text).unescape() == text


@pytest.mark.parametrize(
    "text", ["see https://evil.example", "www.evil.example", "WWW.evil.example", "mail me@evil.example"]
)
def test_addresses_are_broken_up_so_that_no_host_links_them(text):
    shown = escape_markdown(text)
    assert not any(bare in shown.lower() for bare in ("://", "www.", "@evil"))
    assert shown.replace("\u2060", "") == text


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\n\n# heading\n\n", "\u2028", "\x0b", "\x85"])
def test_line_breaks_end_no_row(break_):
    shown = escape_markdown(f"one{break_}two")
    assert len(shown.splitlines()) == 1
    assert shown.startswith("one ") and shown.endswith("two")


def test_direction_and_control_characters_are_made_visible():
    assert plain("a\u202eb\u2066c\x00d\x1b[31m\u200be") == "a\ufffdb\ufffdc\ufffdd\ufffd[31m\ufffde"


def test_megabytes_are_cut_with_a_note():
    shown = escape_markdown("|" * 3_000_000)
    assert len(shown) < 600
    assert shown.endswith("… (3,000,000 characters)")
    assert escape_markdown("x" * 240) == "x" * 240


def test_other_scripts_are_left_alone():
    assert escape_markdown("Что на картинке? 犬 🐕 ؟") == "Что на картинке? 犬 🐕 ؟"


def test_an_estimate_is_printed_with_interval_n_verdict_and_flag():
    number = Number(FLAGGED, MILLISECONDS, with_n=True)
    assert cell_markdown(number) == "12.50 [12.00, 13.00], n = 4, better ⚠"
    html = cell_html(number)
    assert html.startswith('12.50 <abbr title="An audit failed for this value: work parity: 20 of 50 tokens"')
    assert "<small> [12.00,\u00a013.00] n\u00a0=\u00a04 " in html and '"tag good">better<' in html


def test_a_column_sorts_by_the_value_in_its_base_unit_whatever_is_printed():
    rows = [[Number(entry, MILLISECONDS)] for entry in (FLAGGED, Estimate(1500.0), Absent("no meter"))]
    html = table_html(Table([Column("Latency per batch (ms)", "generate_s")], rows), "Baseline")
    assert 'data-value="0.0125"' in html and 'data-value="1500"' in html and html.count("data-value") == 2
    assert " data-sortable" in html and "data-filter" not in html


def test_an_absent_value_is_a_dash_a_status_or_its_reason():
    no_meter, oom = Absent("no meter"), Absent("2.5 GiB too much", "oom")
    shown = {
        absent: [cell_markdown(Number(entry, absent=absent)) for entry in (no_meter, oom)]
        for absent in ("dash", "status", "reason")
    }
    assert shown == {
        "dash": ["–", "–"],
        "status": ["–", "**oom**"],
        "reason": ["no meter", "**oom**: 2.5 GiB too much"],
    }
    assert cell_html(Number(oom, absent="reason")) == '<strong class="tag bad">oom</strong>: 2.5 GiB too much'


def test_a_definition_comes_by_the_id_of_the_metric_whatever_the_title_says():
    html = table_html(Table([Column("Anything (ms)", "ttft_s", "at the first value")], []), "Baseline")
    assert f"{METRICS['ttft_s'].definition}; at the first value" in str(html).replace("&#39;", "'")
    with pytest.raises(KeyError, match="no_such_metric"):
        table_html(Table([Column("Anything", "no_such_metric")], []), "Baseline")
    assert 'title="look-ups of tokens"' in cell_html(Term("embedding", about="look-ups of tokens"))


def test_each_kind_of_cell_is_printed():
    cells = {
        Code("wer"): ("`wer`", "<code>wer</code>"),
        Tag("ok"): ("**ok**", '<strong class="tag good">ok</strong>'),
        Link("tiny_llava", "tiny.md"): ("[tiny\\_llava](tiny.md)", '<a href="tiny.html">tiny_llava</a>'),
        Prose("*at most* `x`"): ("*at most* `x`", "<em>at most</em> <code>x</code>"),
        Term("sum", strong=True): ("**sum**", "<strong>sum</strong>"),
    }
    for cell, (markdown, html) in cells.items():
        assert (cell_markdown(cell), cell_html(cell)) == (markdown, html)
    assert cell_markdown(Lines(["a|b", "c"])) == "a\\|b<br>c" and cell_html(Lines(["a", "c"])) == "a<br>c"
    exponent = Number(Estimate(0.42, (0.4, 0.44), 3), Unit("", 1), with_n=True, base="batch")
    assert cell_markdown(exponent) == "batch^0.4200 [0.4000, 0.4400], n = 3"


def test_pages_of_the_study_are_linked_in_their_own_format():
    assert html_address("index.md#how-to-read") == "index.html#how-to-read"
    assert html_address("../tables/README.md") == "../tables/README.md"
    assert html_address("../tables/runs.csv") == "../tables/runs.csv"


def test_blocks_are_separated_by_an_empty_line():
    blocks = [
        Heading("a_b", address="a.md"),
        Tiles([Tile("runs", 2)], "2 runs: 2 ok."),
        Plot("Latency", "../plots/a.svg"),
    ]
    assert blocks_markdown(blocks) == "## [a\\_b](a.md)\n\n2 runs: 2 ok.\n\n![Latency](../plots/a.svg)"
