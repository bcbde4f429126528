"""A client of the language server: JSON-RPC over the pipes of a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds: a machine may be busy
DIAGNOSTICS = "textDocument/publishDiagnostics"


def _command() -> list[str]:
    """What starts a server: measured too, where the tests that start it are."""
    module = sys.modules.get("coverage")
    measured = None if module is None else module.Coverage.current()
    if measured is None:
        return [sys.executable, "-m", "kernel_schema", "server"]
    return [
        *(sys.executable, "-m", "coverage", "run", "--parallel-mode"),
        f"--rcfile={ROOT / 'pyproject.toml'}",
        f"--data-file={Path(measured.get_option('run:data_file')).absolute()}",
        *("-m", "kernel_schema", "server"),
    ]


class GoneError(EOFError):
    """The server has ended."""


class Client:
    """An editor with one server; `settings` are what it has under `kernelSchema`."""

    def __init__(self, root: Path, *, settings: dict[str, Any] | None = None) -> None:
        self.root = root
        self.settings = settings
        self.process = subprocess.Popen(
            _command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=os.sep,  # an editor starts it anywhere
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
        self.notes: list[dict[str, Any]] = []
        self._ids = 0
        self.versions: dict[str, int] = {}
        self._messages: Queue[dict[str, Any] | None] = Queue()
        self.errors: list[str] = []
        self._readers = [
            Thread(target=each, daemon=True) for each in (self._read, self._read_errors)
        ]
        for each in self._readers:
            each.start()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream
        while True:
            length = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            if not line:
                self._messages.put(None)
                return
            self._messages.put(json.loads(stream.read(length)))

    def _read_errors(self) -> None:
        assert self.process.stderr
        self.errors += (line.decode() for line in self.process.stderr)

    def start(
        self, options: Any = None, *, capabilities: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        workspace = {"configuration": self.settings is not None}
        asked = {"window": {"workDoneProgress": True}, "workspace": workspace}
        result = self.request(
            "initialize",
            processId=None,
            rootUri=self.root.as_uri(),
            capabilities={**asked, **(capabilities or {})},
            initializationOptions=options,
            **more,
        )
        self.notify("initialized")
        return result

    def send(self, **message: Any) -> None:
        self.send_bytes(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def send_bytes(self, raw: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(raw) + raw)
        self.process.stdin.flush()

    def notify(self, method: str, **params: Any) -> None:
        self.send(method=method, params=params)

    def request(self, method: str, **params: Any) -> Any:
        """The result of a request; the whole message if it is an error."""
        self._ids += 1
        asked = self._ids
        self.send(id=asked, method=method, params=params or None)
        while True:
            message = self.next()
            if message.get("id") == asked and "method" not in message:
                return message.get("result", message)

    def wait(self, method: str, **wanted: Any) -> dict[str, Any]:
        """The parameters of the next note of a kind, with some of them as stated."""
        while True:
            message = self.next()
            params: dict[str, Any] = message.get("params") or {}
            if message.get("method") == method and all(
                params.get(key) == value for key, value in wanted.items()
            ):
                return params

    def next(self) -> dict[str, Any]:
        message = self._messages.get(timeout=PATIENCE)
        if message is None:
            raise GoneError
        if "method" in message:
            self.notes.append(message)
            if "id" in message:
                items = (message["params"] or {}).get("items", ())
                answer = [self.settings for _ in items] or None
                self.send(id=message["id"], result=answer)
        return message

    def open(self, uri: str, text: str, language: str = "yaml") -> list[dict[str, Any]]:
        """Open a text; gives its diagnostics."""
        self.versions[uri] = 1
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", textDocument=document)
        return self.wait(DIAGNOSTICS, uri=uri, version=1)["diagnostics"]

    def write(self, uri: str, text: str) -> list[dict[str, Any]]:
        """Put another text in the place of the one that is open."""
        return self.change(uri, {"text": text})

    def change(self, uri: str, *changes: dict[str, Any]) -> list[dict[str, Any]]:
        self.type(uri, *changes)
        return self.wait(DIAGNOSTICS, uri=uri, version=self.versions[uri])["diagnostics"]

    def type(self, uri: str, *changes: dict[str, Any]) -> None:
        """Change a text, and wait for nothing."""
        self.versions[uri] += 1
        document = {"uri": uri, "version": self.versions[uri]}
        self.notify("textDocument/didChange", textDocument=document, contentChanges=list(changes))

    def at(self, method: str, uri: str, line: int, character: int) -> Any:
        """Ask something of a place in a text."""
        position = {"line": line, "character": character}
        return self.request(f"textDocument/{method}", textDocument={"uri": uri}, position=position)

    def actions(self, uri: str, line: int, only: list[str] | None = None) -> list[dict[str, Any]]:
        """What is offered for a line."""
        edges = {"start": place(line, 0), "end": place(line, 200)}
        context = {"diagnostics": [], **({"only": only} if only else {})}
        return self.request(
            "textDocument/codeAction", textDocument={"uri": uri}, range=edges, context=context
        )

    def end(self) -> int:
        """Shut down, exit; gives the exit code."""
        if self.process.poll() is None:
            self.request("shutdown")
            self.send(method="exit")
        return self.gone()

    def gone(self) -> int:
        """Wait for its end; gives the exit code."""
        code = self.process.wait(PATIENCE)
        for each in self._readers:
            each.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream
            with suppress(BrokenPipeError):
                stream.close()
        return code


def place(line: int, character: int) -> dict[str, int]:
    return {"line": line, "character": character}


def edit(start: tuple[int, int], end: tuple[int, int], text: str) -> dict[str, Any]:
    """A change of a text between two places."""
    return {"range": {"start": place(*start), "end": place(*end)}, "text": text}


def codes(diagnostics: list[dict[str, Any]]) -> list[str]:
    return [each["code"] for each in diagnostics]


def starts(diagnostics: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [tuple(each["range"]["start"].values()) for each in diagnostics]
