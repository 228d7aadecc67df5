"""A chart's specification made small for a page: no more digits than an image shows, and equal data once."""

from __future__ import annotations

from typing import Any

import msgspec

DIGITS = 6
"""Significant digits of numbers."""


def slim(specification: dict[str, Any]) -> dict[str, Any]:
    """The same chart in a smaller Vega-Lite specification, whose data are in its `datasets`, by name."""
    names: dict[bytes, str] = {}
    datasets: dict[str, Any] = {}

    def walk(part: Any, field: str = "") -> Any:
        if isinstance(part, float):
            return float(f"{part:.{DIGITS}g}")
        if isinstance(part, list):
            return [walk(inner) for inner in part]
        if not isinstance(part, dict):
            return part
        if field == "data" and set(part) == {"values"}:  # an axis may hold values alone, too
            values = walk(part["values"])
            name = names.setdefault(msgspec.json.encode(values), f"d{len(names)}")
            datasets[name] = values
            return {"name": name}
        return {name: walk(inner, name) for name, inner in part.items()}

    return {**walk(specification), "datasets": datasets}
