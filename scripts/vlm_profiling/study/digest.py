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
    imported = frozenset(_imports(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_text(statement)] or [ast.Pass()]
    return _sha256(ast.unparse(tree).encode()), imported


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a bare string: a docstring, or one that stands under an attribute to describe it."""
    return (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
    )


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(level, dotted name) of each import. `from a import b` gives a and a.b, since b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield node.level, base
            yield from ((node.level, f"{base}.{alias.name}".strip(".")) for alias in node.names)


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
