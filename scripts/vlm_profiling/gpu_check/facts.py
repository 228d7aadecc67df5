"""What a check writes beside records: states of its parts, facts about the device's meters, overheads, and
its summary.
"""

from __future__ import annotations

from typing import Literal

from msgspec import field

from vlm_profiling.record.machine import Environment
from vlm_profiling.record.sections import Section

State = Literal["done", "cut off", "skipped", "failed"]


class PartState(Section, kw_only=True):
    """How a part of the check ended."""

    state: State
    note: str
    """What it did, or why not."""
    seconds: float


class Updates(Section, kw_only=True):
    """How often a sensor's value changes, seconds between two changes."""

    n: int
    median_s: float
    min_s: float
    max_s: float


class PowerFacts(Section, kw_only=True):
    """How the GPU's meters behave, from watching them while it idles, works and idles again."""

    read_s: float
    """Median time of reading all of them once."""
    counter: Updates | None = None
    """Of the energy counter."""
    instant: Updates | None = None
    """Of the present power, under load."""
    usage: Updates | None = None
    """Of the power that nvidia-smi shows, under load."""
    idle_w: float | None = None
    """By the counter, before the load."""
    load_w: float | None = None
    """By the counter, from the load's second second on."""
    load_counter_j: float | None = None
    load_integrated_j: float | None = None
    """Present power integrated over the same time."""
    instant_rise_s: float | None = None
    """From the load's beginning to nine tenths of the way from idle to load power."""
    usage_rise_s: float | None = None
    after_w: float | None = None
    """By the counter, in the last second watched after the load."""
    absent: dict[str, str] = field(default_factory=dict)


class DeviceFacts(Section, kw_only=True):
    """The machine, and its GPU's meters."""

    device: str
    environment: Environment
    import_s: float
    """Importing torch and transformers in a new Python, which every run of a workflow pays."""
    power: PowerFacts | None = None
    power_absent: str | None = None


class Ratio(Section, kw_only=True):
    """Median of pairs, with its 95 % bootstrap interval."""

    median: float
    low: float
    high: float
    pairs: int


class DecodeStep(Section, kw_only=True):
    """One token of a model at batch size 1, and of a twin with the same operations on next to nothing."""

    model: str
    steps: int
    """Of each answer timed."""
    step_s: float
    """Median."""
    twin_step_s: float
    """Median: what launching takes."""
    against_twin: Ratio
    """Step over the twin's."""
    kernels: float | None = None
    """Kernels and copies that run on the GPU in a step of the model."""
    kernels_s: float | None = None
    """Their seconds, added up."""
    kernels_absent: str | None = None


class Overhead(Section, kw_only=True):
    """What the passes cost on one loaded model."""

    model: str
    new_tokens: int
    bare_s: float
    """Median of a bare generate()."""
    headline: Ratio
    """The headline pass's generate() over a bare one."""
    stages: Ratio
    """The stages pass's generate() over the headline's."""
    stages_sum: Ratio
    """The sum of all stages over the headline's end to end."""


class Estimate(Section, kw_only=True):
    """A figure with the bound it was asked to hold."""

    name: str
    value: str
    """In words, with units and where it comes from; or why it is not known."""
    bound: str | None = None
    holds: bool | None = None
    """Null without a bound, and where the figure is not known."""


class Summary(Section, kw_only=True):
    """All that a check found."""

    device: str
    parts: dict[str, PartState]
    figures: list[Estimate]
    outcomes: dict[str, dict[str, str]]
    """What became of each cell of the tiny study: by optimization, then by model."""
    findings: list[str]
    """Findings of the audits that are no pass."""
