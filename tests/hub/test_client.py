"""How the Hub is asked when something goes wrong: patiently, not for ever, and in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.hub.client import LONGEST_WAIT, TRIES
from kernel_schema.hub.client import Hub as Client

from .catalog import ORG, repository
from .server import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import Hub

NORM = "trusted-org/norm"


class Patient(Client):
    """A client that does not wait, and remembers how long it would have."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        super().__init__(pause=self.waits.append)


@pytest.fixture
def client(hub: Hub) -> Patient:
    return Patient()


def refused(ask: Callable[[], Any]) -> ks.Diagnostic:
    with pytest.raises(ks.HubError) as caught:
        ask()
    (problem,) = caught.value.diagnostics
    return problem


QUESTIONS: dict[str, Callable[[Client], Any]] = {
    "refs": lambda client: client.refs(NORM),
    "overview": lambda client: client.is_trusted(ORG),
    "tree": lambda client: client.files(NORM, "v1", "build"),
    "resolve": lambda client: client.text(NORM, "v1", "README.md"),
    "revision": lambda client: client.commit_of(NORM, "0123456789"),
}
EVERY = pytest.mark.parametrize("question", QUESTIONS)
ANSWERED = pytest.mark.parametrize("question", [name for name in QUESTIONS if name != "revision"])


class TestPatience:
    @ANSWERED
    @pytest.mark.parametrize("status", [429, 503])
    def test_one_failure_is_none(
        self, hub: Hub, client: Patient, question: str, status: int
    ) -> None:
        hub.faults.append(Fault(f"/{question}", status=status, times=1))
        assert QUESTIONS[question](client)
        assert client.waits == [1]

    @EVERY
    def test_it_ends(self, hub: Hub, client: Patient, question: str) -> None:
        hub.faults.append(Fault(f"/{question}", status=503))
        problem = refused(lambda: QUESTIONS[question](client))
        assert problem.code == "hub-unreachable"
        assert "answered 503" in problem.message
        assert client.waits == [2**index for index in range(TRIES - 1)]

    def test_what_is_refused_is_not_asked_again(self, hub: Hub, client: Patient) -> None:
        hub.faults.append(Fault("/refs", status=400))
        assert "answered 400" in refused(lambda: client.refs(NORM)).message
        assert client.waits == []
        asked = len(hub.asked())
        assert "answered 400" in refused(lambda: client.refs(NORM)).message
        assert len(hub.asked()) == asked

    @pytest.mark.parametrize(
        "headers",
        [
            {"Retry-After": "7"},
            {"RateLimit": '"api";r=0;t=7'},
        ],
    )
    def test_the_hub_says_how_long(
        self, hub: Hub, client: Patient, headers: dict[str, str]
    ) -> None:
        hub.faults.append(Fault("/refs", status=429, headers=headers, times=2))
        assert client.refs(NORM)
        assert client.waits == [7, 7]

    def test_what_takes_too_long_is_told_and_not_waited_for(
        self, hub: Hub, client: Patient
    ) -> None:
        wait = str(int(LONGEST_WAIT) + 147)
        hub.faults.append(Fault("/refs", status=429, headers={"Retry-After": wait}))
        problem = refused(lambda: client.refs(NORM))
        assert f"asks to wait for {wait} s" in problem.message
        assert "lock and fetch" in str(problem.help)
        assert client.waits == []
        assert len(hub.asked()) == 1

    def test_a_date_that_has_passed_is_no_wait(self, hub: Hub, client: Patient) -> None:
        past = "Wed, 21 Oct 2015 07:28:00 GMT"
        hub.faults.append(Fault("/refs", status=503, headers={"Retry-After": past}, times=1))
        assert client.refs(NORM)
        assert client.waits == [0]

    def test_a_slow_answer_is_one(self, hub: Hub, client: Patient) -> None:
        hub.faults.append(Fault("/overview", delay=0.5))
        assert client.is_trusted(ORG)
        assert client.waits == []

    def test_no_network(self, hub: Hub, client: Patient) -> None:
        hub.close()
        problem = refused(lambda: client.refs(NORM))
        assert problem.code == "hub-unreachable"
        assert "does not answer" in problem.message
        assert len(client.waits) == TRIES - 1


class TestAnswers:
    def test_a_commit_means_itself_whatever_a_branch_is_called(self, hub: Hub) -> None:
        """Else a lock would be written that is refused when it is read."""
        kernel = hub.catalog.repositories[NORM]
        commit, other, absent = kernel.branches["v1"].sha, kernel.branches["v2"], "0" * 40
        hub.put(replace(kernel, branches={**kernel.branches, commit: other, absent: other}))
        config = ks.KernelConfig({"A": f"{NORM}@{commit}:DemoNorm"})
        (locked,) = ks.lock(config).kernels
        assert locked.commit == commit
        assert ks.lock(config, ks.Lock((locked,))).kernels == (locked,)
        problem = refused(lambda: ks.lock({"A": f"{NORM}@{absent}:DemoNorm"}))
        assert problem.code == "unknown-kernel-revision"
        assert problem.help is not None
        assert str(problem.route) == "kernel_mapping.A"

    def test_are_asked_for_once(self, hub: Hub, client: Patient) -> None:
        for ask in QUESTIONS.values():
            for _ in range(2):
                if ask is not QUESTIONS["revision"] and ask is not QUESTIONS["tree"]:
                    ask(client)
        assert len(hub.asked()) == 3

    def test_in_pages(self, hub: Hub, client: Patient) -> None:
        files = client.files(f"{ORG}/wide", "v1", "build")
        assert len(files) == 2606
        assert len({file.path for file in files}) == 2606
        assert len(hub.asked()) == 3

    def test_of_one_folder(self, hub: Hub, client: Patient) -> None:
        assert len(client.files(f"{ORG}/wide", "v1", "build/torch-cpu")) == 3
        assert len(hub.asked()) == 1
        assert client.files(f"{ORG}/wide", "v1", "build/torch-npu") == ()

    def test_of_files_in_lfs_have_the_hash_of_their_content(self, client: Patient) -> None:
        kinds = {
            file.path.rpartition(".")[2]: file.oid.partition(":")[0]
            for file in client.files(f"{ORG}/fat", "v1", "build")
        }
        assert kinds == {"so": "sha256", "py": "git-sha1", "json": "git-sha1"}

    def test_that_are_large_are_not_read(self, hub: Hub, client: Patient) -> None:
        files = {"README.md": b"#" * 250_000, "large.md": b"#" * 250_001}
        hub.put(repository(f"{ORG}/large", {"v1": files}))
        assert client.text(f"{ORG}/large", "v1", "README.md") == "#" * 250_000
        assert client.text(f"{ORG}/large", "v1", "large.md") is None

    def test_of_a_user_is_no_trust(self, client: Patient) -> None:
        assert not client.is_trusted("person")
        assert not client.is_trusted("stranger")

    def test_of_a_revision(self, client: Patient) -> None:
        commit = client.refs(NORM).branches["dev"]
        for revision in ("dev", commit, commit[:10]):
            assert client.commit_of(NORM, revision) == commit
        assert client.refs(NORM).versions == [1, 2]

    def test_that_are_none_of_the_hub(self, hub: Hub, client: Patient) -> None:
        hub.faults.append(Fault("/refs", status=200))
        problem = refused(lambda: client.refs(NORM))
        assert problem.code == "hub-unreachable"
        assert "is not the Hub" in problem.message

    @pytest.mark.parametrize("offline", [True, False])
    def test_without_access(
        self, hub: Hub, client: Patient, monkeypatch: pytest.MonkeyPatch, *, offline: bool
    ) -> None:
        if offline:
            import huggingface_hub.constants

            monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        problem = refused(lambda: client.files(f"{ORG}/gated", "v1", "build"))
        assert problem.code == ("hub-unreachable" if offline else "hub-access")
        assert (problem.message if offline else str(problem.help)).count("HF_")

    def test_of_a_repository_that_is_not_there(self, client: Patient) -> None:
        problem = refused(lambda: client.refs("trusted-org/nothing"))
        assert problem.code == "unknown-kernel-repository"

    @pytest.mark.parametrize("path", ["build/../x", "elsewhere/x", "build//x", "build/a\\b"])
    def test_with_paths_that_lead_elsewhere_are_refused(
        self, client: Patient, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = [{"type": "file", "path": path, "size": 1, "oid": "0" * 40}]
        monkeypatch.setattr(client, "_pages", lambda *_: [page])
        assert refused(lambda: client.files(NORM, "v1", "build")).code == "hub-unreachable"
