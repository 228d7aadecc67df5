"""Images come out RGB and upright; the ending of a file follows its content."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from vlm_profiling.datasets.candidates import BadSample
from vlm_profiling.datasets.images import decode_image, image_ending


@pytest.mark.parametrize(
    ("mode", "colour"),
    [("L", 128), ("RGBA", (9, 8, 7, 0)), ("P", 3), ("1", 1), ("LA", (5, 255)), ("CMYK", (0, 0, 0, 0))],
)
def test_every_mode_becomes_rgb(image, mode, colour):
    decoded = decode_image(image(colour, ending="TIFF" if mode == "CMYK" else "PNG", mode=mode))
    assert (decoded.mode, decoded.size) == ("RGB", (8, 6))


def test_a_photograph_on_its_side_is_turned_upright():
    photograph = Image.new("RGB", (8, 6))
    photograph.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise to show
    file = io.BytesIO()
    photograph.save(file, "PNG", exif=exif)
    upright = decode_image(file.getvalue())
    assert upright.size == (6, 8)
    assert upright.getpixel((5, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("ending", "expected"),
    [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp"), ("GIF", "gif"), ("BMP", "bmp"), ("TIFF", "tif")],
)
def test_the_ending_follows_the_content(image, ending, expected):
    assert image_ending(image(ending=ending)) == expected


def test_formats_beyond_the_list_are_refused(image):
    with pytest.raises(BadSample, match="not an image; read are PNG, JPEG"):
        decode_image(image(ending="PPM"))
