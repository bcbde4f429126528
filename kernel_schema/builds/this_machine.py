"""The machine at hand, as far as builds depend on it; torch is not imported for that."""

from __future__ import annotations

import ast
import importlib.util
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from kernel_schema.builds.variants import BuildTarget, Release, this_platform


def this_machine() -> BuildTarget | None:
    """The machine at hand; None if torch is not installed.

    The release of torch and what it is built for are read from its `version.py`, or from torch
    itself where it is imported already.
    """
    version = _versions_of_torch()
    torch = release_of(version.get("__version__"))
    if torch is None:
        return None
    cpu, os = this_platform()
    return BuildTarget(
        _backend(version, cpu, os),
        torch,
        cpu,
        os,
        # torch 2.7 and later know no other one.
        True if os == "linux" and torch >= (2, 7) else None,
        release_of(platform.mac_ver()[0]),
        _installed_release("apache-tvm-ffi"),
    )


def release_of(version: object) -> Release | None:
    """The first two numbers of a version.

    >>> release_of("2.13.0+cpu"), release_of("main")
    ((2, 13), None)
    """
    match = re.match(r"(\d{1,4})\.(\d{1,4})", version) if isinstance(version, str) else None
    return (int(match[1]), int(match[2])) if match else None


def _backend(version: dict[str, Any], cpu: str, os: str) -> str | None:
    if importlib.util.find_spec("torch_neuronx") or importlib.util.find_spec("torch_tpu"):
        return None
    for key, prefix in (("cuda", "cu"), ("hip", "rocm")):
        release = release_of(version.get(key))
        if release is not None:
            return f"{prefix}{release[0]}{release[1]}"
    xpu = version.get("xpu")
    if isinstance(xpu, str):
        # A date without dots, 20250201: kernels takes the year and the digit of the month.
        return f"xpu{xpu[:4]}{xpu[5:6]}"
    return "metal" if (cpu, os) == ("aarch64", "darwin") else "cpu"


def _versions_of_torch() -> dict[str, Any]:
    """What `torch.version` says, by name."""
    loaded = sys.modules.get("torch.version")
    if loaded is not None:
        return vars(loaded)
    try:
        spec = importlib.util.find_spec("torch")
        folder = Path(str(spec.origin)).parent if spec is not None else None
        text = "" if folder is None else (folder / "version.py").read_text(encoding="utf-8")
        statements = ast.parse(text).body
    except (ImportError, OSError, ValueError, SyntaxError):
        return {}
    values: dict[str, Any] = {}
    for statement in statements:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if isinstance(statement.value, ast.Constant):
                values |= {t.id: statement.value.value for t in targets if isinstance(t, ast.Name)}
    return values


def _installed_release(distribution: str) -> Release | None:
    try:
        return release_of(metadata.version(distribution))
    except metadata.PackageNotFoundError:
        return None
