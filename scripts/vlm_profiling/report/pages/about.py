"""What pages say of the runs behind them: what was loaded and asked, where and when, and how many have
figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.pages.parts import capital
from vlm_profiling.tables.row import RunRow

STATUSES = ("ok", "unsupported", "oom", "timeout", "error", "missing", "malformed", "foreign")


def about_samples(cells: Sequence[RunRow]) -> str:
    """Where a data set's samples come from, how they ask, and on what terms; empty where no run tells."""
    cell = next((cell for cell in cells if cell.dataset_source), None)
    if cell is None:
        return ""
    parts = {
        "from": cell.dataset_source,
        "split": cell.dataset_split,
        "prompts": cell.dataset_prompt,
        "licence": cell.dataset_licence,
    }
    said = ", ".join(f"{title} {escape_markdown(value)}" for title, value in parts.items() if value)
    return f"{cell.dataset_samples} samples, {said}."


def about_model(cell: RunRow) -> str:
    """What was loaded, in a sentence or two, from the record of one run."""
    revision = f" at revision {cell.checkpoint_revision}" if cell.checkpoint_revision else ""
    dtypes = ", ".join(msgspec.json.decode(cell.checkpoint_dtypes or "{}", type=dict[str, int]))
    random = (
        " Its weights are random, so its answers mean nothing and have no quality."
        if cell.checkpoint_random_weights
        else ""
    )
    return escape_markdown(
        f"{cell.checkpoint_source}{revision}: {cell.checkpoint_architecture} (family {cell.checkpoint_family}), "
        f"{cell.checkpoint_parameters:,} parameters in {dtypes}, attention {cell.checkpoint_attention}, "
        f"image processor {cell.checkpoint_processor}.{random}{_laid_on(cell.gpus)}",
        longest=1000,
    )


def _laid_on(gpus: int) -> str:
    if gpus < 2:
        return ""
    return f" Its layers lie on {gpus} GPUs, one after another, and one works at a time: joules and memory are sums over all."


def provenance(cells: Sequence[RunRow]) -> str:
    """When, where and with what the records were made, as a list; several values where records of several are
    mixed.
    """
    ran = [cell for cell in cells if cell.started_at]
    if not ran:
        return "No run has a record yet."
    packages = [msgspec.json.decode(cell.environment_packages or "{}", type=dict[str, str]) for cell in ran]
    libraries = [
        " and ".join(f"{name} {versions[name]}" for name in ("torch", "transformers") if name in versions)
        for versions in packages
    ]
    days = sorted({(cell.started_at or "")[:10] for cell in ran})
    facts = {
        "GPU": _distinct(_with(cell.gpu_names, "driver", cell.environment_gpu_driver) for cell in ran),
        "CPU": _distinct(f"{cell.environment_cpu}, {cell.environment_threads} threads" for cell in ran),
        "libraries": _distinct(libraries),
        "image": _distinct(cell.environment_container_digest for cell in ran),
        "code": _distinct(_commit(cell) for cell in ran),
        "protocol version": _distinct(str(cell.protocol_version) for cell in ran),
    }
    facts = {"measured": [days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"], **facts}
    text = "\n".join(
        f"- **{capital(name)}**: {escape_markdown(' | '.join(values), longest=500)}"
        for name, values in facts.items()
        if values
    )
    mixed = [name for name in ("libraries", "image", "code", "protocol version") if len(facts[name]) > 1]
    if mixed:
        text += f"\n\nRecords of different {' and '.join(mixed)} are mixed here: compare them with care."
    return text


def counts_text(cells: Sequence[RunRow]) -> str:
    """How many cells have which status: 126 cells: 104 ok, 17 oom."""
    counts = Counter(cell.status for cell in cells)
    many = f"{len(cells)} cell{'' if len(cells) == 1 else 's'}"
    told = f"{many}: {', '.join(f'{counts[status]} {status}' for status in STATUSES if counts[status])}."
    stale = [cell for cell in cells if cell.state == "stale"]
    return (
        f"{told} Stale are {len(stale)}: code, data set or checkpoint changed since they were measured."
        if stale
        else told
    )


def _commit(cell: RunRow) -> str:
    if cell.environment_git_commit is None:
        return "not in a git repository"
    return f"commit {cell.environment_git_commit[:10]}{', with uncommitted changes' if cell.environment_git_dirty else ''}"


def _with(name: str | None, word: str, detail: str | None) -> str | None:
    return f"{name}, {word} {detail}" if name else None


def _distinct(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
