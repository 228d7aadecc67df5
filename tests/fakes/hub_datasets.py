"""A data set hub on the loopback: what huggingface_hub asks for one repository at one revision."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """One data set. What a test changes before it asks, and what was asked."""

    name: str
    files: dict[str, bytes]
    licence: str = "cc-by-4.0"
    token: str | None = None
    """The data set is gated: only a request with this token gets files."""
    interrupt: set[str] = field(default_factory=set)
    """Files whose next transfer breaks off half way."""
    gets: list[tuple[str, str | None]] = field(default_factory=list)
    """File and Range header of each transfer."""
    changed: dict[str, bytes] = field(default_factory=dict)
    """What is sent instead of a file's listed content."""
    stall: set[str] = field(default_factory=set)
    """Files whose next transfer stops half way and keeps its connection open."""
    stalled: threading.Event = field(default_factory=threading.Event)
    """Set while a transfer stalls."""
    large: bool = True
    """Whether files lie in Git LFS, and are listed with their SHA-256."""
    endpoint: str = ""


@contextmanager
def serve(hub: FakeHub) -> Iterator[FakeHub]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self._answer(with_body=False)

        def do_GET(self):
            self._answer(with_body=True)

        def _answer(self, with_body: bool) -> None:
            info = re.fullmatch(r"/api/datasets/(.+)/revision/(\w+)(\?.*)?", self.path)
            file = re.fullmatch(r"/datasets/(.+)/resolve/(\w+)/(.+)", self.path)
            asked = info or file
            if asked is None:
                self._send(b"", {}, with_body=False, status=404)
                return
            name, revision = asked.groups()[:2]
            if name != hub.name:
                self._refuse(404, "RepoNotFound")
            elif revision != REVISION:
                self._refuse(404, "RevisionNotFound")
            elif info:
                self._send(
                    json.dumps(
                        {
                            "id": hub.name,
                            "sha": REVISION,
                            "siblings": [_listed(hub, path) for path in hub.files],
                            "cardData": {"license": hub.licence},
                        }
                    ).encode(),
                    {"Content-Type": "application/json"},
                    with_body,
                )
            elif hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
                self._refuse(403, "GatedRepo")
            else:
                self._send_file(file[3], with_body)

        def _send_file(self, path: str, with_body: bool) -> None:
            content = hub.changed.get(path, hub.files[path])
            headers = {
                "ETag": f'"{path.replace("/", "-")}"',
                "X-Repo-Commit": REVISION,
                "Accept-Ranges": "bytes",
            }
            if not with_body:
                self._send(content, headers, with_body)
                return
            asked = self.headers.get("Range")
            hub.gets.append((path, asked))
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            if asked:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            stop = len(content) // 2 if path in hub.interrupt | hub.stall else None
            hub.interrupt.discard(path)
            self._send(content[start:], headers, with_body, 206 if asked else 200, stop)
            if path in hub.stall:
                hub.stall.discard(path)
                hub.stalled.set()
                self.connection.recv(1)  # until whoever asked is gone

        def _send(
            self,
            body: bytes,
            headers: dict[str, str],
            with_body: bool,
            status: int = 200,
            stop: int | None = None,
        ):
            self.send_response(status)
            for header, value in headers.items():
                self.send_header(header, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body[:stop])
            self.close_connection = True

        def _refuse(self, status: int, code: str) -> None:
            self._send(b"", {"X-Error-Code": code}, with_body=False, status=status)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _listed(hub: FakeHub, path: str) -> dict[str, object]:
    """A file as the hub's API lists it: with git's hash, and that of the content where it lies in Git LFS."""
    content = hub.files[path]
    entry: dict[str, object] = {"rfilename": path, "size": len(content)}
    if hub.large:
        sha256 = hashlib.sha256(content).hexdigest()
        return entry | {
            "blobId": "0" * 40,
            "lfs": {"sha256": sha256, "size": len(content), "pointerSize": 135},
        }
    return entry | {"blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()}
