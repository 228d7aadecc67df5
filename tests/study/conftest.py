"""A small valid study that tests change in one place at a time."""

from __future__ import annotations

from typing import Any

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def settings() -> dict[str, Any]:
    """Two models, two data sets, two axes, as config.yaml would hold them."""
    return {
        "name": "small",
        "models": {"llava": {"hub": "owner/llava", "revision": COMMIT}, "fuyu": {"tiny": "fuyu"}},
        "datasets": {
            "shapes": {"package": "easy-vqa", "samples": 20},
            "photos": {"folder": "datasets/photos"},
        },
        "optimizations": {"fp32": {"dtype": "float32"}, "fp16": {"dtype": "float16"}},
        "baseline": {
            "device": "cpu",
            "optimization": "fp32",
            "batch_size": 1,
            "image_size": 64,
            "datasets": ["shapes"],
        },
        "axes": {
            "batch_size": {"values": [1, 4], "datasets": ["shapes"]},
            "image_size": {"values": [32, 64], "set": {"batch_size": 4}},
        },
    }
