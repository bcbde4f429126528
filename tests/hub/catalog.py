"""What the tests of locks ask the loopback Hub for, beside the repositories of `demo_catalog`.

By name, all of 'trusted-org' unless it says otherwise: 'dep' is what 'uses' depends on; 'fat' has
26 builds with compiled files in LFS; 'wide' has a build of 2,600 files, and a small one; 'gated'
wants a token; 'mixed' has builds under two licences; 'torn' has a build for torch 2.12 whose
metadata are no text; 'cuda' has no build for the CPU; 'person/solo'
is of a user, not of an organisation. All others of 'org' are those of the examples: version 1 of
'dirty' was built of what no commit has, that of 'needy' wants a package that is nowhere, and
version 2 of 'odd' binds its layer by a call. 'org/old' is what 'org/norm' was called once.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .repository import _INIT, _LAYERS, Catalog, Repository, commit_of, demo_catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

ORG = "trusted-org"
DEP, USES = f"{ORG}/dep", f"{ORG}/uses"
DEP_FACTOR, MOVED_DEP_FACTOR = 3, 9

_USES = """\
from torch import nn
from kernels import get_kernel_dep

FACTOR = 100.0 * get_kernel_dep("trusted-org/dep").layers.FACTOR


class DemoNorm(nn.Module):
    def forward(self, x):
        scale = x.pow(2).mean(-1, keepdim=True).add(self.eps).rsqrt()
        return FACTOR * (x * scale * self.weight)
"""
_NORM = """\
from torch import nn


class Norm(nn.Module):
    def forward(self, x):
        return x
"""
_NEEDY: dict[str, Any] = {"python-depends": ["nki"]}
_DIRTY = {"kernel-builder": {"version": "0.17.0"}, "kernel": {"sha": "0" * 40, "dirty": True}}
ARCHS = [f"{cpu}-linux" for cpu in ("x86_64", "aarch64")]
CUDA_BUILDS = [
    f"torch{torch}-cxx11-{cuda}-{arch}"
    for torch in ("211", "212", "213")
    for cuda in ("cu126", "cu128", "cu129", "cu130")
    for arch in ARCHS
]
CPU_BUILDS = [f"torch{torch}-cxx11-cpu-x86_64-linux" for torch in ("212", "213")]


def build(
    repo_id: str, label: str, variant: str, factor: int = 2, **stated: Any
) -> dict[str, bytes]:
    """The files of one build; `stated` is put into its metadata, `layers` is its code."""
    layers: str = stated.pop("layers", _LAYERS.format(factor=factor))
    backend = "cuda" if "cu1" in variant or variant.endswith("cuda") else "cpu"
    unique = "".join(c if c.isalnum() else "_" for c in f"{repo_id}_{label}_{variant}")
    metadata = {
        "name": repo_id.partition("/")[2],
        "id": f"_{unique}",
        "version": 1,
        "license": "Apache-2.0",
        "python-depends": [],
        "backend": {"type": backend},
        **stated,
    }
    files = {
        "__init__.py": _INIT.encode(),
        "layers.py": layers.encode(),
        "metadata.json": json.dumps(metadata, indent=2).encode(),
    }
    return {f"build/{variant}/{path}": content for path, content in files.items()}


def repository(repo_id: str, branches: Mapping[str, Mapping[str, bytes]]) -> Repository:
    """A repository with these files at its branches; the last is that of `main` too."""
    commits = {
        name: commit_of({"README.md": f"# {repo_id} {name}\n".encode(), **files})
        for name, files in branches.items()
    }
    return Repository(repo_id, {**commits, "main": [*commits.values()][-1]})


def _both(repo_id: str, label: str, factor: int = 2, **stated: Any) -> dict[str, bytes]:
    builds = (build(repo_id, label, f"torch-{kind}", factor, **stated) for kind in ("cpu", "cuda"))
    return {path: content for files in builds for path, content in files.items()}


def _fat(repo_id: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for variant in (*CUDA_BUILDS, *CPU_BUILDS):
        files |= build(repo_id, "v1", variant)
        files[f"build/{variant}/_ops.abi3.so"] = f"\0ELF {variant} ".encode() * 100
        files[f"build/{variant}/ops.py"] = b"from . import _ops\n"
    return files


def _wide(repo_id: str) -> dict[str, bytes]:
    far = "build/torch212-cxx11-cu130-x86_64-linux"
    headers = {f"{far}/include/h{index:04}.h": b"// %d\n" % index for index in range(2600)}
    return {**build(repo_id, "v1", "torch-cpu"), **build(repo_id, "v1", far[6:]), **headers}


def lock_catalog() -> Catalog:
    """The repositories that are named at the top, and those of `demo_catalog`."""
    needs: Any = {"kernel-depends": [{"repo-id": DEP, "version": 1}], "layers": _USES}
    mixed = f"{ORG}/mixed"
    added = [
        repository(
            DEP,
            {"v1": _both(DEP, "v1", DEP_FACTOR), "next": _both(DEP, "next", MOVED_DEP_FACTOR)},
        ),
        repository(USES, {"v1": _both(USES, "v1", **needs)}),
        repository(f"{ORG}/fat", {"v1": _fat(f"{ORG}/fat")}),
        repository(f"{ORG}/wide", {"v1": _wide(f"{ORG}/wide")}),
        repository(f"{ORG}/gated", {"v1": _both(f"{ORG}/gated", "v1")}),
        repository(
            mixed,
            {
                "v1": {
                    **build(mixed, "v1", "torch-cpu", license="MIT"),
                    **build(mixed, "v1", "torch-cuda", license="GPL-3.0"),
                }
            },
        ),
        repository(f"{ORG}/cuda", {"v1": build(f"{ORG}/cuda", "v1", CUDA_BUILDS[-2])}),
        repository(
            f"{ORG}/torn",
            {
                "v1": {
                    **build(f"{ORG}/torn", "v1", CPU_BUILDS[0]),
                    f"build/{CPU_BUILDS[0]}/metadata.json": b'{"license": "\xff',
                    **build(f"{ORG}/torn", "v1", CPU_BUILDS[1]),
                }
            },
        ),
        repository("person/solo", {"v1": _both("person/solo", "v1")}),
        repository("org/gated", {"v1": _both("org/gated", "v1", layers=_NORM)}),
        repository(
            "org/dirty",
            {
                "v1": _both("org/dirty", "v1", layers=_NORM, provenance=_DIRTY),
                "v2": _both("org/dirty", "v2", layers=_NORM),
            },
        ),
        repository(
            "org/needy",
            {
                "v1": _both("org/needy", "v1", **{"layers": _NORM, **_NEEDY}),
                "v2": _both("org/needy", "v2", layers=_NORM),
            },
        ),
        repository(
            "org/odd",
            {
                "v1": _both("org/odd", "v1", layers=_NORM),
                "v2": _both("org/odd", "v2", layers=f"{_NORM}\n\nNorm = decorated(Norm)\n"),
            },
        ),
        repository(
            "org/norm",
            {label: _both("org/norm", label, layers=_NORM) for label in ("v1", "v2")},
        ),
    ]
    base = demo_catalog()
    repositories = {**base.repositories, **{each.repo_id: each for each in added}}
    return replace(
        base,
        trusted={**base.trusted, "org": True},
        repositories=repositories,
        renamed={"org/old": "org/norm", "org/round": "org/round"},
        gated=frozenset({f"{ORG}/gated", "org/gated"}),
    )
