"""From rules to the mapping of kernels: the only module that builds the objects of kernels."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kernel_schema.checks.environment import version_of
from kernel_schema.checks.refusals import refusal
from kernel_schema.choice.choose import MODE_CHAIN
from kernel_schema.diagnostics import Diagnostic, LoweringError
from kernel_schema.files.read import opened
from kernel_schema.locks.state import locking
from kernel_schema.locks.step import left_in_force, locked_inheritance
from kernel_schema.lowering.forwards import replacement
from kernel_schema.lowering.pinned import PinnedKernels, PinnedLayerRepository, is_locked
from kernel_schema.lowering.situate import placing, taken
from kernel_schema.lowering.upstream import import_kernels, knows_device, loaded_layers
from kernel_schema.model.carriers import carriers
from kernel_schema.model.target import mode_of, resolve_device, resolve_mode
from kernel_schema.paths import home_path
from kernel_schema.policies.in_force import enforce
from kernel_schema.schema.arguments import need_module
from kernel_schema.schema.rules import HubKernel, Kernel, Rule, RuntimeChoice, expand
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES, DeviceType, ModeName
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from types import ModuleType
    from typing import TypeAlias

    from kernels import Device, LayerRepository, LocalLayerRepository, LockedLayerRepository, Mode

    from kernel_schema.files.read import ConfigSource, Opened
    from kernel_schema.locks.lock import Lock
    from kernel_schema.model.types import DeviceInput, ModeInput, Module
    from kernel_schema.schema.models import KernelConfig

    Repository: TypeAlias = (
        LayerRepository | LocalLayerRepository | LockedLayerRepository | PinnedLayerRepository
    )
    KernelsMapping: TypeAlias = dict[str, dict[str | Device, dict[Mode, Repository]]]


def lower(
    config: ConfigSource,
    model: Module | None = None,
    *,
    device: DeviceInput | None = None,
    mode: ModeInput | None = None,
    lock: Lock | None = None,
    verify: bool = True,
) -> KernelsMapping:
    """Turn a config into the nested mapping of the kernels library.

    Args:
        config: What is wanted, in any form of `ConfigSource`; a document or a path gives errors
            its positions.
        model: Where given, its device and mode stand in for `device` and `mode`.
        device: Where entries go that speak for every device. With neither a model nor a device
            they go to every device that the installed kernels knows. Entries that name their
            devices are all kept.
        mode: Under which mode entries without one go. With neither a model nor a mode that is
            `Mode.FALLBACK`, kernels' word for "any mode that is not named".
        lock: What kernels are locked to, in place of the lock that the config names.
        verify: Whether the bytes of a locked kernel are held against the lock when it is loaded.

    Returns:
        A new `{layer: {device: {Mode: repository}}}`. Keys are strings such as `"cuda"`, or
        `kernels.Device` where a capability range is stated. `original` lowers to an empty dict,
        for which kernels keeps the model's own forward. The mapping is complete only where nothing
        is inherited, or under `use_kernel_config`: registered by hand over another mapping, it
        replaces a range only where that is equal.

    Raises:
        LockError: If the lock cannot be used, or lacks a kernel.
        PolicyError: If the policy that KERNEL_SCHEMA_POLICY names does not allow what the config
            says, or cannot be read.
        LoweringError: If kernels is not installed or too old for a device, the device is needed
            and cannot be told, a lock file cannot be used or is on another machine, a path names a
            user (`~user`), or a revision is not trusted. All such problems at once.
        ConfigError: If a path or a mapping is given that is no config.
        TypeError: If config or model is something else, or they are swapped.

    >>> from kernel_schema import KernelConfig
    >>> mapping = lower(KernelConfig({"A": {"cpu": "./norm:Layer"}}))
    >>> mapping["A"]["cpu"]
    {<Mode.FALLBACK: 1>: <kernels.layer.layer.LocalLayerRepository object at ...>}
    """
    source = opened(config) if model is None else taken(config, model)
    return lowered(source, model, device=device, mode=mode, lock=lock, verify=verify)[1]


def lowered(
    source: Opened,
    model: Module | None = None,
    *,
    device: DeviceInput | None = None,
    mode: ModeInput | None = None,
    lock: Lock | None = None,
    verify: bool = True,
    inherited: tuple[Rule, ...] | None = None,
) -> tuple[tuple[Rule, ...], KernelsMapping]:
    """The rules of a config, and `lower` of them.

    Where the mapping is to be active, `inherited` is what is under it: the rules and the mapping
    then hold that too, as far as the lock does.
    """
    with placing(source) as wanted:
        kernels = import_kernels()
        rules, lock, problems = locking(wanted, expand(wanted), lock)
        outer, lacking = locked_inheritance(rules, inherited or (), lock)
        outer = left_in_force(rules, outer)
        inherits = inherited is not None and wanted.inherit_mapping
        enforce(rules, lock, inherits=inherits, inherited=outer)
        pinned = PinnedKernels.of(lock, problems + lacking, verify=verify)
        rules = (*rules, *pinned.of_inheritance(outer))
        run_mode = resolve_mode(mode) or (ModeName.FALLBACK if model is None else mode_of(model))
        plain = _plain_devices(kernels, rules, model, device)
        return rules, build(kernels, rules, plain, run_mode, pinned=pinned)


def create_compatible_mapping(
    config: KernelConfig,
    model: Module,
    *,
    compile: bool,
) -> KernelsMapping:
    """`KernelConfig.create_compatible_mapping`: see there."""
    need_module(model)
    return lower(config, model, mode=mode_of(model, compiled=compile))


def _plain_devices(
    kernels: ModuleType, rules: Iterable[Rule], model: Module | None, device: DeviceInput | None
) -> tuple[DeviceType, ...]:
    """The devices to which entries go that speak for every device.

    A `device-not-inferable` if there are such entries and the model does not tell its device.
    """
    if device is None and model is None:
        return known_devices(kernels)
    plain = dict.fromkeys(rule.route for rule in rules if rule.device is None)
    # A model is gone through only where it matters.
    resolved = resolve_device(device, model if plain else None)
    if plain and resolved is None:
        raise LoweringError(
            Diagnostic(
                "device-not-inferable",
                "the model has no parameter outside the meta device, so that the device of this "
                "entry cannot be told",
                route,
                help="pass `device=`, or name the device in the config",
            )
            for route in plain
        )
    return () if resolved is None else (resolved,)


def known_devices(kernels: ModuleType) -> tuple[DeviceType, ...]:
    """The devices that the installed kernels can register kernels for."""
    return tuple(device for device in DeviceType if knows_device(kernels, device.value))


def build(
    kernels: ModuleType,
    rules: Sequence[Rule],
    plain: tuple[DeviceType, ...],
    default_mode: ModeName,
    *,
    pinned: PinnedKernels,
    network: bool = False,
) -> KernelsMapping:
    """Put rules together: modes merged, one key for each range, fresh dicts throughout.

    Lock files on other machines are asked for only if `network` is set; kernels with a commit are
    those of `pinned`.
    """
    mapping: KernelsMapping = {}
    problems: list[Diagnostic] = []
    devices = dict.fromkeys((*plain, *(rule.device for rule in rules if rule.device is not None)))
    unknown = [device for device in devices if not knows_device(kernels, device.value)]
    stated = {rule.mode for rule in rules}
    modes = {mode: kernels_mode(kernels, mode or default_mode) for mode in stated}
    repositories: dict[Kernel, Repository] = {}
    for rule in rules:
        by_device = mapping.setdefault(rule.layer_name, {})
        for device in plain if rule.device is None else (rule.device,):
            lacking = _unsupported(kernels, rule, device, unknown)
            if lacking is not None:
                problems.append(lacking)
                continue
            by_mode = by_device.setdefault(_device_key(kernels, device, rule), {})
            if rule.kernel is None or isinstance(rule.kernel, RuntimeChoice):
                continue
            repository = repositories.get(rule.kernel)
            if repository is None:
                if is_locked(rule.kernel):
                    repository = PinnedLayerRepository(rule.kernel, pinned)
                else:
                    repository = _repository(kernels, rule, rule.kernel, network=network)
                if isinstance(repository, Diagnostic):
                    problems.append(repository)
                    continue
                repositories[rule.kernel] = repository
            by_mode[modes[rule.mode]] = repository
    if problems:
        raise LoweringError(dict.fromkeys(problems))
    return mapping


def repeating(
    model: Module, device: DeviceType, modes: Collection[ModeName | None], otherwise: Any
) -> KernelsMapping:
    """The mapping by which kernels would put in place what is in place on a model, in these modes.

    In all others it has `otherwise` for what runs a kernel.
    """
    kernels = import_kernels()
    forwards = ((getattr(cls, "forward", cls), key) for key, cls in loaded_layers().items())
    repositories = {id(forward): repository for forward, repository in forwards}
    known = [(kernels_mode(kernels, mode), mode in modes) for mode in MODE_CHAIN]
    mapping: KernelsMapping = {}
    for item in carriers(model):
        by_mode = mapping.setdefault(item.layer_name, {}).setdefault(device.value, {})
        repository = repositories.get(id(replacement(item.carrier)))
        if repository is not None:
            by_mode |= {mode: repository if same else otherwise for mode, same in known}
    return mapping


def kernels_mode(kernels: ModuleType, mode: ModeName) -> Any:
    """The `kernels.Mode` of a mode."""
    base, _, compiled = mode.kernels_name.partition("|")
    member = kernels.Mode[base]
    return member | kernels.Mode[compiled] if compiled else member


def _device_key(kernels: ModuleType, device: DeviceType, rule: Rule) -> Any:
    bounds = rule.capabilities
    if not bounds.bounded or device not in CAPABILITY_DEVICES:
        return device.value
    properties = kernels.CUDAProperties if device is DeviceType.CUDA else kernels.ROCMProperties
    highest = min(bounds.highest, sys.maxsize)
    ranged = properties(min_capability=bounds.lowest, max_capability=highest)
    return kernels.Device(type=device.value, properties=ranged)


def _repository(kernels: ModuleType, rule: Rule, kernel: Kernel, *, network: bool) -> Any:
    """The object of kernels for a kernel; a diagnostic where it cannot be used."""
    refused = refusal(rule, network=network)
    if refused is not None:
        return refused
    if not isinstance(kernel, HubKernel):
        return kernels.LocalLayerRepository(home_path(kernel.path), layer_name=kernel.layer_name)
    trust = kernel.trust_remote_code
    trust_remote_code = list(trust) if isinstance(trust, tuple) else trust
    if kernel.lockfile is None:
        return kernels.LayerRepository(
            kernel.repo_id,
            layer_name=kernel.layer_name,
            version=kernel.version,
            revision=kernel.revision,
            trust_remote_code=trust_remote_code,
        )
    try:
        return kernels.LockedLayerRepository(
            kernel.repo_id,
            lockfile=home_path(kernel.lockfile),
            layer_name=kernel.layer_name,
            trust_remote_code=trust_remote_code,
        )
    # Before 0.17 kernels let a malformed lock file fail wherever it happened to.
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return _unusable_lockfile(rule, error)


def _unsupported(
    kernels: ModuleType, rule: Rule, device: DeviceType, unknown: Sequence[DeviceType]
) -> Diagnostic | None:
    """What the installed kernels cannot do yet."""
    code, newer = "unsupported-by-kernels", "pip install 'kernels>=0.17'"
    trust = getattr(rule.kernel, "trust_remote_code", False)
    if device in unknown:
        code, lacking = "unsupported-device", f"does not know the device {quote(device)} yet"
        known = listing(known_devices(kernels), "and")
        newer = f"its devices are {known}; a newer kernels may know more"
    elif (
        device is DeviceType.ROCM
        and rule.capabilities.bounded
        and not hasattr(kernels, "ROCMProperties")
    ):
        lacking = "knows no capability ranges for rocm"
    elif isinstance(trust, tuple) and not _takes_trust_lists():
        lacking = "takes no repository ids for `trust_remote_code`"
    else:
        return None
    return Diagnostic(code, f"kernels {version_of('kernels')} {lacking}", rule.route, newer)


@lru_cache(maxsize=1)
def _takes_trust_lists() -> bool:
    """Whether `trust_remote_code` takes a list; cached, since asking for a version reads files."""
    release = (version_of("kernels") or "0.0").split(".")[:2]
    return tuple(map(int, release)) >= (0, 17)


def _unusable_lockfile(rule: Rule, error: Exception) -> Diagnostic:
    if isinstance(error, FileNotFoundError):
        code, why = "missing-lockfile", "does not exist"
    elif " is not locked" in str(error):
        code, why = "unusable-lockfile", "cannot be used: this repository is not locked in it"
    else:
        # kernels quotes what it could not read: it may be no lock file at all, but a secret.
        place = re.search(r" at line [0-9]+ column [0-9]+", str(error))
        reason = getattr(error, "strerror", None)
        why = f"cannot be used: kernels cannot read it{place[0] if place else ''}"
        code, why = "unusable-lockfile", f"{why}: {reason}" if reason else why
    message = f"the lock file of `{rule.kernel}` {why}"
    return Diagnostic(code, message, rule.route, help="write it with `kernels lock`")
