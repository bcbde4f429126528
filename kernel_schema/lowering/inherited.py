"""The mapping that is active in the kernels library, as rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_schema.diagnostics import LoweringError, Route
from kernel_schema.lowering.inference import resolve_mode
from kernel_schema.lowering.kernels_state import active_mapping
from kernel_schema.schema.capability import EVERY_CAPABILITY, Capabilities
from kernel_schema.schema.kinds import is_list
from kernel_schema.schema.rules import HubKernel, Kernel, LocalKernel, Rule
from kernel_schema.schema.vocabulary import DEVICE_NAMES, DeviceType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.schema.vocabulary import ModeName


_ROOT = "(inherited)"


def is_inherited(rule: Rule) -> bool:
    """Whether a rule comes from the mapping under the config."""
    return rule.route.steps[:1] == (_ROOT,)


def inherited_rules() -> tuple[Rule, ...]:
    """What is registered in kernels right now, in this context.

    Returns:
        Rules whose route starts with `(inherited)`. A kernel that is neither on the Hub nor local
        is shown by its class name.
    """
    return tuple(_rules(active_mapping()))


def _rules(mapping: dict[str, dict[str, Any]]) -> Iterator[Rule]:
    for layer_name, devices in mapping.items():
        for device_name, repos in devices.items():
            if device_name not in DEVICE_NAMES:
                continue
            device = DeviceType(device_name)
            route = Route((_ROOT, layer_name, device_name))
            for capabilities, by_mode in _ranges(repos):
                named = [(mode, repo) for key, repo in by_mode.items() if (mode := _mode(key))]
                if not named:
                    yield Rule(layer_name, device, capabilities, None, None, route)
                for mode, repo in named:
                    yield Rule(layer_name, device, capabilities, mode, kernel_of(repo), route)


def _ranges(repos: Any) -> Iterator[tuple[Capabilities, dict[Any, Any]]]:
    tree = getattr(repos, "repos_by_capability", None)
    if tree is None:
        yield EVERY_CAPABILITY, repos.repos
        return
    pending = [tree.root]
    while pending:
        node = pending.pop()
        if node is not None:
            yield Capabilities(node.start, node.end), node.data
            pending += [node.left, node.right]


def _mode(key: Any) -> ModeName | None:
    """The mode of a key of kernels; None for the combinations that kernels never selects."""
    try:
        return resolve_mode(key)
    except LoweringError:
        return None


def as_loaded(kernel: Kernel) -> Kernel:
    """A kernel of a rule as `kernel_of` would describe the repository object made of it.

    >>> as_loaded(LocalKernel("./norm", "Layer")).path
    'norm'
    """
    if isinstance(kernel, LocalKernel):
        return replace(kernel, path=str(Path(kernel.path).expanduser()))
    if kernel.lockfile is not None:
        return replace(kernel, lockfile=str(Path(kernel.lockfile).expanduser()))
    return kernel


def kernel_of(repository: Any) -> Kernel:
    """Describe a repository object of kernels without asking it: its `str()` uses the network."""
    own_name = type(repository).__name__
    layer_name = getattr(repository, "layer_name", getattr(repository, "func_name", own_name))
    path = getattr(repository, "_repo_path", None)
    if path is not None:
        return LocalKernel(str(path), layer_name)
    trust: Any = getattr(repository, "_trust_remote_code", False)
    lockfile = getattr(repository, "_lockfile", None)
    return HubKernel(
        str(getattr(repository, "_repo_id", own_name)),
        layer_name,
        getattr(repository, "_version", None),
        getattr(repository, "_revision", None),
        None if lockfile is None else str(lockfile),
        tuple(trust) if is_list(trust) else trust,
    )
