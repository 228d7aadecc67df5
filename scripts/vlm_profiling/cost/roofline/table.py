"""A model's cost functions as a text that a person reads."""

from __future__ import annotations

from vlm_profiling.cost.functions import CrossCheck, ModelCost, StageFlops

PROMPT_TOKENS = (64, 256, 1024)
FREE_GRIDS = ((16, 16), (32, 32))
"""Images shown for architectures that take any patch grid."""
QFORMER_TOKENS = 16


def cost_table(cost: ModelCost) -> str:
    """The convention, FLOPs of each stage at stated sizes, weights and cache, and the cross-checks."""
    if cost.flops is None or cost.weights is None or cost.cache is None:
        return f"{cost.name} ({cost.model_type}): {cost.absent}"
    lines = [
        f"{cost.name} ({cost.model_type}), {(cost.parameters or 0) / 1e9:.3f} B parameters",
        f"FLOPs: {cost.convention}",
        "",
    ]
    lines += [
        f"{stage:9}{size:38}{flops / 1e9:14.3f} GFLOP" for stage, size, flops in _stage_rows(cost.flops)
    ]
    lines += ["", "Parameters read by one forward pass (embedding tables left out):"]
    reads = {stage: getattr(cost.weights, stage) for stage in ("vision", "project", "prefill", "decode")}
    lines.append(
        "  "
        + ", ".join(f"{stage} {count / 1e6:.1f} M" for stage, count in reads.items() if count is not None)
    )
    lines.append("Key-value cache of one row:")
    lines.append(
        f"  {cost.cache.per_prompt_token} elements a prompt token, "
        f"{cost.cache.per_generated_token} a generated token"
    )
    lines += ["", "Counted another way, against the count:"]
    lines += [f"  {check.method:12}{check.stage:9}{check.relative_difference:+9.2%}" for check in cost.checks]
    lines += [f"  {method} leaves out {what}" for method, what in _left_out(cost.checks).items()]
    return "\n".join(lines)


def _stage_rows(flops: StageFlops) -> list[tuple[str, str, int]]:
    vision, rows = flops.vision, []
    grids = FREE_GRIDS if vision is None or vision.grid is None else (vision.grid,)
    for grid in grids:
        size = f"an image of {grid[0]} x {grid[1]} patches"
        if vision is not None:
            rows.append(("vision", size, vision.flops(grid)))
        question = f", {QFORMER_TOKENS} tokens" if flops.project.per_qformer_token else ""
        rows.append(("project", size + question, flops.project.flops(grid, QFORMER_TOKENS)))
    rows += [("prefill", f"{tokens} prompt tokens", flops.prefill.flops(tokens)) for tokens in PROMPT_TOKENS]
    rows += [
        ("decode", f"a token after {tokens} prompt tokens", flops.decode.step_flops(tokens, 1))
        for tokens in PROMPT_TOKENS
    ]
    return rows


def _left_out(checks: list[CrossCheck]) -> dict[str, str]:
    return {check.method: check.leaves_out for check in checks if check.leaves_out is not None}
