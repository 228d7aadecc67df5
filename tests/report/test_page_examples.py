"""A model's page has its first answers with small copies of their images, and a link to each record."""

import msgspec
import pytest
from factories import identity_of, make_record
from PIL import Image
from rendering import pages_of

from vlm_profiling.record.manifests import DatasetSample
from vlm_profiling.report.pages.examples import EXAMPLES, SIDE, make_thumbnails


@pytest.fixture
def datasets(tmp_path):
    """A prepared data set of one large image that all samples share, and one sample whose image is broken."""
    folder = tmp_path / "datasets" / "vqa"
    (folder / "images").mkdir(parents=True)
    Image.new("RGBA", (800, 400), "red").save(folder / "images" / "a.png")
    (folder / "images" / "b.png").write_bytes(b"no image")
    samples = [
        DatasetSample(
            id=f"q{number}",
            image=f"images/{'b' if number == 1 else 'a'}.png",
            image_sha256=("b" if number == 1 else "a") * 64,
            request="?",
            references=["red"],
        )
        for number in range(8)
    ]
    (folder / "samples.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, samples)))
    return folder.parent


def test_a_thumbnail_is_small_made_once_and_none_where_there_is_no_image(datasets, tmp_path):
    thumbnail = make_thumbnails(datasets, tmp_path / "reports")
    address = thumbnail("vqa", "q0")
    assert address == f"images/{'a' * 16}.jpg" == thumbnail("vqa", "q2")
    with Image.open(tmp_path / "reports" / address) as image:
        assert image.size == (SIDE, SIDE // 2)
        assert image.convert("RGB").getpixel((9, 9))[0] > 250
    assert (
        thumbnail("vqa", "q1") is None
        and thumbnail("vqa", "gone") is None
        and thumbnail("other", "q0") is None
    )


def test_pages_show_images_and_link_to_records_where_their_folders_are_given(make_study, datasets, tmp_path):
    study = make_study(lambda run: make_record(**identity_of(run)))
    study.record_path(study.runs[0]).unlink()
    pages = pages_of(study, runs=tmp_path / "runs", datasets=datasets)
    assert pages["random"].count("![Image of this sample](images/") == EXAMPLES - 1
    linked = [
        part.partition(")")[0]
        for name in ("trained", "random")
        for part in pages[name].split("](../runs/")[1:]
    ]
    assert sorted(linked) == sorted(f"{run.name}.json" for run in study.runs[1:])
    assert all((tmp_path / "runs" / link).is_file() for link in linked)
