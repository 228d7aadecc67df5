"""What a GPU can do at most, by its maker's datasheet: dense matrix rates (no sparsity) and memory bandwidth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Peaks:
    """A GPU's limits. No kernel passes them, so a figure beyond one is wrong."""

    float16_flops_per_s: float
    """Tensor cores; accumulation in float16 where that is faster."""
    bfloat16_flops_per_s: float
    float32_flops_per_s: float
    """Without tensor cores: torch multiplies float32 matrices in full precision unless told otherwise."""
    bytes_per_s: float
    source: str

    def flops_per_s(self, dtype: str) -> float:
        """The matrix rate of a dtype, named as torch does. Raises KeyError for one that no optimization asks for."""
        rates = {
            "float16": self.float16_flops_per_s,
            "bfloat16": self.bfloat16_flops_per_s,
            "float32": self.float32_flops_per_s,
        }
        return rates[dtype]


def datasheet_peaks(gpu_name: str) -> Peaks | None:
    """The peaks of a GPU as NVML names it; None for one that is not in the table."""
    return _PEAKS.get(gpu_name)


def _peaks(float16: float, bfloat16: float, float32: float, gigabytes_per_s: float, source: str) -> Peaks:
    """Rates in TFLOP/s."""
    return Peaks(float16 * 1e12, bfloat16 * 1e12, float32 * 1e12, gigabytes_per_s * 1e9, source)


_H100 = "NVIDIA H100 Tensor Core GPU datasheet"
_H200 = "NVIDIA H200 Tensor Core GPU datasheet"
_A100 = "NVIDIA A100 Tensor Core GPU datasheet"
_ADA = "NVIDIA Ada GPU architecture whitepaper, appendix A"
_GA102 = "NVIDIA Ampere GA102 GPU architecture whitepaper, appendix A"

_PEAKS = {
    "NVIDIA H100 80GB HBM3": _peaks(989.5, 989.5, 67, 3350, _H100),
    "NVIDIA H100 PCIe": _peaks(756.5, 756.5, 51, 2039, _H100),
    "NVIDIA H100 NVL": _peaks(835.5, 835.5, 60, 3938, _H100),
    "NVIDIA H200": _peaks(989.5, 989.5, 67, 4800, _H200),
    "NVIDIA H200 NVL": _peaks(835.5, 835.5, 60, 4800, _H200),
    "NVIDIA A100-SXM4-40GB": _peaks(312, 312, 19.5, 1555, _A100),
    "NVIDIA A100-SXM4-80GB": _peaks(312, 312, 19.5, 2039, _A100),
    "NVIDIA A100-PCIE-40GB": _peaks(312, 312, 19.5, 1555, _A100),
    "NVIDIA A100 80GB PCIe": _peaks(312, 312, 19.5, 1935, _A100),
    "NVIDIA L40S": _peaks(366.5, 366.5, 91.6, 864, "NVIDIA L40S datasheet"),
    "NVIDIA L4": _peaks(121, 121, 30.3, 300, "NVIDIA L4 datasheet"),
    "NVIDIA A10": _peaks(125, 125, 31.2, 600, "NVIDIA A10 datasheet"),
    "NVIDIA A40": _peaks(149.7, 149.7, 37.4, 696, "NVIDIA A40 datasheet"),
    "NVIDIA RTX A6000": _peaks(154.8, 154.8, 38.7, 768, "NVIDIA RTX A6000 datasheet"),
    "NVIDIA GeForce RTX 4090": _peaks(330.3, 165.2, 82.6, 1008, _ADA),
    "NVIDIA GeForce RTX 3090": _peaks(142, 71, 35.6, 936, _GA102),
}
"""By the name that NVML and nvidia-smi give."""
