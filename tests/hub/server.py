"""A loopback Hub: the few end points that loading a kernel asks for, served from memory.

It answers what kernels 0.17 and huggingface_hub 2.4 request for repositories of the type
'kernel', in the Hub's own words (error codes in ``X-Error-Code``, ids of files as ETag), and
writes down every request. Nothing else of the Hub exists here: anything unknown is a 404.

    with serve(demo_catalog()) as hub:
        os.environ["HF_ENDPOINT"] = hub.url      # before huggingface_hub is imported
        ...
        hub.requests                             # [Request("GET", "/api/kernels/..."), ...]
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .repository import Catalog, Commit, Repository


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; `target` is the path with its query, still quoted."""

    method: str
    target: str

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer: the status, the body and the headers beside Content-Length."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def answer(catalog: Catalog, target: str) -> Reply:
    """The reply to a GET of `target`; pure, so that it can be tested without a socket."""
    url = urlsplit(target)
    # Split before unquoting: a revision such as 'feature/fast' comes as one quoted part.
    parts = [unquote(part) for part in url.path.strip("/").split("/")]
    match parts:
        case ["api", "organizations", org, "overview"]:
            return _organisation(catalog, org)
        case ["api", "kernels", org, name, *rest]:
            repository = catalog.repositories.get(f"{org}/{name}")
            if repository is None:
                return _missing_repository()
            return _api(repository, rest, url.query)
        case ["kernels", org, name, "resolve", revision, *path]:
            repository = catalog.repositories.get(f"{org}/{name}")
            if repository is None:
                return _missing_repository()
            return _file(repository, revision, "/".join(path))
        case _:
            return _error(404, "NotFound", "no such end point")


def _api(repository: Repository, parts: list[str], query: str) -> Reply:
    """The end points below /api/kernels/<repo id>/."""
    match parts:
        case ["refs"]:
            return _refs(repository)
        case ["revision", revision]:
            commit = repository.find(revision)
            return _missing_revision(revision) if commit is None else _info(repository, commit)
        case ["tree", revision, *path]:
            commit = repository.find(revision)
            if commit is None:
                return _missing_revision(revision)
            recursive = parse_qs(query).get("recursive", ["false"])[0].lower() in {"true", "1"}
            return _tree(commit, "/".join(path), recursive=recursive)
        case []:
            return _info(repository, repository.branches["main"])
        case _:
            return _error(404, "NotFound", "no such end point")


def _organisation(catalog: Catalog, org: str) -> Reply:
    if org not in catalog.trusted:
        return _error(404, "NotFound", f"This organization does not exist: {org}")
    trusted = catalog.trusted[org]
    overview = {"name": org, "fullname": org.title(), "avatarUrl": ""}
    return _json({**overview, "trustedKernelPublisher": trusted})


def _refs(repository: Repository) -> Reply:
    def listed(kind: str, refs: dict[str, Commit]) -> list[dict[str, str]]:
        return [
            {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit.sha}
            for name, commit in refs.items()
        ]

    branches = listed("heads", dict(repository.branches))
    tags = listed("tags", dict(repository.tags))
    return _json({"branches": branches, "converts": [], "tags": tags})


def _info(repository: Repository, commit: Commit) -> Reply:
    siblings = [{"rfilename": path} for path in sorted(commit.files)]
    return _json({"id": repository.repo_id, "sha": commit.sha, "siblings": siblings})


def _tree(commit: Commit, folder: str, *, recursive: bool) -> Reply:
    """The entries below `folder`: only its own, or at every depth."""
    folders = commit.folders()
    if folder and folder not in folders:
        return _error(404, "EntryNotFound", f"{folder} does not exist on {commit.sha}")
    prefix = f"{folder}/" if folder else ""

    def belongs(path: str) -> bool:
        inside = path.startswith(prefix) and path != folder
        return inside and (recursive or "/" not in path[len(prefix) :])

    entries: list[dict[str, object]] = [
        # The Hub gives the id of the git tree here; nobody reads it.
        {"type": "directory", "path": path, "size": 0, "oid": commit.sha}
        for path in sorted(folders)
        if belongs(path)
    ]
    entries += [
        {"type": "file", "path": path, "size": len(content), "oid": commit.oid(path)}
        for path, content in sorted(commit.files.items())
        if belongs(path)
    ]
    return _json(entries)


def _file(repository: Repository, revision: str, path: str) -> Reply:
    commit = repository.find(revision)
    if commit is None:
        return _missing_revision(revision)
    found = ("X-Repo-Commit", commit.sha)
    if path not in commit.files:
        return _error(404, "EntryNotFound", f"{path} does not exist on {revision}", found)
    headers = (found, ("ETag", f'"{commit.oid(path)}"'), ("Content-Type", "text/plain"))
    return Reply(200, commit.files[path], headers)


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def _error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Reply:
    said = (("X-Error-Code", code), ("X-Error-Message", message))
    typed = ("Content-Type", "application/json")
    return Reply(status, json.dumps({"error": message}).encode(), (typed, *said, *headers))


def _missing_repository() -> Reply:
    return _error(404, "RepoNotFound", "Repository not found")


def _missing_revision(revision: str) -> Reply:
    return _error(404, "RevisionNotFound", f"Invalid rev id: {revision}")


class _Server(ThreadingTCPServer):
    """Serves one catalog and keeps the list of requests; every connection has its thread.

    Not `ThreadingHTTPServer`, which looks its own host name up when it starts.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 32

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.catalog = catalog
        self.requests: list[Request] = []


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0, the default of the base class: each reply closes its connection.

    So a server that is closed is gone at once, without a kept-alive connection that still answers.
    """

    server: _Server

    def do_GET(self) -> None:
        self._reply(with_body=True)

    def do_HEAD(self) -> None:
        self._reply(with_body=False)

    def do_POST(self) -> None:
        self._reply(with_body=True)

    def _reply(self, *, with_body: bool) -> None:
        # Written down before anything is sent: the client that has its answer finds it listed.
        self.server.requests.append(Request(self.command, self.path))
        if self.command == "POST":
            reply = _error(405, "NotAllowed", "this Hub is read only")
        else:
            reply = answer(self.server.catalog, self.path)
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if with_body:
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Quiet: the requests are kept in the list."""


@dataclass(frozen=True, slots=True)
class Hub:
    """A running loopback Hub."""

    url: str
    catalog: Catalog
    requests: list[Request] = field(repr=False)
    _server: _Server = field(repr=False)

    def close(self) -> None:
        """Take the Hub down: from now on its port refuses connections. Twice does no harm."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serve(catalog: Catalog) -> Iterator[Hub]:
    """Serve `catalog` on a free port of 127.0.0.1 until the block ends.

    Yields the Hub with its `url`, for HF_ENDPOINT, and its growing list of `requests`.
    """
    server = _Server(catalog)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    port = server.server_address[1]
    hub = Hub(f"http://127.0.0.1:{port}", catalog, server.requests, server)
    try:
        yield hub
    finally:
        hub.close()
        thread.join()
