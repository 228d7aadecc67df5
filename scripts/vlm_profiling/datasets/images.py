"""Images from strangers: decoded whole, within bounds, in a few well-kept formats."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps

from vlm_profiling.datasets.candidates import BadSample

MAX_PIXELS = 100_000_000
"""A larger image is refused before it is decoded: a small file can unpack to gigabytes."""

ENDINGS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif"}
"""Formats that are read, and the ending their files get. Others (PostScript, say) would run another program.
"""


def decode_image(content: bytes) -> Image.Image:
    """The image as RGB, turned upright as its EXIF orientation says. Raises BadSample when it does not decode
    fully.
    """
    image = _open(content)
    try:
        return ImageOps.exif_transpose(image).convert("RGB")
    except (
        Exception
    ) as error:  # each decoder fails in its own ways: OSError, SyntaxError, struct.error, ValueError...
        raise BadSample(f"the image does not decode: {error}") from None


def image_ending(content: bytes) -> str:
    """The ending for a file with this image, from its content, not from its name. Raises BadSample."""
    return ENDINGS.get(
        str(_open(content).format), ENDINGS["JPEG"]
    )  # Pillow calls a JPEG with further images in it MPO


def _open(content: bytes) -> Image.Image:
    """The image's header, its size checked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=list(ENDINGS))
    except Image.DecompressionBombError:
        raise BadSample(f"the image is larger than {MAX_PIXELS // 1_000_000} megapixels") from None
    except (OSError, ValueError):
        raise BadSample(f"not an image; read are {', '.join(ENDINGS)}") from None
    if image.width * image.height > MAX_PIXELS:
        raise BadSample(
            f"the image is larger than {MAX_PIXELS // 1_000_000} megapixels: {image.width} x {image.height}"
        )
    return image
