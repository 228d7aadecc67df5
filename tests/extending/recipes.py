"""The recipes of docs/extending.md as data: the files that each adds or changes, and how to apply it.

A recipe is a section of the page. A line before each block of code names its file: "New file `PATH`:" or
"In `PATH`:". A block of the first is the whole file. A block of the second is a diff without line numbers:
its hunks begin with @@, the lines of a hunk that begin with a space or a minus must be in the file exactly
once, and are replaced by those that begin with a space or a plus.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/extending.md"
LIBRARY = "scripts/vlm_profiling/"

_BLOCK = re.compile(r"^(New file|In) `([^`]+)`:\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Change:
    """One file that a recipe adds or changes."""

    path: str
    is_new: bool
    code: str

    @property
    def hunks(self) -> list[tuple[str, str]]:
        """The texts that a diff replaces, old and new."""
        pairs = []
        for hunk in re.split(r"^@@.*\n", self.code, flags=re.MULTILINE):
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] or "\n" for line in lines if not line.startswith("+"))
            new = "".join(line[1:] or "\n" for line in lines if not line.startswith("-"))
            if lines:
                pairs.append((old, new))
        return pairs

    def added_lines(self, *, imports: bool) -> int:
        """The number of lines that a diff adds, with or without imports."""
        added = [line[1:] for line in self.code.splitlines() if line.startswith("+")]
        return sum(imports or not line.startswith(("from ", "import ")) for line in added)

    def apply(self, project: Path) -> None:
        """Add or change the file in a copy of the project."""
        path = project / self.path
        if self.is_new:
            assert not path.exists(), f"{self.path} exists already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.code)
            return
        text = path.read_text()
        for old, new in self.hunks:
            assert text.count(old) == 1, f"{self.path} has these lines {text.count(old)} times:\n{old}"
            text = text.replace(old, new)
        path.write_text(text)


@dataclass(frozen=True)
class Recipe:
    """One section of the page."""

    title: str
    changes: tuple[Change, ...]

    @property
    def library(self) -> list[Change]:
        """The changes of library files, without tests and settings."""
        return [change for change in self.changes if change.path.startswith(LIBRARY)]


def read_recipes(page: Path = PAGE) -> dict[str, Recipe]:
    """The recipes of the page by the title of their section."""
    sections = re.split(r"^## (.+)\n", page.read_text(), flags=re.MULTILINE)[1:]
    recipes = {}
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        changes = [Change(path, kind == "New file", code) for kind, path, _, code in _BLOCK.findall(text)]
        if changes:
            recipes[title] = Recipe(title, tuple(changes))
    return recipes
