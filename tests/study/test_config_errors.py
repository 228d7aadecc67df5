"""A wrong study stops at once, and says which key, which value, what is allowed, and the nearest name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vlm_profiling.study import ConfigError, Study, load_study, study_from_mapping

Settings = dict[str, Any]

POINT_KEYS = "device, optimization, batch_size, image_size, max_input_len, prompt_len, frames"
A_NAME = "a name: a letter or digit, then letters, digits, '.', '_' and '-', at most 80"
OTHER_CHARACTERS = "a path with other characters; allowed: folders of letters, digits, '.', '_' and '-'"
OUTSIDE = "a path outside the project; allowed: a relative path below the project's folder, without '..'"


def problems(settings: Settings) -> dict[str, tuple[object, str]]:
    """Value and message by key."""
    with pytest.raises(ConfigError) as caught:
        study_from_mapping(settings)
    return {problem.key: (problem.value, problem.message) for problem in caught.value.problems}


def change(place: str, value: object) -> Callable[[Settings], None]:
    """Sets a dotted key."""

    def apply(settings: Settings) -> None:
        *sections, last = place.split(".")
        for section in sections:
            settings = settings.setdefault(section, {})
        settings[last] = value

    return apply


def test_the_small_study_is_valid(settings: Settings) -> None:
    assert isinstance(study_from_mapping(settings), Study)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("modelz", {}, "unknown key; allowed: extends, name, description,"),
        ("modelz", {}, "did you mean 'models'?"),
        ("models.llava.revisionx", "x", "did you mean 'revision'?"),
        (
            "protocol.warmup.windows",
            4,
            "unknown key; allowed: window, max_cv, max_batches, max_s, shapes_max_s; did you mean 'window'?",
        ),
        (
            "axes.batch_size.set.batchsize",
            4,
            f"unknown key; allowed: {POINT_KEYS}; did you mean 'batch_size'?",
        ),
        ("grid", "products", "allowed: one-at-a-time, product; did you mean 'product'?"),
        ("baseline.device", "gpu", "allowed: cuda, cpu; did you mean 'cuda'?"),
        ("baseline.batch_size", 0, "allowed: integer, at least 1, at most 4,096"),
        ("baseline.batch_size", "4", "allowed: integer, at least 1, at most 4,096"),
        ("baseline.batch_size", True, "allowed: integer, at least 1, at most 4,096"),
        ("models.llava.gpus", 0, "allowed: integer, at least 1, at most 16"),
        ("models.llava.gpus", 17, "allowed: integer, at least 1, at most 16"),
        ("models.llava.gpus", "2", "allowed: integer, at least 1, at most 16"),
        ("models.llava.gpu", 2, "did you mean 'gpus'?"),
        ("baseline.image_size", 224.0, "allowed: integer, at least 4, at most 8,192"),
        ("protocol.energy_window_s", float("nan"), "allowed: number, above 0, at most 3,600"),
        ("protocol.timeout_s", float("inf"), "allowed: number, above 0"),
        ("protocol.warmup.max_cv", 1.5, "allowed: number, above 0, at most 1"),
        ("protocol.cached", "yes", "allowed: true or false"),
        ("optimizations.fp32.dtype", "fp32", "allowed: float32, float16, bfloat16"),
        ("optimizations.fp32.engine", "transformer", "allowed: transformers; did you mean 'transformers'?"),
        ("datasets.shapes.package", "easyvqa", "allowed: easy-vqa; did you mean 'easy-vqa'?"),
        ("datasets.shapes", None, "allowed: a section with the keys package, folder, hub,"),
        ("models", {}, "allowed: a mapping of names to sections, not empty"),
        ("models", ["llava"], "allowed: a mapping of names to sections, not empty"),
        ("axes.image_size.values", [], "allowed: a list, not empty, of integer or text"),
        ("models.llava.hub", "../weights", "allowed: a hub id: NAME or OWNER/NAME"),
        ("models.llava.hub", "a/b/c", "allowed: a hub id: NAME or OWNER/NAME"),
        ("models.llava.revision", "main", "allowed: a commit: 40 hexadecimal digits"),
        ("datasets.photos.folder", "../photos", OUTSIDE),
        ("datasets.photos.folder", "a/../../photos", OUTSIDE),
        ("datasets.photos.folder", "/etc", OUTSIDE),
        ("datasets.photos.folder", "~/photos", OUTSIDE),
        ("datasets.photos.folder", "C:\\photos", OUTSIDE),
        ("datasets.photos.folder", "", OUTSIDE),
        ("results", "../results", OUTSIDE),
        ("results", "results/a$(touch INJECTED)", OTHER_CHARACTERS),
        ("results", "results/a;touch INJECTED", OTHER_CHARACTERS),
        ("results", "results/`touch INJECTED`", OTHER_CHARACTERS),
        ("results", "results/a b", OTHER_CHARACTERS),
        ("results", "results/a\nb", "a path with a control character"),
        ("results", "results/{x}", OTHER_CHARACTERS),
        ("results", "results/*", OTHER_CHARACTERS),
        ("results", "-rf", OTHER_CHARACTERS),
        ("results", ".git", OTHER_CHARACTERS),
        ("results", ".", OTHER_CHARACTERS),
        ("results", "scripts", "scripts is a folder of the project itself; allowed: a folder of results"),
        ("results", "Scripts/mine", "Scripts is a folder of the project itself"),
        ("container", "containers/$(touch INJECTED).sif", OTHER_CHARACTERS),
        ("container", "containers/my image.sif", OTHER_CHARACTERS),
        ("datasets.photos.folder", "photos,/etc:/etc", "which binds of a container cannot hold"),
        ("container", "docker://pytorch/pytorch:latest", "not pinned; allowed: a .sif file"),
        ("name", "a/b", f"allowed: {A_NAME}"),
        ("baseline.optimization", "fp61", "unknown name; allowed: fp32, fp16; did you mean 'fp16'?"),
        ("baseline.models", ["lava"], "unknown name; allowed: llava, fuyu; did you mean 'llava'?"),
        ("baseline.datasets", ["shapes", "shapes"], "duplicate: named twice"),
        ("baseline.datasets", [], "an empty list selects nothing; leave the key out to select all"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    settings: Settings, place: str, value: object, message: str
) -> None:
    change(place, value)(settings)
    found = problems(settings)
    assert list(found) == [place]
    shown, text = found[place]
    assert message in text
    assert shown == value or shown in (value if isinstance(value, list) else [value]) or value != value


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a;rm -rf x",
        "/etc/passwd",
        ".hidden",
        "a/b",
        "a b",
        "a\n",
        "",
        "$(id)",
        "-rf",
        "x" * 81,
        "ü",
        5,
    ],
)
@pytest.mark.parametrize("section", ["models", "datasets", "optimizations"])
def test_a_name_that_could_leave_its_folder_is_refused(
    settings: Settings, section: str, name: object
) -> None:
    settings[section][name] = {"dtype": "bfloat16"} if section == "optimizations" else {"folder": "x"}
    assert problems(settings) == {section: (name, f"not usable as a name here; allowed: {A_NAME}")}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"hub": "owner/llava"},
            "revision is missing; allowed: the hub repository's commit, 40 hexadecimal digits",
        ),
        ({}, "exactly one of hub, folder, tiny, architecture says where it comes from; found none of them"),
        (
            {"tiny": "llava", "folder": "x"},
            "exactly one of hub, folder, tiny, architecture .*; found folder and tiny",
        ),
        ({"folder": "x", "revision": "a" * 40}, "revision belongs to a hub id"),
    ],
)
def test_a_checkpoint_has_one_source_and_a_hub_id_its_revision(
    settings: Settings, model: Settings, message: str
) -> None:
    settings["models"]["llava"] = model
    with pytest.raises(ConfigError, match=rf"models\.llava\n +{message}"):
        study_from_mapping(settings)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"hub": "owner/set", "split": "test"}, "revision is missing"),
        ({"hub": "owner/set", "revision": "a" * 40}, "split is missing"),
        (
            {"hub": "owner/set", "package": "easy-vqa"},
            "exactly one of package, folder, hub .*; found package and hub",
        ),
    ],
)
def test_a_data_set_has_one_source(settings: Settings, dataset: Settings, message: str) -> None:
    settings["datasets"]["photos"] = dataset
    with pytest.raises(ConfigError, match=rf"datasets\.photos\n +{message}"):
        study_from_mapping(settings)


def test_an_unknown_axis_is_named_with_the_nearest(settings: Settings) -> None:
    settings["axes"]["batchsize"] = {"values": [1]}
    assert (
        problems(settings)["axes.batchsize"][1]
        == f"unknown axis; allowed: {POINT_KEYS}; did you mean 'batch_size'?"
    )


@pytest.mark.parametrize(
    ("axis", "values", "expected"),
    [
        (
            "batch_size",
            [1, 0],
            {"axes.batch_size.values.1": (0, "allowed: integer, at least 1, at most 4,096")},
        ),
        ("batch_size", [4, 1, 4], {"axes.batch_size.values.2": (4, "duplicate: stands twice")}),
        (
            "batch_size",
            [None],
            {"axes.batch_size.values.0": (None, "allowed: integer, at least 1, at most 4,096")},
        ),
        (
            "batch_size",
            [[1]],
            {"axes.batch_size.values.0": ([1], "allowed: integer, at least 1, at most 4,096")},
        ),
        (
            "device",
            ["cpu", "tpu"],
            {"axes.device.values.1": ("tpu", "allowed: cuda, cpu; did you mean 'cpu'?")},
        ),
        (
            "optimization",
            ["fp61"],
            {
                "axes.optimization.values.0": (
                    "fp61",
                    "unknown name; allowed: fp32, fp16; did you mean 'fp16'?",
                )
            },
        ),
    ],
)
def test_a_value_its_axis_cannot_take_is_named(
    settings: Settings, axis: str, values: list[Any], expected: Settings
) -> None:
    settings["axes"] = {axis: {"values": values}}
    assert problems(settings) == expected


def test_null_is_a_value_where_the_model_decides(settings: Settings) -> None:
    settings["axes"]["image_size"]["values"] = [None, 32]
    assert study_from_mapping(settings).axes["image_size"].values == [None, 32]


def test_null_among_other_settings_is_refused_since_it_would_say_nothing(settings: Settings) -> None:
    settings["axes"]["batch_size"]["set"] = {"image_size": None}
    assert (
        problems(settings)["axes.batch_size.set"][1]
        == "image_size: null changes nothing here; leave the key out"
    )


def test_an_axis_does_not_hold_its_own_setting(settings: Settings) -> None:
    settings["axes"]["batch_size"]["set"] = {"batch_size": 4}
    assert problems(settings) == {
        "axes.batch_size.set.batch_size": (4, "an axis cannot hold its own setting fixed")
    }


def test_two_names_for_the_same_optimization_are_refused(settings: Settings) -> None:
    settings["optimizations"]["half"] = {"dtype": "float16", "attention": "sdpa"}
    assert problems(settings)["optimizations.half"][1] == "duplicate of optimizations.fp16: the same settings"


def test_names_whose_files_would_collide_are_refused(settings: Settings) -> None:
    settings["models"]["LLaVA"] = {"tiny": "llava"}
    assert (
        problems(settings)["models.LLaVA"][1]
        == "differs from 'llava' only in case: their files would collide"
    )


@pytest.mark.parametrize("kind", ["models", "datasets", "optimizations"])
def test_a_name_that_breaks_charts_is_refused(settings: Settings, kind: str) -> None:
    settings[kind]["toString"] = next(iter(settings[kind].values()))
    assert problems(settings)[f"{kind}.toString"][1].startswith("a name that charts cannot hold")


@pytest.mark.parametrize("name", ["index", "Index", "INDEX"])
@pytest.mark.parametrize("kind", ["models", "datasets"])
def test_the_name_of_the_study_s_own_page_is_refused(settings: Settings, kind: str, name: str) -> None:
    settings[kind][name] = next(iter(settings[kind].values()))
    assert (
        problems(settings)[f"{kind}.{name}"][1]
        == "a name that a page or folder of the study itself has; allowed: any other name"
    )


def test_an_exclusion_of_everything_is_refused(settings: Settings) -> None:
    settings["exclude"] = [{}]
    assert "an empty exclusion would leave nothing" in problems(settings)["exclude.0"][1]


def test_a_shortest_answer_above_the_longest_is_refused(settings: Settings) -> None:
    settings["protocol"] = {"min_new_tokens": 20, "max_new_tokens": 10}
    assert problems(settings)["protocol"][1] == "min_new_tokens 20 is above max_new_tokens 10"


def test_a_missing_section_is_named(settings: Settings) -> None:
    del settings["baseline"]
    assert problems(settings)["baseline"][1].startswith(
        "missing; allowed: a section with the keys device, optimization,"
    )


def test_all_problems_are_told_at_once(settings: Settings) -> None:
    for place, value in {
        "modelz": {},
        "baseline.device": "tpu",
        "models.llava.revision": None,
        "axes.image_size.values": [64, 63.5],
        "axes.batch_size.datasets": ["shape"],
        "include": [{"models": ["fuyus"]}, {"set": {"optimization": "int8"}}],
    }.items():
        change(place, value)(settings)
    found = problems(settings)
    assert sorted(found) == [
        "axes.batch_size.datasets",
        "axes.image_size.values.1",
        "baseline.device",
        "include.0.models",
        "include.1.set.optimization",
        "models.llava",
        "modelz",
    ]


def test_the_message_reads_like_a_list_of_corrections(settings: Settings) -> None:
    change("baseline.device", "gpu")(settings)
    change("axes.batch_size.datasets", ["shape"])(settings)
    with pytest.raises(ConfigError) as caught:
        study_from_mapping(settings, source="my.yaml")
    assert str(caught.value) == (
        "my.yaml: 2 problems\n"
        "  baseline.device = 'gpu'\n"
        "    allowed: cuda, cpu; did you mean 'cuda'?\n"
        "  axes.batch_size.datasets = 'shape'\n"
        "    unknown name; allowed: shapes, photos; did you mean 'shapes'?"
    )


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("name: a\nmodels: {x: {tiny: llava}}\nname: b\n", 3, "not readable as YAML: duplicate key 'name'"),
        ("models:\n  x: {tiny: llava}\n  x: {tiny: fuyu}\n", 3, "not readable as YAML: duplicate key 'x'"),
        ("name: [\n", 2, "not readable as YAML: while parsing a flow node expected the node content"),
        ("- a\n- b\n", None, "must be a mapping of sections, found ['a', 'b']"),
        ("", None, "must be a mapping of sections, found None"),
        ("name: !!python/object/apply:os.getcwd []\n", 1, "not readable as YAML: could not determine"),
        ("name: a\nmodels:\n\tx: {tiny: llava}\n", 3, "not readable as YAML: while scanning for the next"),
        ("name: a\n---\nname: b\n", 2, "not readable as YAML: expected a single document in the stream"),
        ("name: a\nmodels: &m\n  x: *m\n", 2, "not readable as YAML: an anchor that holds itself"),
        ("a: " + "[" * 5000, None, "nested too deeply for a study"),
        ('name: a\ndescription: "b\0"\n', 2, "the character '\\x00' is not allowed in YAML"),
        ("name: a\n".encode("utf-16"), 1, "not text in UTF-8; save it in that encoding"),
        (b"name: a\n\x89PNG\r\n\x1a\n", 2, "not text in UTF-8; save it in that encoding"),
    ],
)
def test_a_file_that_is_no_study_is_refused_in_one_line_with_file_and_line(
    tmp_path: Path, content: str | bytes, line: int | None, what: str
) -> None:
    path = tmp_path / "my.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as caught:
        load_study(path)
    where = f"{path}, line {line}" if line else str(path)
    assert str(caught.value).startswith(f"{where}: {what}")
    assert "\n" not in str(caught.value)


def test_anchors_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 10)]
    path = tmp_path / "my.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="more than 100,000 values once its anchors are written out"):
        load_study(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: no such file$"):
        load_study(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match=rf"{tmp_path.name}: a folder; allowed: a YAML file$"):
        load_study(tmp_path)


def test_a_long_key_or_value_is_cut(settings: Settings) -> None:
    settings["baseline"]["device"] = "x" * 1_000_000
    settings["y" * 1_000_000] = 1
    with pytest.raises(ConfigError) as caught:
        study_from_mapping(settings)
    assert f"  baseline.device = '{'x' * 99}...\n" in str(caught.value)
    assert f"  {'y' * 100}... = 1\n" in str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("seconds", [1e300, 604_801])
def test_a_limit_of_time_beyond_a_week_is_refused(settings: Settings, seconds: float) -> None:
    settings["protocol"] = {"timeout_s": seconds}
    with pytest.raises(ConfigError, match="allowed: number, above 0, at most 604,800"):
        study_from_mapping(settings)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: Größe\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml, line 1: not text in UTF-8"):
        load_study(path)
