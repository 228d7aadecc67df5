"""Ceilings are what this machine really did: never above what other clocks say, and tied to the device they
are of.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from factories import make_environment, make_record
from msgspec.structs import replace

from vlm_profiling.cost.roofline.ceilings import Best, Ceilings, MatrixRate, read_ceilings, write_ceilings
from vlm_profiling.measure import calibrate as module
from vlm_profiling.measure.calibrate import Effort, calibrate
from vlm_profiling.measure.outcomes import MachineError
from vlm_profiling.record.files import RecordError
from vlm_profiling.study.point import Point

SCRIPT = Path(__file__).parents[2] / "scripts" / "calibrate_device.py"
SMALL = Effort(sizes=(64, 128), buffer_bytes=2**24, budget_s=0.05)


@pytest.fixture(scope="module")
def measured() -> Ceilings:
    return calibrate("cpu", None, SMALL)


def test_every_rate_is_the_best_of_its_repeats(measured: Ceilings) -> None:
    assert set(measured.matrix) | set(measured.absent) == {"float32", "float16", "bfloat16"}
    for best in (
        *(rate.rate for rate in measured.matrix.values()),
        measured.copy,
        measured.read,
        measured.launch,
    ):
        assert best.repeats >= 3 and 0 <= best.spread < 1
    assert measured.bytes_per_s == max(measured.copy.best_per_s, measured.read.best_per_s)
    assert 1e-7 < measured.launch_s < 1e-3


def test_ceilings_measured_beside_others_say_so(measured: Ceilings) -> None:
    assert measured.load_by_others is not None and 0 <= measured.load_by_others <= 1
    quiet, busy = replace(measured, load_by_others=0.01), replace(measured, load_by_others=0.4)
    assert quiet.source == f"calibrated with torch {torch.__version__}"
    assert busy.source.endswith("while other processes took 40% of the processor")


@pytest.mark.usefixtures("controlled_time")
@pytest.mark.parametrize("quicker_as_weights", [False, True])
def test_a_matrix_rate_is_that_of_the_quicker_layout(
    monkeypatch: pytest.MonkeyPatch, quicker_as_weights: bool
) -> None:
    """Without units for float16 and bfloat16 a CPU multiplies weights, as linear layers keep them, ten times
    as fast as attention's values.
    """

    def product(left: torch.Tensor, right: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
        quicker = right.is_contiguous() != quicker_as_weights
        time.sleep(2 * len(left) ** 3 / (4e9 if quicker else 0.4e9))
        return out

    monkeypatch.setattr(torch, "mm", product)
    rate = module._matrix_rate("cpu", torch.float32, SMALL)
    assert rate.rate.best_per_s == pytest.approx(4e9, rel=0.01)
    assert rate.rate.median_per_s == pytest.approx(4e9, rel=0.01)


def test_a_dtype_without_a_kernel_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def product(left: torch.Tensor, right: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
        if left.dtype == torch.float16:
            raise RuntimeError('"addmm_impl_cpu_" not implemented for Half\nand more')
        return out

    monkeypatch.setattr(
        module, "_memory_rates", lambda *_: (Best(best_per_s=1, median_per_s=1, repeats=3),) * 2
    )
    monkeypatch.setattr(torch, "mm", product)
    ceilings = calibrate("cpu", None, SMALL)
    assert ceilings.absent == {"float16": '"addmm_impl_cpu_" not implemented for Half'}
    assert set(ceilings.matrix) == {"float32", "bfloat16"}


def test_threads_are_as_before(measured: Ceilings) -> None:
    assert measured.environment.threads == torch.get_num_threads()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_has_no_ceilings() -> None:
    with pytest.raises(MachineError, match="no CUDA GPU here"):
        calibrate("cuda", None)


def test_a_file_gives_back_the_same_ceilings(measured: Ceilings, tmp_path: Path) -> None:
    write_ceilings(tmp_path / "cpu.json", measured)
    assert read_ceilings(tmp_path) == {"cpu": measured}
    (tmp_path / "cuda.json").write_text("{}")
    with pytest.raises(RecordError, match=r"cuda\.json"):
        read_ceilings(tmp_path)


def test_ceilings_hold_for_runs_on_the_same_device_alone(measured: Ceilings) -> None:
    ceilings = Ceilings(
        **{
            name: getattr(measured, name)
            for name in ("matrix", "copy", "read", "launch", "buffer_bytes", "seconds")
        },
        device="cpu",
        environment=make_environment("cpu"),
    )
    record = make_record()
    assert ceilings.mismatch(record) is None
    record.environment.threads = 64
    assert (
        ceilings.mismatch(record)
        == "the ceilings are of AMD EPYC 9654 with 2 threads, the run is of AMD EPYC 9654 with 64 threads"
    )
    on_gpu = make_record(point=Point(device="cuda", optimization="fp32", batch_size=2))
    assert ceilings.mismatch(on_gpu) == "the ceilings are of device cpu"
    ceilings.device, ceilings.environment = "cuda", make_environment("cuda")
    assert ceilings.mismatch(on_gpu) is None
    assert on_gpu.environment.gpu
    on_gpu.environment.gpu.power_limit_w = 350
    assert ceilings.mismatch(on_gpu) == (
        "the ceilings are of NVIDIA H100 80GB HBM3 at 700 W, the run is of NVIDIA H100 80GB HBM3 at 350 W"
    )
    on_gpu.environment.gpu = None
    assert ceilings.mismatch(on_gpu) == "the GPU of the ceilings or of the run is not known"


@pytest.mark.usefixtures("controlled_time")
def test_a_slow_dtype_is_measured_at_the_sizes_that_the_budget_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = torch.mm

    def slow_product(left: torch.Tensor, right: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
        time.sleep(0.01)
        return product(left, right, out=out)

    monkeypatch.setattr(torch, "mm", slow_product)
    rate: MatrixRate = module._matrix_rate("cpu", torch.float32, SMALL)
    assert rate.size == 64


@pytest.mark.slow
def test_the_script_leaves_the_file(tmp_path: Path) -> None:
    target = tmp_path / "ceilings" / "cpu.json"
    command = [sys.executable, SCRIPT, "--device", "cpu", "--output", target]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "copy, read + written" in done.stdout and "float32" in done.stdout
    assert read_ceilings(target.parent)["cpu"].buffer_bytes == 2**29
