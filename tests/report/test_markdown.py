"""Untrusted text stays text: rendered by a Markdown parser, it is what was written and nothing else."""

import pytest
from markdown_it import MarkdownIt

from vlm_profiling.report.markdown import escape_markdown, table

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


def words_in(markdown: str) -> list[str]:
    """The text of every table cell; fails on anything that is not plain text."""
    tokens = [inline for token in PARSER.parse(markdown) for inline in (token.children or [])]
    assert {token.type for token in tokens} <= {"text", "text_special"}, [token.type for token in tokens]
    return [token.content for token in PARSER.parse(markdown) if token.type == "inline"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_shows_the_text_and_nothing_else(text):
    markdown = table(["question", "answer"], [[escape_markdown(text), "next"]])
    assert len(words_in(markdown)) == 4, "no cell was added or lost"
    rendered = PARSER.render(markdown)
    assert not any(
        tag in rendered for tag in ("<script", "<img", "<a ", "<code", "<em", "<strong", "<h1", "<s>")
    )


def test_the_text_survives_as_written():
    text = "a < b & c > d | e_f *g* `h` [i]"
    children = PARSER.parse(escape_markdown(text))[1].children
    assert "".join(token.content for token in children) == text


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


def test_direction_and_control_marks_are_made_visible():
    assert (
        escape_markdown("a\u202eb\u2066c\x00d\x1b[31m\u200be") == "a\ufffdb\ufffdc\ufffdd\ufffd\\[31m\ufffde"
    )


def test_megabytes_are_cut_with_a_note():
    shown = escape_markdown("|" * 3_000_000)
    assert len(shown) < 600
    assert shown.endswith("… (3,000,000 characters)")
    assert escape_markdown("x" * 240) == "x" * 240


def test_other_scripts_are_left_alone():
    assert escape_markdown("Что на картинке? 犬 🐕 ؟") == "Что на картинке? 犬 🐕 ؟"
