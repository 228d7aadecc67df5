#!/usr/bin/env python3
"""Peak host memory of loading a checkpoint's shards in bf16, over the bytes of its weights, and the seconds.

benchmarks/loading_memory.py [--gigabytes 1] [--shard 200MB] [--stored bfloat16] [--quantisation NAME]

Writes a LLaVA of about that size with random weights as shards of safetensors, loads it by the project's
loader in a process of its own, and reads every weight once, as the first batch does. The resident peak counts
pages of the files that the process maps and has read, which the kernel can drop at any time, and its own
memory, which it cannot; both are told.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "scripts"))
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
POLL_S = 0.002


def main() -> None:
    """Print one line: weights, shards, what the process held at most beyond its imports, their ratio,
    seconds.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--gigabytes", type=float, default=1.0, metavar="GB", help="of weights in bf16, about"
    )
    parser.add_argument("--shard", default="200MB", help="largest file, as save_pretrained takes it")
    parser.add_argument(
        "--stored", default="bfloat16", choices=["bfloat16", "float16", "float32"], help="dtype in the files"
    )
    parser.add_argument("--quantisation", help="an entry of study.quantisation.SCHEMES")
    parser.add_argument("--load", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        print(json.dumps(_load(*options.load, options.quantisation)))
        return
    with tempfile.TemporaryDirectory() as folder:
        layers = _write(Path(folder, "llava"), options.gigabytes, options.shard, options.stored)
        manifest = Path(folder, "manifest.json")
        manifest.write_bytes(_manifest(Path(folder)))
        command = [sys.executable, __file__, "--load", folder, str(manifest)]
        command += ["--quantisation", options.quantisation] if options.quantisation else []
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        shards = len(list(Path(folder, "llava").glob("*.safetensors")))
    told = json.loads(done.stdout.splitlines()[-1])
    plain, imports = told["plain_bytes"], told["imports_bytes"]
    print(
        f"{plain / 1e9:.2f} GB of weights in bf16 ({layers} layers, {shards} shards of {options.stored}), "
        f"{told['weight_bytes'] / 1e9:.2f} GB as loaded; peak {told['peak_bytes'] / 1e9:.2f} GB, "
        f"{imports / 1e9:.2f} GB of it imports; beyond them "
        f"{(told['peak_bytes'] - imports) / plain:.3f} of the weights, "
        f"{told['own_bytes'] / plain:.3f} as memory of its own; {told['seconds']:.1f} s"
    )


def _manifest(project: Path) -> bytes:
    import msgspec

    from vlm_profiling.models.describe import describe_checkpoint
    from vlm_profiling.study.inputs import ModelConfig

    return msgspec.json.encode(
        describe_checkpoint("llava", ModelConfig(folder="llava"), project, project / "unused")
    )


def _write(folder: Path, gigabytes: float, shard: str, stored: str) -> int:
    """A checkpoint of LLaVA's shapes with as many layers as fit, and the tiny LLaVA's processor; returns the
    layers.
    """
    import shutil

    import torch

    from vlm_profiling.models.full_size import full_size_config
    from vlm_profiling.models.random_weights import model_from_config

    config = full_size_config("llava-1.5-7b-hf")
    text, vision = config.text_config, config.vision_config
    vision.num_hidden_layers = 2
    text.hidden_size, text.intermediate_size, text.num_attention_heads = 2048, 5504, 16
    text.num_key_value_heads, text.head_dim = 16, 128
    per_layer = 4 * text.hidden_size**2 + 3 * text.hidden_size * text.intermediate_size
    others = 2 * text.vocab_size * text.hidden_size + 2 * 12 * vision.hidden_size**2
    text.num_hidden_layers = max(1, round((gigabytes * 1e9 / 2 - others) / per_layer))
    model = model_from_config(
        config, device="cpu", dtype=getattr(torch, stored), attention="sdpa", draw_once=True
    )
    model.save_pretrained(folder, max_shard_size=shard)
    for name in ("tokenizer.json", "tokenizer_config.json", "processor_config.json", "chat_template.jinja"):
        shutil.copy(PROJECT / "checkpoints/tiny-llava-easy-vqa" / name, folder)
    return text.num_hidden_layers


def _load(project: Path, manifest: Path, quantisation: str | None) -> dict[str, float]:
    """Load it as a run does, and read every weight."""
    from vlm_profiling.engines.transformers.loader import load_checkpoint
    from vlm_profiling.engines.transformers.stored import stored_dtype, tensor_bytes
    from vlm_profiling.record.manifests import CheckpointManifest, read_manifest

    described = read_manifest(manifest, CheckpointManifest)
    imports, own = _status_bytes("VmRSS"), _status_bytes("RssAnon")
    telemetry_sampler = _Watch()
    started = time.perf_counter()
    loaded = load_checkpoint(
        described, project, device="cpu", dtype="bfloat16", attention="sdpa", quantisation=quantisation
    )
    seconds = time.perf_counter() - started
    tensors = (*loaded.model.parameters(), *loaded.model.buffers())
    for tensor in tensors:
        if stored_dtype(tensor) == "bfloat16":
            tensor.max()
    weights = sum(map(tensor_bytes, tensors))
    return {
        "weight_bytes": weights,
        "plain_bytes": loaded.quantised.plain_weight_bytes if loaded.quantised else weights,
        "imports_bytes": imports,
        "peak_bytes": _status_bytes("VmHWM"),
        "own_bytes": telemetry_sampler.stop() - own,
        "seconds": seconds,
    }


class _Watch(threading.Thread):
    """The largest anonymous memory of this process, sampled while it loads."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.over = 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self.over.wait(POLL_S):
            self.most = max(self.most, _status_bytes("RssAnon"))

    def stop(self) -> int:
        self.over.set()
        self.join()
        return max(self.most, _status_bytes("RssAnon"))


def _status_bytes(name: str) -> int:
    """A line of /proc/self/status, which gives KiB: VmRSS, its highest VmHWM, its part RssAnon that is no
    file's (proc(5)).
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
