"""Generated texts for comparing scores with their reference implementations, by seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

PAIRS = 10_000
PEOPLE = 10

PLAIN = (
    "nokia coca cola stop exit 7up kfc st main street open sale red blue new york "
    "2 10 1984 3:15 24/7 5% usa u.s.a. café ß"
)
NUMBERS = "none zero one two three four five six seven eight nine ten eleven"
ARTICLES = "a an the"
CONTRACTIONS = (
    "aint arent cant couldve couldn'tve couldnt've dont hadnt've hed he'dve hes "  # codespell:ignore
    "Id've Im Ive itd itd've let's maam mightn'tve oclock ow's'at 'ows'at 'ow'sat she's "  # codespell:ignore
    "somebody'd somebodyd've thats 'twas twas wont "  # codespell:ignore
    "yall yall'll y'allll yall'd've y'alld've "  # codespell:ignore
    "y'all'dve you'dve youre she'd've won't it's mcdonald's"  # codespell:ignore
)
DECIMALS = "3.5 1,000 1,000,000 $5.99 no. 10. .5 a.m. v1.2.3"
MARKS = ";/[]\"{}()=+\\_-><@`!?,.:'&%#*"


def answer_pairs(count: int = PAIRS, seed: int = 0) -> list[tuple[str, list[str]]]:
    """An answer and those of ten people each: some say the same in other letters, some say something else."""
    draw = random.Random(seed)
    pairs = []
    for _ in range(count):
        words = _words(draw)
        people = draw.randint(0, PEOPLE)
        references = [_written(words, draw) for _ in range(people)] + [
            _written(_words(draw), draw) for _ in range(PEOPLE - people)
        ]
        draw.shuffle(references)
        pairs.append((_written(words, draw), references))
    pairs[0] = ("." * 40, ["." * 40] * PEOPLE)  # more periods than the original removes
    return pairs


def choice_pairs(count: int = PAIRS, seed: int = 0) -> list[tuple[str, list[str], int]]:
    """An answer, the choices, and which of them is right."""
    draw = random.Random(seed)
    pairs = []
    for _ in range(count):
        choices = draw.sample(PLAIN.split(), draw.randint(2, 5))
        label = draw.choice("ABCDEabcde123")
        rest = draw.choice(["", ".", ". ", f". {choices[0]}", ") ", f" {choices[1]}", ".x", "\n", "B"])
        before = draw.choice(["", "", "", " ", "\n", "The answer is ", "("])
        pairs.append((before + label + rest, choices, draw.randrange(len(choices))))
    return pairs


def captions(count: int = 60, seed: int = 0) -> list[tuple[str, list[str]]]:
    """A caption and five references for each of `count` images: a common subject and place, other words
    around them.
    """
    draw = random.Random(seed)
    images = []
    for _ in range(count):
        subject, place = draw.sample(SUBJECTS.split(), 2), draw.choice(PLACES)
        images.append((_caption(subject, place, draw), [_caption(subject, place, draw) for _ in range(5)]))
    images[0] = ("", images[0][1])
    images[1] = ("A", images[1][1])
    images[2] = (images[2][1][0], images[2][1])
    images[3] = ("a dog " * 12, images[3][1])
    return images


def _caption(subjects: Sequence[str], place: str, draw: random.Random) -> str:
    first, second = draw.sample(subjects, 2)
    text = draw.choice(
        (
            f"A {first} {draw.choice(VERBS)} {place}",
            f"the {first}'s {draw.choice(THINGS)} {draw.choice(VERBS)} {place}, next to a {second}",
            f"{draw.choice(('Two', '2', 'Some'))} {first}s and a {second} {place}",
            f"There's a {first} that doesn't see the {draw.choice(THINGS)} {place}",
            f"a {draw.choice(KINDS)} {first} {place} with {draw.choice(THINGS)}",
            f"A close up of {first} and {second}; {draw.choice(ODD)} {place}",
        )
    )
    return text + draw.choice((".", ".", " .", "", "!", "...", "\n"))


SUBJECTS = "man woman dog cat bus train giraffe pizza clock child zebra motorcycle laptop bench kite surfer"
PLACES = [
    "on the beach",
    "in a kitchen",
    "at St. Mark's square",
    "near the U.S. flag",
    "on 5th ave.",
    "under a tree/bush",
    "at 3:15 p.m.",
]
KINDS = ["red", "black-and-white", "half-eaten", "12-year-old"]
VERBS = ["sitting", "standing and waiting", "is looking at the camera", "eating,drinking", "rides a wave"]
THINGS = [
    "frisbee (blue)",
    'sign that says "STOP"',
    "t-shirt",
    "$5 lunch & beer",
    "umbrella -- an old one",
    "1,000 books",
    "'70s hat",
]
ODD = [
    "it's o'clock",
    "they're gonna play",
    "we can't tell",
    "photo #2 of 10",
    "50% off",
    "rock 'n' roll",
    "you cannot go",
]


def _words(draw: random.Random) -> list[str]:
    kinds = [kind.split() for kind in (PLAIN, PLAIN, NUMBERS, ARTICLES, CONTRACTIONS, DECIMALS)]
    return [draw.choice(draw.choice(kinds)) for _ in range(draw.choice((0, 1, 1, 1, 2, 3, 5)))]


def _written(words: list[str], draw: random.Random) -> str:
    """The words as one person may write them: case, marks, spaces and line breaks differ."""
    change = draw.random()
    if change < 0.4:
        return " ".join(words)
    text = draw.choice((" ", " ", "  ", "\n", "\t")).join(words)
    if change < 0.7:
        text = draw.choice((text.upper(), text.title(), text.capitalize()))
    for _ in range(draw.choice((0, 1, 1, 2, 4))):
        place = draw.randint(0, len(text))
        text = (
            text[:place]
            + draw.choice(("", " ", ""))
            + draw.choice(MARKS)
            + draw.choice(("", " ", ""))
            + text[place:]
        )
    return text
