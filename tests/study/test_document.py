"""The reference of config.yaml is made from the settings' models, and the committed pages are the ones made
now.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from vlm_profiling.study import Study
from vlm_profiling.study.config import WarmupConfig
from vlm_profiling.study.document import reference_page, schema_json
from vlm_profiling.study.grid_config import PointConfig
from vlm_profiling.study.inputs import ModelConfig
from vlm_profiling.study.point import AXIS_NAMES

PROJECT = Path(__file__).parents[2]
SCRIPT = PROJECT / "scripts/make_docs.py"


def test_the_committed_pages_are_up_to_date() -> None:
    assert (PROJECT / "docs/config.md").read_bytes() == reference_page()
    assert (PROJECT / "docs/config.schema.json").read_bytes() == schema_json()


def test_the_schema_is_the_one_of_the_models() -> None:
    assert json.loads(schema_json()) == Study.model_json_schema()


@pytest.mark.parametrize("section", [Study, ModelConfig, PointConfig, WarmupConfig])
def test_every_key_stands_on_the_page_with_its_description(section: Any) -> None:
    page = reference_page().decode()
    for key, field in section.model_fields.items():
        row = next(
            line
            for line in page.splitlines()
            if line.startswith(f"| `{key}` |") and _plain(field.description) in line
        )
        assert row.count("|") == 5


def test_every_key_of_every_section_is_described() -> None:
    schema = Study.model_json_schema()
    sections = {"Study": schema, **schema["$defs"]}
    assert [
        f"{name}.{key}"
        for name, part in sections.items()
        for key, field in part["properties"].items()
        if "description" not in field
    ] == []


def test_a_row_tells_what_is_allowed_and_the_default() -> None:
    page = reference_page().decode()
    assert "| `batch_size` | integer, at least 1, at most 4,096 | `1` | samples a batch |" in page
    assert "| `device` | cuda, cpu | `cuda` | device the model runs on |" in page
    assert "| `baseline` | [baseline](#baseline) | required | the point that every axis starts from |" in page


def test_every_link_leads_to_a_heading_of_the_page() -> None:
    page = reference_page().decode()
    anchors = {
        re.sub(r"[^a-z0-9_ -]", "", line[3:].lower()).replace(" ", "-")
        for line in page.splitlines()
        if line.startswith("## ")
    }
    links = set(re.findall(r"\]\(#([^)]*)\)", page))
    assert links and links <= anchors


def test_the_page_is_tables_and_headings_and_nothing_breaks_out() -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(reference_page().decode())
    kinds = {token.type for token in tokens}
    assert not {"html_block", "html_inline"} & kinds
    assert sum(token.type == "table_open" for token in tokens) == 1 + len(Study.model_json_schema()["$defs"])


def test_check_names_the_stale_pages(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, "--output", tmp_path], check=True)
    assert (
        subprocess.run([sys.executable, SCRIPT, "--check", "--output", tmp_path], check=False).returncode == 0
    )
    (tmp_path / "config.md").write_text("old")
    (tmp_path / "metrics.md").unlink()
    checked = subprocess.run(
        [sys.executable, SCRIPT, "--check", "--output", tmp_path], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 1
    assert checked.stderr == (
        f"vlm-profiling: {tmp_path}/config.md, {tmp_path}/metrics.md: "
        "no longer as the code says; run `make docs`\n"
    )


def test_the_axes_are_the_settings_of_a_point() -> None:
    assert ", ".join(AXIS_NAMES) in Study.model_json_schema()["properties"]["axes"]["description"]


def _plain(text: str) -> str:
    return text.replace("*", "\\*")
