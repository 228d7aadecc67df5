"""Cost functions say what their coefficients mean, refuse what they cannot know, and survive their file."""

from __future__ import annotations

from pathlib import Path

import pytest
from closed_form import closed_form, differences
from transformers import AutoConfig

from vlm_profiling.cost.counting.fit import fit, solve
from vlm_profiling.cost.functions import (
    CacheElements,
    CostError,
    DecodeFlops,
    ModelCost,
    PrefillFlops,
    ProjectFlops,
    StageFlops,
    VisionFlops,
    WeightReads,
    Work,
    read_cost,
    sum_of_squared_windows,
    work_flops,
    write_cost,
)
from vlm_profiling.cost.roofline.table import cost_table
from vlm_profiling.record.manifests import CheckpointManifest

FLOPS = StageFlops(
    vision=VisionFlops(per_patch=100, per_patch_square=2, per_window_square=3, window=4),
    project=ProjectFlops(constant=5, per_patch=10, per_qformer_token=7, per_qformer_token_square=1),
    prefill=PrefillFlops(constant=50, per_prompt_token=20, per_prompt_token_square=1),
    decode=DecodeFlops(constant=30, per_prompt_token=2, per_step=4),
)


def test_windows_at_the_border_are_cut() -> None:
    assert sum_of_squared_windows((4, 4), 4) == 16**2
    assert sum_of_squared_windows((6, 4), 4) == 16**2 + 8**2
    assert sum_of_squared_windows((6, 10), 4) == 2 * 16**2 + 8**2 + 2 * 8**2 + 4**2


def test_a_batch_costs_the_sum_of_its_images_and_rows() -> None:
    work = Work(grids=((4, 4), (6, 4)), prompt_tokens=10, generated_tokens=3, qformer_tokens=2)
    cost = work_flops(FLOPS, work)
    assert cost.vision_flops == (1600 + 2 * 256 + 3 * 256) + (2400 + 2 * 576 + 3 * (256 + 64))
    assert cost.project_flops == 2 * (5 + 14 + 4) + 160 + 240
    assert cost.prefill_flops == 2 * (50 + 200 + 100)
    assert cost.decode_flops == 2 * ((30 + 20 + 4) + (30 + 20 + 8))
    assert cost.total_flops == 7392 + 446 + 700 + 224


@pytest.mark.parametrize("generated_tokens", [1, 2, 5, 50])
def test_decoding_is_the_sum_of_its_steps_one_fewer_than_tokens(generated_tokens: int) -> None:
    steps = [FLOPS.decode.step_flops(17, step) for step in range(1, generated_tokens)]
    assert FLOPS.decode.flops(17, generated_tokens) == sum(steps)


def test_a_needed_grid_that_is_missing_is_an_error() -> None:
    with pytest.raises(CostError, match="no vision_grid"):
        work_flops(FLOPS, Work(grids=(None,), prompt_tokens=10, generated_tokens=1))


def test_a_grid_that_a_fixed_encoder_cannot_take_is_an_error() -> None:
    fixed = VisionFlops(grid=(16, 16), constant=9)
    assert fixed.flops((16, 16)) == fixed.flops(None) == 9
    with pytest.raises(CostError, match=r"takes \(16, 16\).*\(24, 24\)"):
        fixed.flops((24, 24))


def test_bytes_scale_with_the_width_of_a_number() -> None:
    weights = WeightReads(project=10, prefill=100, decode=80)
    assert weights.stage_bytes("decode", 2) == 160
    assert weights.stage_bytes("decode", 0.5) == 40
    assert weights.stage_bytes("vision", 2) is None
    # the last of 3 generated tokens is never read back
    assert CacheElements(constant=6, per_prompt_token=8, per_generated_token=6).row_bytes(5, 3, 2) == 2 * (
        6 + 40 + 12
    )


def test_a_file_gives_back_the_same_cost(cost: ModelCost, tmp_path: Path) -> None:
    write_cost(tmp_path / "costs" / "tiny.json", cost)
    assert read_cost(tmp_path / "costs" / "tiny.json") == cost


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"name": 3}')
    with pytest.raises(CostError, match=r"broken\.json"):
        read_cost(path)


def test_the_closed_form_is_within_2_percent_of_every_stage(
    cost: ModelCost, manifest: CheckpointManifest, project: Path
) -> None:
    found = differences(AutoConfig.from_pretrained(project / str(manifest.folder)), cost)
    assert set(found) >= {"project", "prefill", "decode"}
    assert all(abs(difference) <= 0.02 for difference in found.values())


def test_ptflops_misses_the_products_of_attention_and_adds_elementwise_work(cost: ModelCost) -> None:
    check = next(check for check in cost.checks if (check.method, check.stage) == ("ptflops", "prefill"))
    assert cost.flops is not None
    products = cost.flops.prefill.per_prompt_token_square * check.work.prompt_tokens**2
    assert check.flops + products == pytest.approx(check.counted_flops, rel=0.05)
    assert check.leaves_out is not None
    assert "attention" in check.leaves_out


def test_the_table_shows_the_convention_and_every_stage(cost: ModelCost) -> None:
    table = cost_table(cost)
    assert "1 multiply-add = 2 FLOPs" in table
    assert ("\nvision " in table) == (cost.model_type != "fuyu")
    assert all(f"\n{stage} " in table for stage in ("project", "prefill", "decode"))
    assert "attention" in table


def test_three_counts_fix_a_quadratic_and_a_fourth_checks_it() -> None:
    def terms(size: int) -> tuple[int, int, int]:
        return 1, size, size**2

    assert fit("stage", lambda rows, size: rows * (7 + 5 * size + 3 * size**2), terms, (2, 4, 9), 11) == [
        7,
        5,
        3,
    ]
    with pytest.raises(CostError, match="stage"):
        fit("stage", lambda rows, size: rows * (7 + size**3), terms, (2, 4, 9), 11)
    with pytest.raises(CostError, match="2 rows"):
        fit("stage", lambda rows, size: rows**2 * (7 + size**2), terms, (2, 4, 9), 11)


def test_a_fraction_of_an_operation_is_refused() -> None:
    with pytest.raises(CostError, match="whole"):
        fit("stage", lambda rows, size: rows * size // 2, lambda size: (size,), [3], 5)


def test_equations_that_determine_nothing_are_refused() -> None:
    with pytest.raises(CostError, match="determine"):
        solve([(1, 2), (2, 4)], [3, 6])


def test_a_closed_form_of_an_unknown_model_type_is_refused() -> None:
    with pytest.raises(KeyError):
        closed_form(type("Config", (), {"model_type": "unheard-of"}))
