"""Every family with every optimization that a study knows by name: measured and proven in the record, or a
reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch._dynamo
from auditing import context_of

from vlm_profiling.audits import optimization as took_effect
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study.inputs import STANDARD_OPTIMIZATIONS, OptimizationConfig
from vlm_profiling.study.quantisation import SCHEMES

GENERIC = "idefics3"
FAMILIES = [*TINY_ARCHITECTURES, GENERIC]
NO_KERNEL = "torch has no such kernel for these tensors on this device"


@dataclass(frozen=True)
class Refused:
    """A cell that cannot be measured on a CPU."""

    reason: str
    families: tuple[str, ...] = tuple(FAMILIES)


REFUSED = {
    "sdpa-efficient": Refused(f"attention sdpa-efficient: {NO_KERNEL}"),
    "sdpa-cudnn": Refused(f"attention sdpa-cudnn: {NO_KERNEL}"),
    "flash-attention-2": Refused("(?i)flash.?attention.?2|flash_attn"),
}
SLOW = {"compile"}
CELLS = [
    pytest.param(family, name, marks=pytest.mark.slow if name in SLOW else ())
    for family in FAMILIES
    for name in STANDARD_OPTIMIZATIONS
]

MakeRequest = Callable[..., RunRequest]


@pytest.fixture
def nothing_compiled() -> None:
    """As in a process of its own, which every run of a study has: torch gives up on code that it compiled
    eight times.
    """
    torch._dynamo.reset()


@pytest.mark.usefixtures("nothing_compiled")
@pytest.mark.parametrize(("family", "name"), CELLS)
def test_a_cell_is_proven_by_its_record_or_unsupported_with_a_reason(
    family: str, name: str, request_for: MakeRequest
) -> None:
    asked = STANDARD_OPTIMIZATIONS[name]
    record = profile(request_for(family, optimization=asked, batch_size=4))
    refused = REFUSED.get(name)
    if refused and family in refused.families:
        assert record.status == "unsupported" and record.failure
        assert re.search(refused.reason, record.failure.reason)
        return
    assert record.status == "ok", record.failure
    finding = took_effect.judge(context_of(record))
    assert finding.verdict in ("pass", "warn"), finding.evidence
    assert record.checkpoint
    assert sum(record.checkpoint.dtypes.values()) == record.checkpoint.parameters
    assert record.checkpoint.absent == {}
    if asked.quantisation:
        proves_quantisation(record, asked)
    else:
        assert (
            record.checkpoint.unquantised_layers is None and record.checkpoint.quantisation_operators is None
        )
        assert (record.checkpoint.compiled_frames is not None) == asked.compile


def proves_quantisation(record: RunRecord, asked: OptimizationConfig) -> None:
    """Layers, stored types, bytes and operators of a record are those of the scheme."""
    loaded = record.checkpoint
    assert loaded and asked.quantisation and loaded.unquantised_layers is not None
    scheme = SCHEMES[asked.quantisation]
    assert set(loaded.dtypes) == {asked.dtype, scheme.stored}
    assert loaded.linear_layers == loaded.quantised_modules + sum(loaded.unquantised_layers.values())
    assert loaded.quantised_modules > loaded.linear_layers / 2
    assert loaded.unquantised_bytes and loaded.weight_bytes < loaded.unquantised_bytes
    assert loaded.quantisation_operators and set(loaded.quantisation_operators) & set(scheme.operators)
    # A product of each layer at least: most of them run in the prefill, some in the decode step too
    assert sum(loaded.quantisation_operators.values()) >= loaded.quantised_modules


def test_a_run_that_quantised_nothing_fails_its_audit(
    request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a library passes layers over in silence: torchao's int4 does, of widths that do not fit."""
    monkeypatch.setattr("torchao.quantization.quantize_", lambda *arguments, **options: None)
    record = profile(request_for(optimization=STANDARD_OPTIMIZATIONS["int8"]))
    finding = took_effect.judge(context_of(record))
    assert finding.verdict == "fail"
    assert "0 of 28 linear layers stored as int8" in finding.evidence
    assert "weights take 100.0% of their bytes before quantisation" in finding.evidence
    assert "integer weights read by no operator" in finding.evidence


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_compiled")
@pytest.mark.parametrize("kind", SCHEMES)
def test_quantised_layers_compile_or_say_that_they_do_not(kind: str, request_for: MakeRequest) -> None:
    record = profile(
        request_for(optimization=OptimizationConfig(dtype="bfloat16", quantisation=kind, compile=True))
    )
    if record.status == "unsupported":  # on CPUs with AVX512-BF16
        assert record.failure and kind == "nf4"
        assert (
            record.failure.reason
            == "quantisation nf4: bitsandbytes's product on this device does not compile"
        )
        return
    assert record.status == "ok", record.failure
    finding = took_effect.judge(context_of(record))
    assert finding.verdict in ("pass", "warn"), finding.evidence
