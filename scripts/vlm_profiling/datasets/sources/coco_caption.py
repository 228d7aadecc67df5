"""lmms-lab/COCO-Caption2017: photographs, each with about five captions written by people."""

from __future__ import annotations

from collections.abc import Callable

from vlm_profiling.datasets.sources.table import Fields, KnownDataset, TableLayout

REQUESTS = {
    "lmms-eval": "Provide a one-sentence caption for the provided image.",
    "raw": "Describe this image",
}
"""lmms-eval 0.7.3's `coco_doc_to_text`, and the reference study's. The table's own, longer one is its column
`question`.
"""


def _asking(request: str) -> Callable[[Fields], tuple[object, object]]:
    return lambda row: (request, row["answer"])


KNOWN = KnownDataset(
    {
        name: TableLayout(("image",), ("answer",), _asking(request), id="question_id")
        for name, request in REQUESTS.items()
    },
    metric="cider_d",
)
