"""The digest of measuring code: what a script and the library files it imports say, with what cannot move a number left out.

A file counts by its parsed code without docstrings, so a comment, a docstring or a new line break changes nothing. Which
files count is found by walking the imports in the code, also those inside functions. A package's files of other kinds
(templates, embedded tables) count by their bytes as soon as the package is imported.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

from vlm_profiling.study.keys import canonical_json


class CodeDigest(TypedDict):
    """`sha256` over all of `files`: SHA-256 by path, the library's paths beginning with its package name."""

    sha256: str
    files: dict[str, str]


class DigestError(Exception):
    """A measured file cannot be parsed; the message names it and the place."""


def code_digest(entry: Path, library: Path) -> CodeDigest:
    """The digest of a script and of every file of the package folder `library` that it imports, directly or not.

    Raises DigestError when one of them is no valid Python. Imports of other packages are followed nowhere: their
    versions are the environment lock's affair.
    """
    hashes: dict[str, str] = {}
    modules: set[tuple[str, ...]] = set()
    package = entry.parent.relative_to(library.parent).parts if entry.is_relative_to(library) else ()
    waiting = [(entry, package)]
    while waiting:
        path, package = waiting.pop()
        name = path.relative_to(library.parent).as_posix() if path.is_relative_to(library) else path.name
        hashes[name], imported = _read_module(path.read_bytes(), name)
        for module in _absolute_modules(imported, package):
            for length in range(1, len(module) + 1):
                outer = module[:length]
                if outer in modules or outer[0] != library.name:
                    continue
                folder = library.parent.joinpath(*outer)
                if (folder / "__init__.py").is_file():
                    waiting.append((folder / "__init__.py", outer))
                    hashes.update(_data_files(folder, library.parent))
                elif folder.with_suffix(".py").is_file():
                    waiting.append((folder.with_suffix(".py"), outer[:-1]))
                modules.add(outer)
    files = dict(sorted(hashes.items()))
    return CodeDigest(sha256=_sha256(canonical_json(files).encode()), files=files)


def digest_json(entry: Path, library: Path) -> bytes:
    """The code digest as a JSON file's content, the same bytes as long as the digest is the same."""
    digest = code_digest(entry, library)
    lines = ",\n".join(f"  {canonical_json(name)}: {canonical_json(sha256)}" for name, sha256 in digest["files"].items())
    return f'{{"sha256": {canonical_json(digest["sha256"])}, "files": {{\n{lines}\n}}}}\n'.encode()


@lru_cache(maxsize=1024)
def _read_module(content: bytes, name: str) -> tuple[str, frozenset[tuple[int, str]]]:
    """(hash of the code, imports as (level, dotted name)). Cached: scripts share most of the library."""
    try:
        tree = ast.parse(content, filename=name)
    except (SyntaxError, ValueError) as error:
        raise DigestError(f"{name}: not valid Python, so its digest cannot be made: {error}") from None
    words: list[str] = []
    imported: set[tuple[int, str]] = set()
    _flatten(tree, words, imported)
    return _sha256("\n".join(words).encode()), frozenset(imported)


def _flatten(node: ast.AST, words: list[str], imported: set[tuple[int, str]]) -> None:
    """Append the words of a syntax tree, and add its imports, in one pass.

    Empty fields are left out, so that a field which a newer Python adds changes no digest. `from a import b` gives the
    modules a and a.b, since b may be a module.
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


def _absolute_modules(imported: frozenset[tuple[int, str]], package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The imports of a module in `package`, relative ones resolved, as tuples of names."""
    for level, dotted in imported:
        start = package[: len(package) - level + 1] if level else ()
        yield (*start, *filter(None, dotted.split(".")))


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
