"""Which of a source's rows can be samples, and which of those a seed draws."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from vlm_profiling.datasets.candidates import BadSample, Candidate, DatasetError, Source
from vlm_profiling.datasets.images import decode_image, image_ending
from vlm_profiling.datasets.videos import MAX_BYTES, examine_video
from vlm_profiling.record.manifests import DatasetManifest, DatasetSample, SkippedSample, Video

SHOWN_PROBLEMS = 50


@dataclass
class Survey:
    """Every row of a source, looked at."""

    usable: list[DatasetSample] = field(default_factory=list)
    bad: list[SkippedSample] = field(default_factory=list)


def survey_source(source: Source) -> Survey:
    """Check every row: its types and texts, that its id is its own, that its image or video decodes to the
    last pixel.
    """
    survey, names, known = Survey(), set[str](), dict[str, tuple[str, Video | None]]()
    for row in source.rows():
        name = str(row.id)
        try:
            if isinstance(row, SkippedSample):
                raise BadSample(row.reason)
            if name in names:
                raise BadSample("its id stands twice")
            survey.usable.append(_sample(row, known))
        except BadSample as problem:
            survey.bad.append(SkippedSample(id=_printable(name), reason=_printable(str(problem))))
        names.add(name)
    return survey


def refuse_bad_samples(survey: Survey, label: str) -> None:
    """Raise a DatasetError that lists the unusable rows, if there are any."""
    if not survey.bad:
        return
    listed = [f"  sample {problem.id}: {problem.reason}" for problem in survey.bad[:SHOWN_PROBLEMS]]
    if len(survey.bad) > SHOWN_PROBLEMS:
        listed.append(f"  and {len(survey.bad) - SHOWN_PROBLEMS} more")
    total = len(survey.bad) + len(survey.usable)
    head = (
        f"{label}: {len(survey.bad)} of {total} samples cannot be used; mend them, or set on_bad_sample: skip"
    )
    raise DatasetError("\n".join([head, *listed]))


def draw_samples(usable: Sequence[DatasetSample], count: int | None, seed: int) -> list[DatasetSample]:
    """`count` samples (all when None) in an order that depends on the seed and the ids alone.

    Each sample has its own place in the draw, the hash of seed and id: a smaller draw is the beginning of a
    larger one, and a sample that is added or mended changes no other's place. Raises DatasetError when there
    are too few.
    """
    if not usable or (count is not None and count > len(usable)):
        asked = "at least 1" if count is None else count
        raise DatasetError(f"samples: {asked} asked, {len(usable)} usable")
    return sorted(usable, key=lambda sample: hashlib.sha256(f"{seed}\0{sample.id}".encode()).digest())[:count]


def samples_bytes(samples: Sequence[DatasetSample]) -> bytes:
    """The content of samples.jsonl."""
    return msgspec.json.Encoder().encode_lines(samples)


def manifest_of(
    name: str, source: Source, survey: Survey, drawn: Sequence[DatasetSample], seed: int
) -> DatasetManifest:
    """The manifest of a draw."""
    return DatasetManifest(
        name=name,
        source=source.label,
        revision=source.revision,
        split=source.split,
        samples=len(drawn),
        population=len(survey.usable),
        seed=seed,
        content_sha256=hashlib.sha256(samples_bytes(drawn)).hexdigest(),
        licence=source.licence,
        prompt=source.prompt,
        metric=source.metric,
        skipped=survey.bad,
    )


def candidate_bytes(candidate: Candidate) -> bytes:
    """The encoded image or video. Raises BadSample for a file that cannot be read, or a video too large."""
    if isinstance(candidate.image, bytes):
        return candidate.image
    try:
        if candidate.is_video and candidate.image.stat().st_size > MAX_BYTES:
            raise BadSample(f"the video is larger than {MAX_BYTES / 2**30:.0f} GiB")
        return candidate.image.read_bytes()
    except OSError as error:
        kind = "video" if candidate.is_video else "image"
        raise BadSample(f"the {kind} cannot be read: {error.strerror}") from None


def _sample(candidate: Candidate, known: dict[str, tuple[str, Video | None]]) -> DatasetSample:
    """A checked sample. `known` remembers images and videos that were decoded before, by their file. Raises
    BadSample.
    """
    if not isinstance(candidate.id, (str, int)) or isinstance(candidate.id, bool) or candidate.id == "":
        raise BadSample(f"its id must be a text or a whole number, not {candidate.id!r}")
    request = _text(candidate.request, "request")
    if not request.strip():
        raise BadSample("the request is empty")
    response = candidate.response
    references = [
        _text(answer, "response") for answer in (response if isinstance(response, list) else [response])
    ]
    if not references:
        raise BadSample("there is no response")
    content = candidate_bytes(candidate)
    sha256 = hashlib.sha256(content).hexdigest()
    stem = f"{'videos' if candidate.is_video else 'images'}/{sha256}"
    if stem not in known:
        known[stem] = _decoded(content, is_video=candidate.is_video)
    ending, video = known[stem]
    return DatasetSample(
        id=_text(str(candidate.id), "id"),
        image=f"{stem}.{ending}",
        image_sha256=sha256,
        video=video,
        request=request,
        references=references,
    )


def _decoded(content: bytes, *, is_video: bool) -> tuple[str, Video | None]:
    """The ending for a file, and its contents if it is a video. Raises BadSample unless all of it decodes."""
    if is_video:
        video, ending = examine_video(content)
        return ending, video
    decode_image(content)
    return image_ending(content), None


def _text(value: object, name: str) -> str:
    if value is None:
        raise BadSample(f"there is no {name}")
    if not isinstance(value, str):
        raise BadSample(f"the {name} must be text, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadSample(f"the {name} is not valid Unicode") from None
    return value


def _printable(text: str) -> str:
    """Text that can be encoded and moves no terminal's cursor, whatever it was."""
    return text.encode(errors="replace").decode().translate(_CONTROLS)


_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], " ")
