"""What comes back from disk is what was prepared, or an error that names the file."""

from __future__ import annotations

import pytest

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.read import open_image, read_samples, read_source_folder
from vlm_profiling.record.manifests import DatasetSample


@pytest.fixture
def prepared(source, prepare, tmp_path):
    source(4)
    prepare()
    return tmp_path / "prepared" / "shapes"


def test_samples_and_images_come_back(prepared):
    manifest, samples = read_samples(prepared)
    assert manifest.samples == len(samples) == 4
    for sample in samples:
        image = open_image(prepared, sample)
        assert (image.mode, image.size) == ("RGB", (8, 6))
        assert image.getpixel((0, 0)) == (int(sample.id), 0, 0)


def test_edited_samples_are_refused(prepared):
    table = prepared / "samples.jsonl"
    table.write_text(table.read_text().replace("question 1?", "question 9?"))
    with pytest.raises(DatasetError, match=r"samples.jsonl: changed since"):
        read_samples(prepared)


@pytest.mark.parametrize("name", ["manifest.json", "samples.jsonl"])
def test_a_missing_file_is_named(prepared, name):
    (prepared / name).unlink()
    with pytest.raises(DatasetError, match=f"is no prepared data set: .*{name}"):
        read_samples(prepared)


def test_a_changed_image_is_named(prepared, image):
    _, samples = read_samples(prepared)
    (prepared / samples[0].image).write_bytes(image((0, 0, 7)))
    with pytest.raises(DatasetError, match=f"{samples[0].image}: the image changed"):
        open_image(prepared, samples[0])


def test_a_missing_image_is_named(prepared):
    _, samples = read_samples(prepared)
    (prepared / samples[0].image).unlink()
    with pytest.raises(DatasetError, match=f"sample {samples[0].id}: no such file: {samples[0].image}"):
        open_image(prepared, samples[0])


def test_a_sample_cannot_name_a_image_outside(prepared, tmp_path, image):
    (tmp_path / "prepared" / "secret.png").write_bytes(image())
    sample = DatasetSample(id="0", image="../secret.png", image_sha256="0", request="?", references=[""])
    with pytest.raises(DatasetError, match="leaves the data set's folder"):
        open_image(prepared, sample)


def test_a_source_folder_reads_as_its_preparation_would(prepared, tmp_path):
    folder = tmp_path / "datasets" / "shapes"
    manifest, samples = read_source_folder(folder, 3)
    expected_manifest, expected = read_samples(prepared)
    assert [sample.id for sample in samples] == [sample.id for sample in expected[:3]]
    assert manifest.population == expected_manifest.population == 4
    assert read_source_folder(folder, None)[0].content_sha256 == expected_manifest.content_sha256
    assert open_image(folder, samples[0]).tobytes() == open_image(prepared, expected[0]).tobytes()


def test_a_prepared_folder_reads_as_a_source_folder_too(prepared):
    manifest, samples = read_source_folder(prepared, 2)
    assert manifest == read_samples(prepared)[0]
    assert samples == read_samples(prepared)[1][:2]


@pytest.mark.parametrize("place", ["datasets/shapes", "prepared/shapes"])
def test_more_samples_than_there_are_is_an_error(prepared, tmp_path, place):
    with pytest.raises(DatasetError, match=r"5( samples)? asked, 4"):
        read_source_folder(tmp_path / place, 5)


def test_reading_a_source_folder_with_a_bad_sample_names_it(tmp_path, source):
    source(3, lambda samples: samples[2].update(request=""))
    with pytest.raises(DatasetError, match="sample 2: the request is empty"):
        read_source_folder(tmp_path / "datasets" / "shapes", None)
