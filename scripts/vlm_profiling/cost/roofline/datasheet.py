"""What a GPU can do at most, by its maker's datasheet: dense matrix rates (no sparsity) and memory bandwidth.

Where a maker's own papers round differently the higher figure stands here: a limit that nothing passes. AMD's
GPUs are not in the table, because a run names its GPU by NVML.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Peaks:
    """A GPU's limits. No kernel passes them, so a figure beyond one is wrong."""

    float16_flops_per_s: float
    """Tensor cores; accumulation in float16 where that is faster."""
    bfloat16_flops_per_s: float | None
    """None before Ampere, whose tensor cores were the first to multiply bfloat16."""
    float32_flops_per_s: float
    """Without tensor cores: torch multiplies float32 matrices in full precision unless told otherwise."""
    bytes_per_s: float
    source: str

    def flops_per_s(self, dtype: str) -> float | None:
        """The matrix rate of a dtype, named as torch does; None where the datasheet gives none."""
        rates = {
            "float16": self.float16_flops_per_s,
            "bfloat16": self.bfloat16_flops_per_s,
            "float32": self.float32_flops_per_s,
        }
        return rates.get(dtype)


def datasheet_peaks(gpu_name: str) -> Peaks | None:
    """The peaks of a GPU as NVML names it; None for one that is not in the table."""
    return _PEAKS.get(gpu_name)


def _peaks(
    float16: float, bfloat16: float | None, float32: float, gigabytes_per_s: float, source: str
) -> Peaks:
    """Rates in TFLOP/s."""
    return Peaks(float16 * 1e12, bfloat16 and bfloat16 * 1e12, float32 * 1e12, gigabytes_per_s * 1e9, source)


_B200 = "NVIDIA Blackwell datasheet (HGX B200)"
_GB200 = "NVIDIA Blackwell datasheet (GB200 Superchip)"
_H100 = "NVIDIA H100 Tensor Core GPU datasheet"
_H200 = "NVIDIA H200 Tensor Core GPU datasheet"
_A100 = "NVIDIA A100 Tensor Core GPU datasheet"
_V100 = "NVIDIA V100 Tensor Core GPU datasheet"
_ADA = "NVIDIA Ada GPU architecture whitepaper, appendix A"
_GA102 = "NVIDIA Ampere GA102 GPU architecture whitepaper, appendix A"

_PEAKS = {
    "NVIDIA B200": _peaks(2250, 2250, 80, 8000, _B200),
    "NVIDIA GB200": _peaks(2500, 2500, 90, 8000, _GB200),
    "NVIDIA H100 80GB HBM3": _peaks(989.5, 989.5, 67, 3350, _H100),
    "NVIDIA H100 PCIe": _peaks(756.5, 756.5, 51, 2039, _H100),
    "NVIDIA H100 NVL": _peaks(835.5, 835.5, 60, 3938, _H100),
    "NVIDIA H200": _peaks(989.5, 989.5, 67, 4800, _H200),
    "NVIDIA H200 NVL": _peaks(835.5, 835.5, 60, 4800, _H200),
    "NVIDIA H20": _peaks(148, 148, 44, 4000, "NVIDIA H20 datasheet"),
    "NVIDIA A100-SXM4-40GB": _peaks(312, 312, 19.5, 1555, _A100),
    "NVIDIA A100-SXM4-80GB": _peaks(312, 312, 19.5, 2039, _A100),
    "NVIDIA A100-PCIE-40GB": _peaks(312, 312, 19.5, 1555, _A100),
    "NVIDIA A100 80GB PCIe": _peaks(312, 312, 19.5, 1935, _A100),
    "Tesla V100-SXM2-16GB": _peaks(125, None, 15.7, 900, _V100),
    "Tesla V100-SXM2-32GB": _peaks(125, None, 15.7, 900, _V100),
    "Tesla V100-PCIE-16GB": _peaks(112, None, 14, 900, _V100),
    "Tesla V100-PCIE-32GB": _peaks(112, None, 14, 900, _V100),
    "NVIDIA L40S": _peaks(366.5, 366.5, 91.6, 864, "NVIDIA L40S datasheet"),
    "NVIDIA L40": _peaks(181.05, 181.05, 90.5, 864, "NVIDIA L40 datasheet"),
    "NVIDIA L4": _peaks(121, 121, 30.3, 300, "NVIDIA L4 datasheet"),
    "NVIDIA A10": _peaks(125, 125, 31.2, 600, "NVIDIA A10 datasheet"),
    "NVIDIA A40": _peaks(149.7, 149.7, 37.4, 696, "NVIDIA A40 datasheet"),
    "Tesla T4": _peaks(65, None, 8.1, 320, "NVIDIA T4 Tensor Core datasheet"),
    "NVIDIA RTX A6000": _peaks(154.8, 154.8, 38.7, 768, "NVIDIA RTX A6000 datasheet"),
    "NVIDIA GeForce RTX 5090": _peaks(
        419, 209.5, 104.8, 1792, "NVIDIA RTX Blackwell GPU architecture whitepaper, appendix A"
    ),
    "NVIDIA GeForce RTX 4090": _peaks(330.3, 165.2, 82.6, 1008, _ADA),
    "NVIDIA GeForce RTX 3090": _peaks(142, 71, 35.6, 936, _GA102),
}
"""By the name that NVML and nvidia-smi give."""
