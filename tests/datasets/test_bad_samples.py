"""Whatever is wrong with a sample is named, all of it in one error, or skipped and counted."""

from __future__ import annotations

import pytest

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.images import MAX_PIXELS


def set_field(field, value):
    return lambda samples: samples[1].update({field: value})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (set_field("image_path", "images/gone.png"), "no such file: images/gone.png"),
        (set_field("image_path", "../secret.png"), "leaves the data set's folder"),
        (set_field("image_path", "/etc/hostname"), "leaves the data set's folder"),
        (set_field("image_path", "images\\1.png"), "leaves the data set's folder"),
        (set_field("image_path", "x" * 5000), "no such file"),
        (set_field("image_path", ""), "leaves the data set's folder"),
        (set_field("image_path", None), "no image"),
        (set_field("image_path", 7), "must be a path, not int"),
        (set_field("request", ""), "the request is empty"),
        (set_field("request", " \n\t"), "the request is empty"),
        (set_field("request", None), "there is no request"),
        (set_field("request", ["why?"]), "the request must be text, not list"),
        (set_field("request", "half a pair \ud83d"), "the request is not valid Unicode"),
        (set_field("response", None), "there is no response"),
        (set_field("response", []), "there is no response"),
        (set_field("response", 3), "the response must be text, not int"),
        (set_field("response", ["yes", 1]), "the response must be text, not int"),
        (lambda samples: samples[1].pop("request"), "no request"),
        (lambda samples: samples[1].pop("response"), "no response"),
        (lambda samples: samples.__setitem__(1, "not a sample"), "not an object with named fields"),
    ],
)
def test_a_bad_sample_is_named_with_its_reason(source, prepare, change, reason):
    source(4, change)
    with pytest.raises(DatasetError, match="1 of 4 samples cannot be used") as error:
        prepare()
    assert "\n  sample 1: " in str(error.value)
    assert reason in str(error.value)
    assert prepare(on_bad_sample="skip").samples == 3


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "corrupt", "script"])
def test_a_file_that_is_no_whole_image_is_bad(source, prepare, image, kind):
    whole = image(size=(64, 64), ending="JPEG")
    content = {
        "empty": b"",
        "text": b"not an image",
        "truncated": whole[: len(whole) // 2],
        "corrupt": image()[:40] + b"\xff" * 30,
        "script": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
    }[kind]
    (source() / "images" / "2.png").write_bytes(content)
    with pytest.raises(DatasetError, match=r"sample 2: .*image"):
        prepare()


def test_a_small_file_that_unpacks_to_too_many_pixels_is_refused_undecoded(source, prepare, image):
    bomb = image(mode="1", size=(10_001, MAX_PIXELS // 10_000))
    assert len(bomb) < 100_000
    (source() / "images" / "0.png").write_bytes(bomb)
    with pytest.raises(
        DatasetError, match="sample 0: the image is larger than 100 megapixels: 10001 x 10000"
    ):
        prepare()


def test_a_link_out_of_the_folder_is_not_followed(source, prepare, tmp_path, image):
    folder = source()
    (tmp_path / "outside.png").write_bytes(image())
    (folder / "images" / "3.png").unlink()
    (folder / "images" / "3.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(DatasetError, match=r"sample 3: the image's path 'images/3\.png' leaves"):
        prepare()


def test_the_second_sample_of_an_id_is_bad(source, prepare):
    source(4, lambda samples: [sample.update(name=f"s{n % 3}") for n, sample in enumerate(samples)])
    with pytest.raises(DatasetError, match="1 of 4 samples") as error:
        prepare(columns={"id": "name"})
    assert "sample s0: its id stands twice" in str(error.value)


@pytest.mark.parametrize("name", [None, "", True, 1.5])
def test_an_id_is_a_text_or_a_whole_number(source, prepare, name):
    source(4, lambda samples: [sample.update(name=name if n == 1 else n) for n, sample in enumerate(samples)])
    with pytest.raises(DatasetError, match="its id must be a text or a whole number"):
        prepare(columns={"id": "name"})


def test_fifty_problems_are_listed_and_the_rest_counted(source, prepare):
    source(60, lambda samples: [sample.update(request="") for sample in samples[:55]])
    with pytest.raises(DatasetError) as error:
        prepare()
    lines = str(error.value).splitlines()
    assert lines[0].startswith("datasets/shapes: 55 of 60 samples cannot be used")
    assert len(lines) == 1 + 50 + 1
    assert lines[-1] == "  and 5 more"


def test_skipped_samples_are_counted_and_named_in_the_manifest(source, prepare):
    source(
        5, lambda samples: (samples[1].update(request=""), samples[4].update(image_path="images/gone.png"))
    )
    manifest = prepare(on_bad_sample="skip")
    assert (manifest.samples, manifest.population) == (3, 3)
    assert [(problem.id, problem.reason) for problem in manifest.skipped] == [
        ("1", "the request is empty"),
        ("4", "no such file: images/gone.png"),
    ]


def test_what_a_bad_sample_is_called_moves_no_cursor_and_can_be_written(source, prepare):
    source(2, lambda samples: [sample.update(name=f"\x1b[31m{n}\ud800") for n, sample in enumerate(samples)])
    with pytest.raises(DatasetError) as error:
        prepare(columns={"id": "name"})
    assert "sample  [31m0?: the id is not valid Unicode" in str(error.value)
