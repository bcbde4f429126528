"""The scenarios of the Hub path: configs, and what must come of each. Plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .repository import BRANCH_FACTORS, DIRECT_FACTOR, TAG_FACTORS, demo_catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

CATALOG = demo_catalog()
FACTORS: Mapping[str, int] = {**BRANCH_FACTORS, **TAG_FACTORS, "direct": DIRECT_FACTOR}


def sha(repo_id: str, label: str) -> str:
    """The commit id of a branch, a tag or 'direct', the commit that no name points at."""
    repository = CATALOG.repositories[repo_id]
    if label == "direct":
        return repository.unnamed[0].sha
    found = repository.find(label)
    assert found is not None, label
    return found.sha


DIRECT = sha("trusted-org/norm", "direct")

LOCKS: list[dict[str, Any]] = [
    # Written by kernels' own locking, from what the Hub says.
    {"path": "v2.lock", "repo_id": "trusted-org/norm", "version": 2},
    # Version 1 locked to another commit than 'v1' points at now: a branch that moved on.
    {"path": "pin.lock", "repo_id": "trusted-org/norm", "version": 1, "commit": DIRECT},
    {
        "path": "stranger.lock",
        "repo_id": "stranger/norm",
        "version": 1,
        "commit": sha("stranger/norm", "direct"),
    },
]


@dataclass(frozen=True)
class Case:
    """A config for a fresh model, or for one that already has the kernels of `before`."""

    name: str
    mapping: dict[str, Any]
    before: dict[str, Any] | None = None


@dataclass(frozen=True)
class Runs(Case):
    """The kernel of DemoNorm must run: the one of the commit `label` in `repo_id`."""

    label: str = ""
    repo_id: str = "trusted-org/norm"


@dataclass(frozen=True)
class Fails(Case):
    """`kernelize` must refuse the mapping because of its entry `layer`, and say all of `says`."""

    says: tuple[str, ...] = ()
    layer: str = "DemoNorm"


def runs(name: str, entry: object, label: str, repo_id: str = "trusted-org/norm") -> Runs:
    return Runs(name, {"DemoNorm": entry}, label=label, repo_id=repo_id)


def fails(name: str, entry: object, *says: str) -> Fails:
    return Fails(name, {"DemoNorm": entry}, says=says)


ALONE: dict[str, dict[str, Any]] = {
    "v1": {"version": 1},
    "v2": {"version": 2},
    "main": {"revision": "main"},
    "dev": {"revision": "dev"},
    "feature/fast": {"revision": "feature/fast"},
    "release-1.0": {"revision": "release-1.0"},
    "direct": {"revision": sha("trusted-org/plain", "direct")},
}

RUNS = [
    runs("no version stated is version 1", "trusted-org/norm:DemoNorm", "v1"),
    runs("version in the string", "trusted-org/norm@v2:DemoNorm", "v2"),
    runs("version", {"kernel": "trusted-org/norm:DemoNorm", "version": 2}, "v2"),
    runs("revision", {"kernel": "trusted-org/norm:DemoNorm", "revision": "dev"}, "dev"),
    runs("branch in the string", "trusted-org/norm@main:DemoNorm", "main"),
    runs("branch with a slash", "trusted-org/norm@feature/fast:DemoNorm", "feature/fast"),
    runs("tag in the string", "trusted-org/norm@release-1.0:DemoNorm", "release-1.0"),
    runs("commit in the string", f"trusted-org/norm@{DIRECT}:DemoNorm", "direct"),
    runs(
        "commit as revision",
        {"kernel": "trusted-org/norm:DemoNorm", "revision": sha("trusted-org/norm", "v2")},
        "v2",
    ),
    runs(
        "per device and mode",
        {
            "cuda": "trusted-org/norm@v9:DemoNorm",
            "cpu": {
                "inference": "trusted-org/norm@dev:DemoNorm",
                "training": "trusted-org/norm@main:DemoNorm",
            },
        },
        "dev",
    ),
    runs("version in the string, once more", "trusted-org/norm@v2:DemoNorm", "v2"),
    runs("lock file", {"kernel": "trusted-org/norm:DemoNorm", "lockfile": "v2.lock"}, "v2"),
    runs(
        "lock file, its commit wins",
        {"kernel": "trusted-org/norm:DemoNorm", "lockfile": "pin.lock"},
        "direct",
    ),
    runs(
        "trusted publisher, no trust needed",
        {"kernel": "trusted-org/norm:DemoNorm", "trust_remote_code": False},
        "v1",
    ),
    runs(
        "untrusted publisher, trust_remote_code",
        {"kernel": "stranger/norm@v2:DemoNorm", "trust_remote_code": True},
        "v2",
        "stranger/norm",
    ),
    runs(
        "untrusted publisher, on the list",
        {"kernel": "stranger/norm:DemoNorm", "trust_remote_code": ["a/b", "stranger/norm"]},
        "v1",
        "stranger/norm",
    ),
    runs(
        "untrusted publisher, lock file and trust_remote_code",
        {
            "kernel": "stranger/norm:DemoNorm",
            "lockfile": "stranger.lock",
            "trust_remote_code": True,
        },
        "direct",
        "stranger/norm",
    ),
]

# All three names of the model: the function, the layers, and the name that comes last.
ALL_NAMES = Case(
    "all names",
    {
        "DemoScale": "trusted-org/norm@v2:DemoScale",
        "DemoNorm": "trusted-org/norm@dev:DemoNorm",
        "OtherNorm": "trusted-org/norm:DemoNorm",
    },
)

_UNTRUSTED = "'stranger/norm' is not from a trusted publisher"
# Before everything else of 'stranger', so that nothing of it is in any cache.
DISTRUSTED = [
    fails("untrusted publisher", "stranger/norm:DemoNorm", _UNTRUSTED),
    fails("untrusted publisher, version", "stranger/norm@v2:DemoNorm", _UNTRUSTED),
    fails("untrusted publisher, branch", "stranger/norm@dev:DemoNorm", _UNTRUSTED),
    fails(
        "untrusted publisher, trust_remote_code false",
        {"kernel": "stranger/norm:DemoNorm", "trust_remote_code": False},
        _UNTRUSTED,
    ),
    fails(
        "untrusted publisher, not on the list",
        {"kernel": "stranger/norm:DemoNorm", "trust_remote_code": ["stranger/other"]},
        _UNTRUSTED,
    ),
    fails(
        "untrusted publisher, lock file",
        {"kernel": "stranger/norm:DemoNorm", "lockfile": "stranger.lock"},
        _UNTRUSTED,
    ),
]

NO_LOCK_FILE = fails(
    "lock file that is not there",
    {"kernel": "trusted-org/norm:DemoNorm", "lockfile": "gone.lock"},
    "gone.lock",
)
_NO_VERSION = "Version 9 not found, available versions: 1, 2"
UNUSABLE = [
    fails("no such version", "trusted-org/norm@v9:DemoNorm", _NO_VERSION),
    fails(
        "no such version, as an option",
        {"kernel": "trusted-org/norm:DemoNorm", "version": 9},
        _NO_VERSION,
    ),
    fails("no such branch", "trusted-org/norm@nope:DemoNorm", "Invalid rev id: nope"),
    fails("no such repository", "trusted-org/nothing:DemoNorm", "Repository Not Found"),
    fails("no such organisation", "nobody/norm@dev:DemoNorm", "could not verify publisher trust"),
    fails("no such layer", "trusted-org/norm:NoSuchLayer", "Layer `NoSuchLayer` not found"),
    fails("another signature", "trusted-org/norm:TwoArguments", "different number of arguments"),
    fails(
        "kernel that cannot be imported",
        "trusted-org/norm@broken:DemoNorm",
        "No module named 'a_module_that_nobody_has_installed'",
    ),
    fails(
        "no build for this system",
        "trusted-org/norm@elsewhere:DemoNorm",
        "Cannot find a build variant for this system",
        "torch-neuron",
    ),
    fails(
        "lock file of another repository",
        {"kernel": "trusted-org/late:DemoNorm", "lockfile": "v2.lock"},
        "v2.lock",
        "not locked",
    ),
    NO_LOCK_FILE,
    Fails(
        "the last of three names fails",
        {**ALL_NAMES.mapping, "OtherNorm": "trusted-org/norm@v9:DemoNorm"},
        says=(_NO_VERSION,),
        layer="OtherNorm",
    ),
    Fails(
        "fails on a model that has kernels already",
        {"DemoScale": "trusted-org/norm@dev:DemoScale", "DemoNorm": "trusted-org/norm@v9:DemoNorm"},
        before={
            "DemoScale": "trusted-org/norm@v2:DemoScale",
            "DemoNorm": "trusted-org/norm@v2:DemoNorm",
        },
        says=(_NO_VERSION,),
    ),
]

# None with a revision that is trusted: huggingface_hub tries that one again for 23 seconds.
DOWN = [
    fails("Hub down", "trusted-org/late:DemoNorm", "Connection refused"),
    fails(
        "Hub down, trusted by the config",
        {"kernel": "stranger/late@v2:DemoNorm", "trust_remote_code": True},
        "Connection refused",
    ),
    fails(
        "Hub down, publisher unknown",
        "trusted-org/late@dev:DemoNorm",
        "could not verify publisher trust",
        # kernels says only that; why it could not is what helps.
        "Connection refused",
    ),
]

UP = [*DISTRUSTED, *RUNS, ALL_NAMES, *UNUSABLE]
FAILS = [*DISTRUSTED, *UNUSABLE, *DOWN]

MISTAKES: list[Any] = [
    {"DemoNorm": "trusted-org/norm"},
    {"DemoNorm": "https://host/trusted-org/norm:DemoNorm"},
    {"DemoNorm": {"kernel": "trusted-org/norm:DemoNorm", "verison": 1}},
    {"DemoNorm": {"kernel": "trusted-org/norm@v1:DemoNorm", "version": 1}},
    {"DemoNorm": {"kernel": "stranger/norm:DemoNorm", "trust_remote_code": "yes"}},
    {"DemoNorm": {"cdua": "trusted-org/norm:DemoNorm"}},
    {"DemoNorm": 42},
]
