"""The summary of a check, from its folder alone: made anew after every part, and whenever the folder changes
hands.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from vlm_profiling.gpu_check.evidence import StudyEvidence, read_facts, read_study, record_at
from vlm_profiling.gpu_check.facts import DecodeStep, DeviceFacts, Estimate, Overhead, PartState, Summary
from vlm_profiling.gpu_check.figures import (
    again_figures,
    decode_figure,
    device_figures,
    overhead_figures,
    record_figures,
    tiny_figures,
)
from vlm_profiling.gpu_check.in_process import write_json
from vlm_profiling.gpu_check.parts import AGAIN, DECODE, DEVICE_FACTS, OVERHEAD
from vlm_profiling.gpu_check.studies import MODELS, TINY
from vlm_profiling.record.files import write_text

JSON, MARKDOWN = Path("summary.json"), Path("summary.md")


def read_states() -> dict[str, PartState]:
    """How the parts of this folder ended so far, in their order."""
    return msgspec.json.decode(JSON.read_bytes(), type=Summary).parts if JSON.exists() else {}


def write_summary(device: str, parts: dict[str, PartState]) -> Summary:
    """Write summary.json and summary.md of the present folder; returns the summary."""
    models, tiny = read_study(Path(MODELS)), read_study(Path(TINY))
    facts, overhead = read_facts(DEVICE_FACTS, DeviceFacts), read_facts(OVERHEAD, Overhead)
    second = next((record for path in sorted(AGAIN.glob("*.json")) if (record := record_at(path))), None)
    first = second and next((run for run in models.finished if run.key == second.key), None)
    figures = [
        *overhead_figures(overhead),
        *record_figures(models),
        decode_figure(models, read_facts(DECODE, DecodeStep)),
        *again_figures(first, second),
        *tiny_figures(tiny),
        *device_figures(facts, models.finished),
    ]
    summary = Summary(
        device=_device_words(device, facts),
        parts=parts,
        figures=figures,
        outcomes=_outcomes(tiny),
        findings=[words for study in (models, tiny) for words in _findings(study)],
    )
    write_json(JSON, summary)
    write_text(MARKDOWN, summary_page(summary))
    return summary


def summary_page(summary: Summary) -> str:
    """The summary as Markdown."""
    lines = [f"# GPU check: {summary.device}", "", "| part | ended | after | |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {part.state} | {part.seconds:.0f} s | {part.note} |"
        for name, part in summary.parts.items()
    ]
    lines += ["", "| figure | value | bound | holds |", "|---|---|---|---|"]
    lines += [
        f"| {figure.name} | {figure.value} | {figure.bound or ''} | {_holds(figure)} |"
        for figure in summary.figures
    ]
    if summary.outcomes:
        models = sorted({model for row in summary.outcomes.values() for model in row})
        lines += ["", f"| optimization | {' | '.join(models)} |", "|---|" + "---|" * len(models)]
        lines += [
            f"| {name} | {' | '.join(row.get(model, '') for model in models)} |"
            for name, row in summary.outcomes.items()
        ]
    lines += [
        "",
        "Findings of the audits that are no pass:",
        "",
        *[f"- {words}" for words in summary.findings or ["none"]],
    ]
    return "\n".join(lines) + "\n"


def _holds(figure: Estimate) -> str:
    return {True: "yes", False: "**no**", None: "not known" if figure.bound else ""}[figure.holds]


def _device_words(device: str, facts: DeviceFacts | None) -> str:
    if facts is None:
        return device
    packages, gpu = facts.environment.packages, facts.environment.gpu
    versions = ", ".join(f"{name} {packages[name]}" for name in ("torch", "transformers") if name in packages)
    return f"{gpu.name if gpu else facts.environment.cpu}, {versions}"


def _outcomes(tiny: StudyEvidence) -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = {}
    for record in tiny.records.values():
        words = (
            record.status
            if record.failure is None
            else f"{record.status} in {record.failure.stage}: {record.failure.reason}"
        )
        table.setdefault(record.point.optimization, {})[record.model] = words.replace("|", "/")
    return table


def _findings(study: StudyEvidence) -> list[str]:
    found = study.findings() if study.records else []
    return [
        f"{finding.verdict}: {finding.audit}, {run.model} {run.point.label}: {finding.evidence}"
        for run, finding in found
        if finding.verdict in ("warn", "fail")
    ]
