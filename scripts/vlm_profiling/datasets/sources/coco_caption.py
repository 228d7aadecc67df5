"""lmms-lab/COCO-Caption2017: photographs, each with about five captions written by people."""

from __future__ import annotations

from vlm_profiling.datasets.sources.table import Fields, TableLayout

REQUEST = "Describe this image"
"""The reference study's prompt. The table's own, longer one is read with `columns: {request: question, response: answer}`."""


def _question(row: Fields) -> tuple[object, object]:
    return REQUEST, row["answer"]


LAYOUT = TableLayout(("image",), ("answer",), _question, id="question_id")
