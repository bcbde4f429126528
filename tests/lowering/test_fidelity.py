"""`select` against kernels' own choice: 2,000 random configs over random inherited mappings.

Nothing of kernels is replaced but `_find_capability`, which asks the GPU for its capability.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import kernels
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels.layer import repos as kernels_repos
from kernels.layer.globals import _KERNEL_MAPPING

import kernel_schema as ks
from kernel_schema.choice.choose import MODE_CHAIN
from kernel_schema.lowering.inherited import inherited_rules
from kernel_schema.lowering.upstream import kernel_of
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES
from tests.lowering.draws import (
    BOUNDS,
    DEVICES,
    HIGHEST_BOUND,
    LAYER_NAMES,
    MODES,
    RANGE_DEVICES,
    RUN_MODES,
    mappings,
    range_tables,
    tables,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Choice = tuple[ks.HubKernel | ks.LocalKernel | ks.RuntimeChoice, ks.ModeName] | None
"""What runs, and under which mode it stands; None for the model's own forward."""

CAPABILITIES = sorted(
    {
        max(0, bound + step)
        for bound in (*filter(None, BOUNDS), 0, HIGHEST_BOUND)
        for step in (-1, 0, 1)
    }
)
_NAME_OF = {mode: name for name, mode in MODES.items()}


def test_the_chain_of_modes_is_that_of_kernels() -> None:
    theirs = {
        _NAME_OF[mode]: tuple(_NAME_OF[step] for step in steps)
        for mode, steps in kernels_repos._MODE_FALLBACK_PRIORITY.items()
    }
    assert theirs == MODE_CHAIN


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(table=tables(), inherited=mappings(), inherit=st.booleans())
def test_any_config_over_any_mapping(
    *, table: dict[str, Any], inherited: dict[str, Any], inherit: bool
) -> None:
    config = ks.KernelConfig(table, inherit_mapping=inherit)
    with kernels.use_kernel_mapping(inherited, inherit_mapping=False):
        before = seen()
        rules = inherited_rules() if inherit else ()
        with ks.use_kernel_config(config):
            compare(ks.expand(config), rules)
        assert seen() == before


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_ranges_within_ranges(data: st.DataObject) -> None:
    device = data.draw(st.sampled_from(RANGE_DEVICES))
    table = data.draw(st.just({}) | range_tables(device))
    inherited = data.draw(mappings(("A",), (device,)))
    config = ks.KernelConfig(table)
    with kernels.use_kernel_mapping(inherited, inherit_mapping=False):
        rules = inherited_rules()
        with ks.use_kernel_config(config):
            compare(ks.expand(config), rules, ("A",), (device,))


@settings(max_examples=40, deadline=None)
@given(
    tables_=st.lists(tables(), min_size=2, max_size=3),
    inherited=mappings(),
    inherit=st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_configs_within_configs(
    tables_: list[dict[str, Any]], inherited: dict[str, Any], inherit: list[bool]
) -> None:
    with ExitStack() as stack:
        stack.enter_context(kernels.use_kernel_mapping(inherited, inherit_mapping=False))
        for table, own_inherit in zip(tables_, inherit, strict=False):
            config = ks.KernelConfig(table, inherit_mapping=own_inherit)
            rules = inherited_rules() if own_inherit else ()
            stack.enter_context(ks.use_kernel_config(config))
            compare(ks.expand(config), rules)


@settings(max_examples=40, deadline=None)
@given(
    table=tables(),
    inherited=mappings(),
    device=st.sampled_from(DEVICES),
    mode=st.sampled_from(ks.ModeName),
)
def test_a_device_and_a_mode_for_entries_without(
    table: dict[str, Any], inherited: dict[str, Any], device: ks.DeviceType, mode: ks.ModeName
) -> None:
    config = ks.KernelConfig(table)
    stated = [
        replace(
            rule,
            device=rule.device or device,
            mode=mode if rule.mode is None and rule.kernel is not None else rule.mode,
        )
        for rule in ks.expand(config)
    ]
    with kernels.use_kernel_mapping(inherited, inherit_mapping=False):
        rules = tuple(
            rule
            for rule in inherited_rules()
            # A plain entry names every device of its layer, wherever it is put.
            if not any(
                own.layer_name == rule.layer_name and own.device is None
                for own in ks.expand(config)
            )
        )
        with ks.use_kernel_config(config, device=device, mode=mode):
            compare(stated, rules)


@settings(max_examples=100, deadline=None)
@given(table=tables())
def test_a_lowered_mapping_registered_by_hand(table: dict[str, Any]) -> None:
    config = ks.KernelConfig(table)
    lowered: Any = ks.lower(config)
    with kernels.use_kernel_mapping(lowered, inherit_mapping=False):
        compare(ks.expand(config), ())


class _StopError(Exception):
    """Raised inside a block."""


@pytest.mark.parametrize("inherit", [True, False])
def test_an_exception_leaves_the_outer_mapping_as_it_was(*, inherit: bool) -> None:
    config = ks.KernelConfig({"A": "org/repo:L"}, inherit_mapping=inherit)
    with kernels.use_kernel_mapping(_an_inherited_mapping(), inherit_mapping=False):
        before = seen()
        with suppress(_StopError), ks.use_kernel_config(config):
            assert seen() != before
            raise _StopError
        assert seen() == before


def test_a_config_that_cannot_be_lowered_leaves_the_outer_mapping_as_it_was() -> None:
    locked = {"kernel": "org/repo:L", "lockfile": "/no/such/file.lock"}
    config = ks.KernelConfig({"A": {"cpu": locked}})
    with kernels.use_kernel_mapping(_an_inherited_mapping(), inherit_mapping=False):
        before = seen()
        with pytest.raises(ks.LoweringError), ks.use_kernel_config(config):
            pass
        assert seen() == before


def _an_inherited_mapping() -> dict[str, Any]:
    theirs = kernels.LayerRepository("theirs/k", layer_name="L", version=1)
    hopper = kernels.CUDAProperties(min_capability=90, max_capability=99)
    return {"A": {"cpu": theirs, kernels.Device("cuda", hopper): theirs, "cuda": {}}}


def compare(
    rules: Sequence[ks.Rule],
    inherited: Sequence[ks.Rule],
    layer_names: Iterable[str] = LAYER_NAMES,
    devices: Iterable[ks.DeviceType] = DEVICES,
) -> None:
    """Hold `select` against kernels for everything that can be asked."""
    for device in devices:
        for capability in CAPABILITIES if device in CAPABILITY_DEVICES else (80,):
            with gpu_of(capability):
                for layer_name in layer_names:
                    for mode in RUN_MODES:
                        rule = ks.select(
                            rules,
                            layer_name=layer_name,
                            device=device,
                            mode=mode,
                            capability=capability,
                            inherited=inherited,
                        )
                        ours = chosen_by(rule)
                        theirs = chosen_by_kernels(layer_name, device, mode)
                        assert ours == theirs, (layer_name, device, capability, mode)


def chosen_by(rule: ks.Rule | None) -> Choice:
    """What a rule of ours puts in place."""
    if rule is None or rule.kernel is None:
        return None
    return rule.kernel, rule.mode or ks.ModeName.FALLBACK


def chosen_by_kernels(layer_name: str, device: ks.DeviceType, mode: ks.ModeName) -> Choice:
    """What `kernels.kernelize` would put in place, by the steps of `kernelize_layer`."""
    by_device = _KERNEL_MAPPING.get().get(layer_name, {}).get(device.value)
    options = None if by_device is None else by_device.repos
    if options is None:
        return None
    found = kernels_repos._select_repository(options, mode=MODES[mode])
    return None if found is None else (kernel_of(found[0]), _NAME_OF[found[1]])


@contextmanager
def gpu_of(capability: int) -> Iterator[None]:
    """A GPU of this capability, as kernels sees it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels_repos, "_find_capability", lambda: capability)
        yield


def seen() -> object:
    """The active mapping as plain data, and the very object that holds it."""
    active = _KERNEL_MAPPING.get()
    content = {
        (layer_name, device): list(_entries(by_device))
        for layer_name, devices in active.items()
        for device, by_device in devices.items()
    }
    return id(active), content


def _entries(by_device: Any) -> Iterator[object]:
    tree = getattr(by_device, "repos_by_capability", None)
    if tree is None:
        yield _identities(by_device.repos)
        return
    pending = [tree.root]
    while pending:
        node = pending.pop()
        if node is not None:
            yield node.start, node.end, _identities(node.data)
            pending += [node.left, node.right]


def _identities(repositories: Mapping[kernels.Mode, object]) -> dict[kernels.Mode, int]:
    return {mode: id(repository) for mode, repository in repositories.items()}
