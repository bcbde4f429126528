"""The loopback Hub itself: what it answers, what it writes down, and that it can go down."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

from .repository import demo_catalog
from .server import Hub, Request, answer, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

CATALOG = demo_catalog()
NORM = CATALOG.repositories["trusted-org/norm"]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve(CATALOG) as hub:
        yield hub


def _ask(hub: Hub, method: str, target: str) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection(urlsplit(hub.url).netloc, timeout=5)
    try:
        connection.request(method, target)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def _get(target: str) -> Any:
    reply = answer(CATALOG, target)
    assert reply.status == 200
    return json.loads(reply.body)


def test_only_one_organisation_is_trusted() -> None:
    for org, trusted in {"trusted-org": True, "stranger": False}.items():
        assert _get(f"/api/organizations/{org}/overview")["trustedKernelPublisher"] is trusted


def test_every_branch_and_tag_has_its_own_commit() -> None:
    refs = _get("/api/kernels/trusted-org/norm/refs")
    commits = [ref["targetCommit"] for ref in [*refs["branches"], *refs["tags"]]]
    commits += [commit.sha for commit in NORM.unnamed]
    assert len(set(commits)) == len(commits)
    assert {ref["name"] for ref in refs["branches"]} >= {"v1", "v2", "main", "dev"}
    others = CATALOG.repositories["stranger/norm"].branches.values()
    assert not {commit.sha for commit in others} & set(commits)


def test_the_id_of_a_kernel_is_unique() -> None:
    ids = [
        json.loads(content)["id"]
        for repository in CATALOG.repositories.values()
        for commit in [
            *repository.branches.values(),
            *repository.tags.values(),
            *repository.unnamed,
        ]
        for path, content in commit.files.items()
        if path.endswith("metadata.json")
    ]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("revision", ["v1", "feature/fast", "release-1.0", NORM.unnamed[0].sha])
def test_a_revision_is_a_branch_a_tag_or_a_commit(revision: str) -> None:
    info = _get(f"/api/kernels/trusted-org/norm/revision/{quote(revision, safe='')}")
    commit = NORM.find(revision)
    assert commit is not None
    assert info["sha"] == commit.sha
    assert {sibling["rfilename"] for sibling in info["siblings"]} == set(commit.files)


def test_a_tree_lists_a_folder_or_everything_below_it() -> None:
    tree = "/api/kernels/trusted-org/norm/tree/v1"
    assert [entry["path"] for entry in _get(tree)] == ["build", "README.md"]
    builds = _get(f"{tree}/build?recursive=false&expand=false")
    assert [entry["path"] for entry in builds] == ["build/torch-cpu", "build/torch-cuda"]
    files = [entry for entry in _get(f"{tree}?recursive=true") if entry["type"] == "file"]
    assert {entry["path"] for entry in files} == set(NORM.branches["v1"].files)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/api/organizations/nobody/overview", "NotFound"),
        ("/api/kernels/trusted-org/none/refs", "RepoNotFound"),
        ("/kernels/trusted-org/none/resolve/main/README.md", "RepoNotFound"),
        ("/api/kernels/trusted-org/norm/revision/none", "RevisionNotFound"),
        ("/api/kernels/trusted-org/norm/tree/none/build", "RevisionNotFound"),
        ("/kernels/trusted-org/norm/resolve/none/README.md", "RevisionNotFound"),
        ("/api/kernels/trusted-org/norm/tree/main/none", "EntryNotFound"),
        ("/kernels/trusted-org/norm/resolve/main/none", "EntryNotFound"),
        ("/api/models/trusted-org/norm", "NotFound"),
        ("/", "NotFound"),
    ],
)
def test_what_is_not_there_is_said_as_the_hub_says_it(target: str, code: str) -> None:
    reply = answer(CATALOG, target)
    assert reply.status == 404
    assert dict(reply.headers)["X-Error-Code"] == code


def test_head_has_the_headers_of_get_and_no_body(hub: Hub) -> None:
    commit = NORM.branches["dev"]
    path = "build/torch-cpu/layers.py"
    target = f"/kernels/trusted-org/norm/resolve/dev/{path}"
    status, headers, body = _ask(hub, "GET", target)
    assert (status, body) == (200, commit.files[path])
    assert headers["X-Repo-Commit"] == commit.sha
    assert headers["ETag"] == f'"{commit.oid(path)}"'
    bare_status, bare_headers, bare_body = _ask(hub, "HEAD", target)
    dated = {"Date"}
    assert (bare_status, bare_body) == (200, b"")
    assert {k: v for k, v in bare_headers.items() if k not in dated} == {
        k: v for k, v in headers.items() if k not in dated
    }


def test_every_request_is_written_down(hub: Hub) -> None:
    _ask(hub, "GET", "/api/kernels/trusted-org/norm/refs?x=1")
    _ask(hub, "HEAD", "/nowhere")
    assert _ask(hub, "POST", "/api/telemetry")[0] == 405
    assert hub.requests == [
        Request("GET", "/api/kernels/trusted-org/norm/refs?x=1"),
        Request("HEAD", "/nowhere"),
        Request("POST", "/api/telemetry"),
    ]


def test_a_closed_hub_refuses_connections(hub: Hub) -> None:
    assert _ask(hub, "GET", "/api/kernels/trusted-org/norm/refs")[0] == 200
    hub.close()
    with pytest.raises(ConnectionRefusedError):
        _ask(hub, "GET", "/api/kernels/trusted-org/norm/refs")
