"""A hub token of the environment reaches the hub and nothing else: no log, record, command line, nor what
Snakemake prints.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from secrets_seen import SECRET, files_that_tell, watched_command_lines
from small_project import STUDY, Project


class Refusing(BaseHTTPRequestHandler):
    """A hub that knows no token."""

    authorisations: list[str | None] = []  # noqa: RUF012 - one server a test run

    def do_GET(self) -> None:
        self.authorisations.append(self.headers.get("Authorization"))
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str | None]]:
    """A hub on loopback that refuses every request; yields the authorisations it was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield Refusing.authorisations
    server.shutdown()


def test_a_token_is_sent_to_the_hub_and_shown_nowhere(
    hub: list[str | None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    models = {**STUDY["models"], "private": {"hub": "owner/private", "revision": "a" * 40}}
    project.configure(models=models, protocol={**STUDY["protocol"], "max_new_tokens": 1}, axes={})
    with watched_command_lines() as told:
        done = project.run("--printshellcmds", "--verbose", check=False)
    assert f"Bearer {SECRET}" in hub, "the token was at work"
    log = (project.folder / "results/logs/prepare_checkpoint/private.log").read_text()
    assert "owner/private" in log and "401" in log
    assert SECRET not in done.stdout + done.stderr
    assert told == set()
    assert files_that_tell(project.folder) == []
    assert sum(b'"max_new_tokens\\":1' in record for record in project.records.values()) == 1
