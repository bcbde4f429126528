"""The mapping that is active in the kernels library, as rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_schema.diagnostics import LoweringError, Route
from kernel_schema.lowering.inference import resolve_mode
from kernel_schema.lowering.kernels_state import active_mapping
from kernel_schema.schema.anchors import home_path
from kernel_schema.schema.capability import EVERY_CAPABILITY, Capabilities
from kernel_schema.schema.kinds import is_list, is_table
from kernel_schema.schema.references import is_local
from kernel_schema.schema.rules import HubKernel, Kernel, LocalKernel, Rule
from kernel_schema.schema.vocabulary import DEVICE_NAMES, DeviceType, ModeName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROOT = "inherited"


def is_inherited(rule: Rule) -> bool:
    """Whether a rule comes from the mapping under the config."""
    return rule.route.steps[:1] == (_ROOT,)


def inherited_rules() -> tuple[Rule, ...]:
    """What is registered in kernels right now, in this context.

    Returns:
        Rules whose route starts with `inherited`. A kernel that is neither on the Hub nor local
        is shown by its class name.
    """
    return tuple(_rules(active_mapping()))


def _rules(mapping: dict[str, dict[str, Any]]) -> Iterator[Rule]:
    for layer_name, devices in mapping.items():
        for device_name, repos in devices.items():
            for capabilities, by_mode in _ranges(repos):
                yield from rules_of(layer_name, device_name, capabilities, by_mode)


def rules_of(
    layer_name: str, device_name: str, capabilities: Capabilities, repositories: Any
) -> Iterator[Rule]:
    """One entry of a mapping of kernels as rules.

    Args:
        layer_name: The name of the layer.
        device_name: The type of the device; of one that we do not know there are no rules.
        capabilities: The range that the entry is for.
        repositories: A repository object, or such objects by `kernels.Mode`.
    """
    if device_name not in DEVICE_NAMES:
        return
    device = DeviceType(device_name)
    route = Route((_ROOT, layer_name, device_name))
    if not is_table(repositories):
        kernel = kernel_of(repositories)
        yield Rule(layer_name, device, capabilities, ModeName.FALLBACK, kernel, route)
        return
    named = [(mode, repo) for key, repo in repositories.items() if (mode := _mode(key))]
    if not named:
        # An entry without a kernel that is ever selected: the model's own forward stays.
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

    >>> as_loaded(LocalKernel("./a/../norm", "Layer")).path
    './a/../norm'
    """
    if isinstance(kernel, LocalKernel):
        return replace(kernel, path=_as_written(home_path(kernel.path)))
    if kernel.lockfile is not None:
        return replace(kernel, lockfile=str(home_path(kernel.lockfile)))
    return kernel


def _as_written(path: Path) -> str:
    """A path as a reference has to spell it: Path drops a leading `./`."""
    text = str(path)
    return text if is_local(text) else f"./{text}"


def kernel_of(repository: Any) -> Kernel:
    """Describe a repository object of kernels without asking it: its `str()` uses the network."""
    own_name = type(repository).__name__
    layer_name = getattr(repository, "layer_name", getattr(repository, "func_name", own_name))
    path = getattr(repository, "_repo_path", None)
    if path is not None:
        return LocalKernel(_as_written(path), layer_name)
    trust: Any = getattr(repository, "_trust_remote_code", False)
    lockfile = getattr(repository, "_lockfile", None)
    pinned = lockfile is None
    return HubKernel(
        str(getattr(repository, "_repo_id", own_name)),
        layer_name,
        getattr(repository, "_version", None) if pinned else None,
        # Before kernels 0.17 a locked repository holds the revision that its file told.
        getattr(repository, "_revision", None) if pinned else None,
        None if lockfile is None else str(lockfile),
        tuple(trust) if is_list(trust) else trust,
    )
