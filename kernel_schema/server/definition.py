"""Where something of a config is written: the class of a local kernel, a base."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_schema.builds.repository import Build, every_build, local_builds
from kernel_schema.builds.this_machine import this_machine
from kernel_schema.checks.paths import is_looked_at
from kernel_schema.paths import home_path, is_file
from kernel_schema.schema.rules import LocalKernel, expand

if TYPE_CHECKING:
    from kernel_schema.files.document import Document
    from kernel_schema.routes import Step


def definition(document: Document, steps: tuple[Step, ...]) -> tuple[str, int] | None:
    """The file and the line, from 1, of what stands at a place of a config; None without one.

    Of a local kernel it is the class of its layer, in the build that this machine takes: read, not
    run. Of a base, or a lock file, it is that file.
    """
    steps = steps[len(document.at.steps) :]
    if steps[:1] in {("extends",), ("lockfile",)}:
        return _named_file(document, steps)
    for rule in expand(document.anchored):
        route, kernel = rule.route.steps, rule.kernel
        if isinstance(kernel, LocalKernel) and steps and _leads_to(steps, route):
            return _layer(kernel) if is_looked_at(kernel.path) else None
    return None


def _leads_to(steps: tuple[Step, ...], route: tuple[Step, ...]) -> bool:
    """Whether a place is a kernel, inside of its options, or the only way to it."""
    return len(steps) > 1 and (route[: len(steps)] == steps or steps[: len(route)] == route)


def _named_file(document: Document, steps: tuple[Step, ...]) -> tuple[str, int] | None:
    names = [document.config.lockfile] if steps == ("lockfile",) else list(document.extends)
    last = steps[-1]
    name = names[last] if isinstance(last, int) and last < len(names) else next(iter(names), None)
    if name is None or not is_looked_at(str(name)):
        return None
    path = os.path.join(document.directory, home_path(str(name)))
    return (os.path.normpath(path), 1) if is_file(path) else None


def _layer(kernel: LocalKernel) -> tuple[str, int] | None:
    for build in _builds(Path(os.path.abspath(home_path(kernel.path)))):
        layer = build.contents.layers.get(kernel.layer_name)
        file, _, line = (layer.place if layer is not None else "").rpartition(":")
        if file:
            return str(build.folder / file), int(line)
        for fallback in ("layers.py", "layers/__init__.py", "__init__.py"):
            if is_file(build.folder / fallback):
                return str(build.folder / fallback), 1
    return None


def _builds(path: Path) -> list[Build]:
    """The builds of a repository: that which this machine takes first."""
    target = this_machine()
    fitting = local_builds(path, target).fitting if target is not None else ()
    return list(chain(fitting, every_build(path)))
