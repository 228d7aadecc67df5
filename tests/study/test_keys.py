"""A run's key is the hash of what decides its numbers: anything that does changes it, nothing else."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from vlm_profiling.study import ConfigError, Point, expand_runs, load_study, study_from_mapping
from vlm_profiling.study.canonical import canonical_json
from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig
from vlm_profiling.study.inputs import DatasetContent, ModelContent, OptimizationConfig
from vlm_profiling.study.spec import PROTOCOL_VERSION, RunSpec

Settings = dict[str, Any]

GOLDEN_SPEC = (
    '{"dataset":{"on_bad_sample":"stop","package":"easy-vqa","samples":20,"seed":0},"environment":"lock-1","hardware":null,'
    '"model":{"hub":"owner/llava","image_size_mode":"processor","processor_backend":"auto",'
    '"revision":"0123456789abcdef0123456789abcdef01234567",'
    '"trust_remote_code":false},"optimization":{"attention":"sdpa","compile":false,"dtype":"float32"},'
    '"point":{"batch_size":1,"device":"cpu","frames":1,"image_size":64,"max_input_len":null,"optimization":"fp32"},'
    '"protocol":{"cached":true,"energy_window_s":10.0,"idle_s":10.0,"layers":false,"max_new_tokens":50,"min_new_tokens":0,'
    '"repeats":{"block_batches":4,"half_width":0.01,"max_s":10.0,"max_share":2.0,"min_rounds":5},"stage_energy":false,'
    '"stages":true,"timeout_s":3600.0,"trace":false,"warmup":{"max_batches":12,"max_cv":0.05,"max_s":30.0,"shapes_max_s":120.0,"window":4}},"protocol_version":2}'
)
GOLDEN_KEY = "05ea456065"


def baseline_key(settings: Settings, environment: str = "lock-1") -> str:
    return expand_runs(study_from_mapping(settings), environment)[0].key


def test_the_key_of_a_known_run_is_the_one_written_down(settings: Settings) -> None:
    run = expand_runs(study_from_mapping(settings), "lock-1")[0]
    assert run.spec.json == GOLDEN_SPEC
    assert run.key == GOLDEN_KEY


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["models"]["llava"].update(revision="f" * 40),
        lambda s: s["models"]["llava"].update(hub="owner/other"),
        lambda s: s["models"]["llava"].update(processor_backend="pil"),
        lambda s: s["models"]["llava"].update(image_size_mode="interpolate"),
        lambda s: s["models"]["llava"].update(trust_remote_code=True),
        lambda s: s["models"]["llava"].update(family="llava"),
        lambda s: s["datasets"]["shapes"].update(samples=21),
        lambda s: s["datasets"]["shapes"].update(seed=1),
        lambda s: s["datasets"]["shapes"].update(on_bad_sample="skip"),
        lambda s: s["baseline"].update(device="cuda"),
        lambda s: (s["baseline"].update(device="cuda"), s["models"]["llava"].update(gpus=2)),
        lambda s: s["baseline"].update(batch_size=2),
        lambda s: s["baseline"].update(image_size=65),
        lambda s: s["baseline"].update(max_input_len=100),
        lambda s: s["baseline"].update(prompt_len=100),
        lambda s: s["baseline"].update(frames=2),
        lambda s: s["optimizations"]["fp32"].update(attention="eager"),
        lambda s: s["optimizations"]["fp32"].update(compile=True),
        lambda s: s.update(protocol={"max_new_tokens": 49}),
        lambda s: s.update(protocol={"min_new_tokens": 1}),
        lambda s: s.update(protocol={"cached": False}),
        lambda s: s.update(protocol={"stages": False}),
        lambda s: s.update(protocol={"layers": True}),
        lambda s: s.update(protocol={"trace": True}),
        lambda s: s.update(protocol={"idle_s": 9.0}),
        lambda s: s.update(protocol={"energy_window_s": 9.0}),
        lambda s: s.update(protocol={"timeout_s": 60.0}),
        lambda s: s.update(protocol={"warmup": {"window": 5}}),
        lambda s: s.update(protocol={"warmup": {"max_cv": 0.1}}),
        lambda s: s.update(protocol={"warmup": {"max_batches": 13}}),
        lambda s: s.update(protocol={"warmup": {"max_s": 31.0}}),
        lambda s: s.update(hardware="h100"),
    ],
)
def test_whatever_decides_a_number_changes_the_key(
    settings: Settings, change: Callable[[Settings], None]
) -> None:
    before = baseline_key(settings)
    change(settings)
    assert baseline_key(settings) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(name="renamed"),
        lambda s: s.update(description="other words"),
        lambda s: s.update(results="elsewhere"),
        lambda s: s.update(axes={}),
        lambda s: s["axes"].pop("image_size"),
        lambda s: s["models"].update(fuyu={"tiny": "llava"}),
        lambda s: s["datasets"].update(more={"folder": "more"}),
        lambda s: s["optimizations"].update(bf16={"dtype": "bfloat16"}),
        lambda s: s.update(include=[{"set": {"batch_size": 3}}]),
        lambda s: s.update(protocol={"max_new_tokens": 50}),
        lambda s: s["models"]["llava"].update(trust_remote_code=False),
    ],
)
def test_what_decides_nothing_of_a_run_leaves_its_key(
    settings: Settings, change: Callable[[Settings], None]
) -> None:
    before = baseline_key(settings)
    change(settings)
    assert baseline_key(settings) == before


def test_the_wording_of_questions_changes_the_key(settings: Settings) -> None:
    hub = {"hub": "lmms-lab/textvqa", "revision": "f" * 40, "split": "validation"}
    keys_found = set()
    for prompt in ({}, {"prompt": "lmms-eval"}, {"prompt": "raw"}):
        settings["datasets"]["shapes"] = hub | prompt
        keys_found.add(baseline_key(settings))
    assert len(keys_found) == 3


def test_the_environment_changes_the_key(settings: Settings) -> None:
    assert baseline_key(settings, "lock-2") != baseline_key(settings, "lock-1")


def test_a_new_meaning_of_a_number_changes_the_key(settings: Settings) -> None:
    spec = expand_runs(study_from_mapping(settings))[0].spec
    assert spec.protocol_version == PROTOCOL_VERSION
    assert replace(spec, protocol_version=PROTOCOL_VERSION + 1).key != spec.key


def test_two_values_that_swap_places_change_the_key(settings: Settings) -> None:
    settings["baseline"] |= {"batch_size": 64, "image_size": 32}
    before = baseline_key(settings)
    settings["baseline"] |= {"batch_size": 32, "image_size": 64}
    assert baseline_key(settings) != before


def test_the_order_of_keys_in_the_file_does_not_count(settings: Settings, tmp_path: Path) -> None:
    def reversed_mappings(value: Any) -> Any:
        return (
            {key: reversed_mappings(value[key]) for key in reversed(value)}
            if isinstance(value, dict)
            else value
        )

    def keys_of(name: str, content: Settings) -> dict[str, str]:
        path = tmp_path / name
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return {run.name: run.key for run in expand_runs(load_study(path), "lock-1")}

    assert keys_of("one.yaml", settings) == keys_of("two.yaml", reversed_mappings(copy.deepcopy(settings)))


def test_the_axis_that_leads_to_a_point_does_not_count(settings: Settings) -> None:
    by_axis = {run.point: run.key for run in expand_runs(study_from_mapping(settings))}
    settings |= {"axes": {}, "include": [{"set": {"batch_size": 4}}]}
    by_inclusion = {run.point: run.key for run in expand_runs(study_from_mapping(settings))}
    shared = by_axis.keys() & by_inclusion.keys()
    assert len(shared) == 2
    assert all(by_axis[point] == by_inclusion[point] for point in shared)


def test_the_spec_says_what_the_key_is_the_hash_of(settings: Settings) -> None:
    for run in expand_runs(study_from_mapping(settings), "lock-1"):
        assert canonical_json(json.loads(run.spec.json)) == run.spec.json
        assert run.key == hashlib.sha256(run.spec.json.encode()).hexdigest()[:10]


def test_a_spec_is_read_back_from_its_json(settings: Settings) -> None:
    settings["axes"]["prompt_len"] = {"values": [None, 64]}
    for run in expand_runs(study_from_mapping(settings), "lock-1"):
        read = RunSpec.from_json(run.spec.json)
        assert (read, read.key, read.gpus) == (run.spec, run.key, run.spec.gpus)


def test_a_spec_of_an_older_study_keeps_its_text_and_key(settings: Settings) -> None:
    older = json.loads(expand_runs(study_from_mapping(settings))[0].spec.json)
    del older["protocol"]["repeats"]
    text = canonical_json(older)
    read = RunSpec.from_json(text)
    assert read.protocol.repeats == RepeatsConfig()
    assert (read.json, read.key) == (text, hashlib.sha256(text.encode()).hexdigest()[:10])


def test_a_run_without_a_study_is_named_by_content() -> None:
    spec = RunSpec(
        model=ModelContent(source="folder", content_sha256="a" * 64, gpus=2),
        dataset=DatasetContent(source="folder", content_sha256="b" * 64),
        optimization=OptimizationConfig(dtype="float16"),
        point=Point(device="cuda", optimization="fp16"),
        protocol=ProtocolConfig(),
    )
    assert json.loads(spec.json)["model"] == {"content_sha256": "a" * 64, "gpus": 2, "source": "folder"}
    assert RunSpec.from_json(spec.json) == spec
    assert spec.gpus == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("point"), "'point' is missing"),
        (lambda s: s["point"].update(batch_size="2"), "Expected `int`, got `str` - at `$.batch_size`"),
        (lambda s: s["protocol"].update(layer=True), "layer: Extra inputs are not permitted"),
    ],
)
def test_what_is_no_spec_is_refused_in_a_line(
    settings: Settings, change: Callable[[Settings], None], said: str
) -> None:
    parts = json.loads(expand_runs(study_from_mapping(settings))[0].spec.json)
    change(parts)
    with pytest.raises(ConfigError, match=re.escape(f"no run's spec: {said}")):
        RunSpec.from_json(canonical_json(parts))
    with pytest.raises(ConfigError, match="no run's spec: Expecting value"):
        RunSpec.from_json("model")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_has_no_json_has_no_canonical_json(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"a": value})


def test_canonical_json_is_sorted_compact_and_ascii() -> None:
    assert canonical_json({"b": [1, 2.5, None, True], "a": "ü"}) == '{"a":"\\u00fc","b":[1,2.5,null,true]}'


def test_the_number_of_gpus_decides_the_key_of_a_run_on_gpus_alone(settings: Settings) -> None:
    settings["axes"] = {"device": {"values": ["cpu", "cuda"]}}
    del settings["models"]["fuyu"]
    keys = []
    for gpus in (None, 1, 2, 4):
        if gpus:
            settings["models"]["llava"]["gpus"] = gpus
        keys.append(
            {run.point.device: (run.key, run.spec.gpus) for run in expand_runs(study_from_mapping(settings))}
        )
    assert {on["cpu"] for on in keys} == {(keys[0]["cpu"][0], 0)}
    assert keys[0] == keys[1] and [on["cuda"][1] for on in keys] == [1, 1, 2, 4]
    assert len({on["cuda"][0] for on in keys}) == 3
