"""What was measured: what was loaded and asked, where and when, and how many runs have results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.pages.parts import capital
from vlm_profiling.report.table import Tile, Tiles
from vlm_profiling.tables.part_rows import FindingRow
from vlm_profiling.tables.row import RunRow

STATUSES = ("ok", "unsupported", "oom", "timeout", "error", "missing", "malformed", "foreign")
FAILURES = "Runs without results"
"""The section of the landing page that lists them."""


def about_samples(rows: Sequence[RunRow]) -> str:
    """Where a data set's samples come from, how they ask, and their licence; empty where no run says so."""
    row = next((row for row in rows if row.dataset_source), None)
    if row is None:
        return ""
    parts = {
        "from": row.dataset_source,
        "split": row.dataset_split,
        "prompts": row.dataset_prompt,
        "licence": row.dataset_licence,
    }
    words = ", ".join(f"{title} {escape_markdown(value)}" for title, value in parts.items() if value)
    return f"{row.dataset_samples} samples, {words}."


def about_model(row: RunRow) -> str:
    """What was loaded, in a sentence or two, from the record of one run."""
    revision = f" at revision {row.checkpoint_revision}" if row.checkpoint_revision else ""
    dtypes = ", ".join(msgspec.json.decode(row.checkpoint_dtypes or "{}", type=dict[str, int]))
    random = (
        " Its weights are random, so its answers are meaningless and are not scored."
        if row.checkpoint_random_weights
        else ""
    )
    spread = (
        f" Its layers are spread over {row.gpus} GPUs, which work one after another: energy and memory are "
        "sums over all of them."
        if row.gpus > 1
        else ""
    )
    return escape_markdown(
        f"{row.checkpoint_source}{revision}: {row.checkpoint_architecture} (family {row.checkpoint_family}), "
        f"{row.checkpoint_parameters:,} parameters in {dtypes}, attention {row.checkpoint_attention}, "
        f"image processor {row.checkpoint_processor}.{random}{spread}",
        longest=1000,
    )


def provenance(rows: Sequence[RunRow]) -> str:
    """When, where and with what the records were made, as a list; several values where records are mixed."""
    ran = [row for row in rows if row.started_at]
    if not ran:
        return "No run has a record yet."
    packages = [msgspec.json.decode(row.environment_packages or "{}", type=dict[str, str]) for row in ran]
    libraries = [
        " and ".join(f"{name} {versions[name]}" for name in ("torch", "transformers") if name in versions)
        for versions in packages
    ]
    days = sorted({(row.started_at or "")[:10] for row in ran})
    facts = {
        "measured": [days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"],
        "GPU": _distinct(_with(row.gpu_names, "driver", row.environment_gpu_driver) for row in ran),
        "CPU": _distinct(f"{row.environment_cpu}, {row.environment_threads} threads" for row in ran),
        "libraries": _distinct(libraries),
        "container image": _distinct(row.environment_container_digest for row in ran),
        "code": _distinct(_commit(row) for row in ran),
        "protocol version": _distinct(str(row.protocol_version) for row in ran),
    }
    text = "\n".join(
        f"- **{capital(name)}**: {escape_markdown(' | '.join(values), longest=500)}"
        for name, values in facts.items()
        if values
    )
    mixed = [
        name for name in ("libraries", "container image", "code", "protocol version") if len(facts[name]) > 1
    ]
    if mixed:
        text += f"\n\nThese records differ in {' and '.join(mixed)}: compare them with care."
    return text


def counts_text(rows: Sequence[RunRow]) -> str:
    """How many runs have which status: 126 runs: 104 ok, 17 oom."""
    counts = Counter(row.status for row in rows)
    many = f"{len(rows)} run{'' if len(rows) == 1 else 's'}"
    words = f"{many}: {', '.join(f'{counts[status]} {status}' for status in STATUSES if counts[status])}."
    stale = sum(row.state == "stale" for row in rows)
    if not stale:
        return words
    return f"{words} Stale: {stale}, as code, data set or checkpoint changed since they were measured."


def count_tiles(rows: Sequence[RunRow], findings: Sequence[FindingRow]) -> Tiles:
    """How many runs have results, how many have none and why, and the verdicts of the audits."""
    statuses = Counter(row.status for row in rows)
    verdicts = Counter(finding.verdict for finding in findings)
    failed = statuses["oom"] + statuses["timeout"] + statuses["error"]
    others = len(rows) - statuses["ok"] - statuses["unsupported"] - failed
    stale = sum(row.state == "stale" for row in rows)

    def absent(words: str, count: int, colour: str) -> Tile:
        return Tile(words, count, colour, FAILURES) if count else Tile(words, count)

    tiles = [
        Tile("runs", len(rows)),
        Tile("done", statuses["ok"], "good"),
        absent("unsupported", statuses["unsupported"], "doubtful"),
        absent("failed", failed, "bad"),
        *([absent("without a record", others, "bad")] if others else []),
        *([Tile("stale", stale, "doubtful")] if stale else []),
        Tile("audits passed", verdicts["pass"], "good"),
        Tile("audits warned", verdicts["warn"], "doubtful" if verdicts["warn"] else ""),
        Tile("audits failed", verdicts["fail"], "bad" if verdicts["fail"] else ""),
    ]
    return Tiles(tiles, counts_text(rows))


def _commit(row: RunRow) -> str:
    if row.environment_git_commit is None:
        return "not in a git repository"
    dirty = ", with uncommitted changes" if row.environment_git_dirty else ""
    return f"commit {row.environment_git_commit[:10]}{dirty}"


def _with(name: str | None, word: str, detail: str | None) -> str | None:
    return f"{name}, {word} {detail}" if name else None


def _distinct(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
