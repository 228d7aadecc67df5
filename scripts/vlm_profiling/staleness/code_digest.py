"""The digest of measuring code: what a script and the library files it imports say, with what cannot move a
number left out.

A file counts by its parsed code without docstrings, so a comment, a docstring or a new line break changes
nothing. Which files count is found by walking the imports in the code, also those inside functions. A
package's files of other kinds (templates, embedded tables) count by their bytes as soon as the package is
imported.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypedDict

from vlm_profiling.errors import VlmError
from vlm_profiling.study.canonical import canonical_json


class CodeDigest(TypedDict):
    """`sha256` over all of `files`: SHA-256 by path, the library's paths beginning with its package name."""

    sha256: str
    files: dict[str, str]


class DigestError(VlmError):
    """A measured file cannot be parsed; the message names it and the place."""


class CodeReader:
    """A reader of a library's code for any number of scripts, which reads each file once.

    Args:
        library: the package's folder.
    """

    def __init__(self, library: Path) -> None:
        self.library = library
        self._files: dict[Path, _File] = {}
        self._places: dict[tuple[str, ...], Path | None] = {}

    def digest(self, entry: Path) -> CodeDigest:
        """The digest of a script and of every file of the library that it imports, directly or not.

        Raises DigestError when one of them is no valid Python. Imports of other packages are followed
        nowhere: their versions are the environment lock's affair.
        """
        hashes: dict[str, str] = {}
        seen = {entry}
        waiting = [entry]
        while waiting:
            file = self._file(waiting.pop())
            hashes.update(file.hashes)
            new = file.imported - seen
            seen |= new
            waiting += new
        files = dict(sorted(hashes.items()))
        return CodeDigest(sha256=_sha256(canonical_json(files).encode()), files=files)

    def _file(self, path: Path) -> _File:
        """What a file says and imports, and with a package's first file the package's data."""
        if path not in self._files:
            root = self.library.parent
            inside = path.is_relative_to(self.library)
            name = path.relative_to(root).as_posix() if inside else path.name
            module = _read_module(path.read_bytes(), name)
            package = path.parent.relative_to(root).parts if inside else ()
            found = {
                self._place(outer)
                for dotted in _absolute_modules(module.imports, package)
                for outer in _prefixes(dotted)
            }
            data = _data_files(path.parent, root) if inside and path.name == "__init__.py" else {}
            self._files[path] = _File({name: module.sha256, **data}, frozenset(filter(None, found)))
        return self._files[path]

    def _place(self, module: tuple[str, ...]) -> Path | None:
        """The file of a module of the library; None for one of another package, and for what is no module."""
        if module[0] != self.library.name:
            return None
        if module not in self._places:
            path = self.library.parent.joinpath(*module)
            candidates = (path / "__init__.py", path.with_suffix(".py"))
            self._places[module] = next((candidate for candidate in candidates if candidate.is_file()), None)
        return self._places[module]


class _Module(NamedTuple):
    """The code and the imports of a file."""

    sha256: str
    """Of its code."""
    imports: frozenset[tuple[int, str]]
    """As (level, dotted name)."""


class _File(NamedTuple):
    """A file at its place in the library."""

    hashes: dict[str, str]
    """By path: its own, and those of the data of the package that it begins."""
    imported: frozenset[Path]


def code_digest(entry: Path, library: Path) -> CodeDigest:
    """The digest of one script; see CodeReader."""
    return CodeReader(library).digest(entry)


def digest_json(digest: CodeDigest) -> bytes:
    """The code digest as a JSON file's content, the same bytes as long as the digest is the same."""
    lines = ",\n".join(
        f"  {canonical_json(name)}: {canonical_json(sha256)}" for name, sha256 in digest["files"].items()
    )
    return f'{{"sha256": {canonical_json(digest["sha256"])}, "files": {{\n{lines}\n}}}}\n'.encode()


@lru_cache(maxsize=1024)
def _read_module(content: bytes, name: str) -> _Module:
    """The code and the imports of one file. Cached, for readers that follow one another in one process."""
    try:
        tree = ast.parse(content, filename=name)
    except (SyntaxError, ValueError) as error:
        raise DigestError(f"{name}: not valid Python, so its digest cannot be made: {error}") from None
    words: list[str] = []
    imported: set[tuple[int, str]] = set()
    _flatten(tree, words, imported)
    return _Module(_sha256("\n".join(words).encode()), frozenset(imported))


def _flatten(node: ast.AST, words: list[str], imported: set[tuple[int, str]]) -> None:
    """Append the words of a syntax tree, and add its imports, in one pass.

    Empty fields are left out, so that a field which a newer Python adds changes no digest. `from a import b`
    gives the modules a and a.b, since b may be a module.
    """
    words.append(type(node).__name__)
    if isinstance(node, ast.Import):
        imported.update((0, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        imported.add((node.level, base))
        imported.update((node.level, f"{base}.{alias.name}") for alias in node.names)
    for field in node._fields:
        value = getattr(node, field, None)
        if value is None or value == []:
            continue
        words.append(field)
        for part in value if isinstance(value, list) else (value,):
            if not isinstance(part, ast.AST):
                words.append(repr(part))
            elif not _says_nothing(part):
                _flatten(part, words, imported)
        words.append(".")


def _says_nothing(node: ast.AST) -> bool:
    """Whether a node is a statement without effect: `pass`, or a bare string such as a docstring."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.Pass)


def _absolute_modules(
    imported: frozenset[tuple[int, str]], package: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """The imports of a module in `package`, relative ones resolved, as tuples of names."""
    for level, dotted in imported:
        start = package[: len(package) - level + 1] if level else ()
        yield (*start, *filter(None, dotted.split(".")))


def _prefixes(module: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The packages that importing a module imports, and the module."""
    return (module[:length] for length in range(1, len(module) + 1))


def _data_files(package: Path, root: Path) -> dict[str, str]:
    """Hashes of a package's own files that are no Python code, those of its plain subfolders included."""
    hashes = {}
    for path in package.iterdir():
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").is_file():
            hashes.update(_data_files(path, root))
        elif path.is_file() and path.suffix not in {".py", ".pyc", ".pyi"}:
            hashes[path.relative_to(root).as_posix()] = _sha256(path.read_bytes())
    return hashes


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
