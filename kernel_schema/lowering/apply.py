"""Put a config's kernels into a model, all or nothing, and take them out again."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_schema.builds.loaded import note_loaded
from kernel_schema.builds.this_machine import this_machine
from kernel_schema.checks.contract import mode_refusals
from kernel_schema.checks.modes import lacking_for, passed_over
from kernel_schema.checks.questions import ask
from kernel_schema.choice.plan import disagreements
from kernel_schema.choice.planning import plan_model
from kernel_schema.choice.report import Report
from kernel_schema.files.read import config_of, opened
from kernel_schema.lowering.audit import audit_layers
from kernel_schema.lowering.check import refuse_errors
from kernel_schema.lowering.failures import loud, refuse_unapplied, telling
from kernel_schema.lowering.forwards import NO_KERNEL, loaded_class, why_kept
from kernel_schema.lowering.inherited import inherited_rules
from kernel_schema.lowering.lower import build, kernels_mode, lowered
from kernel_schema.lowering.pinned import PinnedKernels
from kernel_schema.lowering.restore import ONE_AT_A_TIME, Block, Snapshot, runs_kernel
from kernel_schema.lowering.situate import placed, placing, situate, taken
from kernel_schema.lowering.upstream import (
    active_mapping,
    always_holds,
    import_kernels,
    put_mapping_back,
)
from kernel_schema.model.calls import count_in_process
from kernel_schema.model.carriers import called_functions, look_closer
from kernel_schema.model.inspect import inspect_model
from kernel_schema.model.target import need_gpu, resolve_mode, resolve_target
from kernel_schema.policies.in_force import enforce
from kernel_schema.schema.rules import Kernel, Rule
from kernel_schema.schema.vocabulary import ModeName

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable

    from kernel_schema.choice.plan import Plan
    from kernel_schema.files.read import ConfigSource
    from kernel_schema.locks.lock import Lock
    from kernel_schema.lowering.lower import KernelsMapping
    from kernel_schema.model.carriers import Carrier
    from kernel_schema.model.types import DeviceInput, ModeInput, Module


@contextmanager
def use_kernel_config(
    config: ConfigSource,
    *,
    device: DeviceInput | None = None,
    mode: ModeInput | None = None,
    lock: Lock | None = None,
    verify: bool = True,
) -> Generator[None]:
    """Make a config the active mapping of kernels, as `kernels.use_kernel_mapping` does.

    Where the config names a layer and device, it replaces everything that is inherited there,
    ranges of capability included, which the context manager of kernels does not. A plain entry
    names every device of its layer. The outer mapping is back on exit. New threads do not see it.

    Args:
        config: What is wanted, in any form of `ConfigSource`; a document or a path gives errors
            its positions.
        device: Where entries go that speak for every device; every device if left out.
        mode: Under which mode entries without one go; `fallback` if left out.
        lock: As for `kernelize`.
        verify: As for `kernelize`.

    Raises:
        LockError, LoweringError, ConfigError, TypeError: As `lower` does. kernels itself then loads
            what is locked, without a network: a LockError where it is not here, or not as locked.

    >>> import kernels
    >>> from kernel_schema import KernelConfig
    >>> with use_kernel_config(KernelConfig({"RMSNorm": "org/repo:Layer"})):
    ...     pass  # kernels.kernelize(model, mode=kernels.Mode.INFERENCE)
    """
    source = opened(config)
    inherit = config_of(source).inherit_mapping
    inherited = inherited_rules() if inherit else ()
    rules, mapping = lowered(
        source, device=device, mode=mode, lock=lock, verify=verify, inherited=inherited
    )
    with _active(rules, mapping, inherit=inherit):
        yield


@contextmanager
def _active(rules: Iterable[Rule], mapping: KernelsMapping, *, inherit: bool) -> Generator[None]:
    kernels = import_kernels()
    # Entered with an empty mapping, kernels makes a private copy of what is active. Registering
    # over a range that exists there would not reliably replace it: what we name is dropped first.
    outer = active_mapping()
    try:
        with kernels.use_kernel_mapping({}, inherit_mapping=inherit):
            active = active_mapping()
            for rule in rules:
                by_device: Any = active.get(rule.layer_name)
                if rule.device is None or callable(by_device):
                    active.pop(rule.layer_name, None)
                elif by_device is not None:
                    by_device.pop(rule.device.value, None)
            kernels.register_kernel_mapping(mapping)
            yield
    except BaseException:
        # kernels' own context manager may have been interrupted as it was entered.
        put_mapping_back(outer)
        raise


def kernelize(
    model: Module,
    config: ConfigSource,
    *,
    mode: ModeInput | None = None,
    device: DeviceInput | None = None,
    strict: bool = True,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
    lock: Lock | None = None,
    verify: bool = True,
) -> Report:
    """Check a config against a model, put its kernels in place, and look at what was replaced.

    All or nothing: whatever goes wrong, every forward is as it was before. Functions that a model
    uses through `use_kernelized_func` are shared by all models of the process, and so are the
    kernels put in their place. Where `KERNEL_SCHEMA_CALLS` names a file, the calls of kernels are
    counted, and appended to it when the process ends.

    Args:
        model: The model, changed in place.
        config: What is wanted, in any form of `ConfigSource`; a document or a path gives
            diagnostics its positions.
        mode: How the model will run; inferred from its training state if left out.
        device: Where the model will run; inferred from its parameters if left out.
        strict: Raise where an entry that is meant for this device, capability and mode replaced
            nothing.
        ignore: Codes of checks to leave out, as for `check`.
        select: Codes of checks to make, all if left out.
        lock: What kernels are locked to, in place of the lock that the config names: what `fetch`
            gives, for one without a lock file.
        verify: Whether the bytes of a locked kernel are held against the lock when it is loaded.

    Returns:
        For each registered name what was replaced by which kernel, and what was kept and why.

    Raises:
        ModelCheckError: If the config does not fit the model.
        LockError: If the lock cannot be used or lacks a kernel, or a locked kernel is not on this
            machine, not as locked, not trusted, or was loaded before without the lock.
        PolicyError: If the policy that KERNEL_SCHEMA_POLICY names does not allow a kernel of the
            config, or one that is inherited and may run here; or cannot be read.
        LoweringError: If the device cannot be told, the config cannot be lowered, kernels is not
            installed or does not have what is read of it.
        KernelNotAppliedError: If a kernel cannot be loaded, or with `strict` replaced nothing.
        ConfigError: If a path or a mapping is given that is no config.
        TypeError: If config or model is something else, or they are swapped.

    >>> from kernel_schema import read
    >>> from kernel_schema.demo.model import build_model
    >>> from kernel_schema.demo.run import CONFIG_FILE  # a kernel for the CPU, beside it on disk
    >>> report = kernelize(build_model(), read(CONFIG_FILE))
    >>> norm = report.layer("RMSNorm")
    >>> norm.replaced, norm.total, norm.kernels[0].layer_class
    (5, 5, 'DemoRMSNorm')
    """
    return put_in_place(
        model,
        config,
        mode=mode,
        device=device,
        strict=strict,
        ignore=ignore,
        select=select,
        lock=lock,
        verify=verify,
    )


def put_in_place(
    model: Module,
    config: ConfigSource,
    *,
    mode: ModeInput | None,
    device: DeviceInput | None,
    strict: bool,
    ignore: Collection[str],
    select: Collection[str] | None,
    lock: Lock | None = None,
    verify: bool = True,
    inherited_may_fail: bool = False,
) -> Report:
    """`kernelize`, which passes over what is inherited and has no build here, if that may fail."""
    source = taken(config, model)
    snapshot = None
    try:
        with placing(source) as wanted, ONE_AT_A_TIME:
            kernels = import_kernels()
            layers = inspect_model(model)
            target = resolve_target(model, device, mode, compiled=layers.compiled)
            need_gpu(target)
            situation = situate(
                wanted,
                layers,
                target=target,
                stated_mode=resolve_mode(mode),
                build_target=this_machine(),  # where kernels chooses, whatever device is stated
                lock=lock,
                network=True,
            )
            inherited = situation.inherited_on(target.device)
            inherits = wanted.inherit_mapping
            enforce(situation.rules, situation.lock, inherits=inherits, inherited=inherited)
            pinned = PinnedKernels.of(situation.lock, situation.lock_problems, verify=verify)
            diagnostics = ask(situation, ignore=ignore, select=select)
            # A condition that fails is kernels' to tell of, which asks it again.
            facts = look_closer(model, layers, always_holds=always_holds)
            plan = plan_model(situation, facts, cannot_serve=mode_refusals(situation))
            rules = situation.registered_on(target.device)
            # First: what is wrong with changed code is no matter.
            pinned.refuse(plan, inherited_may_fail=inherited_may_fail)
            rules += pinned.of_inheritance(inherited, may_fail=inherited_may_fail)
            refuse_errors(diagnostics)
            fallback = ModeName.FALLBACK
            mapping = build(kernels, rules, (target.device,), fallback, network=True, pinned=pinned)
            # kernels logs a warning for every module without an entry: our report says it once.
            mapping |= {name: {target.device.value: {}} for name in plan.unmapped}
            options: dict[str, Any] = {}
            if inherited_may_fail:
                mapping = loud(mapping)
                options["use_fallback"] = kernels.KernelizeFallback.ALL
            snapshot = Snapshot(model)
            with snapshot:
                with (
                    telling(snapshot, plan),
                    _active(rules, mapping, inherit=inherits),
                    called_functions(model),
                ):
                    kernels.kernelize(
                        model,
                        mode=kernels_mode(kernels, target.mode),
                        device=target.device.value,
                        **options,
                    )
                snapshot.rehook()
                outcomes, warnings = audit_layers(
                    model, snapshot.carriers, _why_kept(plan), plan.asked
                )
                report = Report(outcomes, target.device, target.mode)
                if strict:
                    refuse_unapplied(plan, report)
                snapshot.keep(target.device, target.mode, plan.asked)
                for file in {kernel.file for outcome in outcomes for kernel in outcome.kernels}:
                    if file is not None:
                        note_loaded(file)
                count_in_process(snapshot.carriers, runs_kernel)
        diagnostics = (*diagnostics, *warnings, *disagreements(plan, report))
        return replace(report, diagnostics=placed(source, diagnostics))
    except BaseException:  # an interrupt too: all or nothing
        if snapshot is not None:
            snapshot.put_back()
        raise


def _why_kept(plan: Plan) -> Callable[[Carrier], str]:
    """Why a carrier kept its forward: what was planned says so, else it does itself."""
    layers = {layer.layer_name: layer for layer in plan.layers}

    def why(carrier: Carrier) -> str:
        layer = layers[carrier.layer_name]
        if layer.kept and not layer.kernels:
            return layer.kept[0].reason
        kept = why_kept(carrier)
        rule = layer.rule
        if kept != NO_KERNEL or rule is None or not isinstance(rule.kernel, Kernel):
            return kept
        lacking = lacking_for(plan.mode.value, loaded_class(rule.kernel))
        return passed_over(rule.kernel, plan.mode.value, lacking) if lacking else kept

    return why


@contextmanager
def kernelized(
    model: Module,
    config: ConfigSource,
    *,
    mode: ModeInput | None = None,
    device: DeviceInput | None = None,
    strict: bool = True,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
    lock: Lock | None = None,
    verify: bool = True,
) -> Generator[Report]:
    """`kernelize` for the duration of a block: every forward is as it was before on exit.

    Takes what `kernelize` takes and yields its report.

    Raises:
        KernelSchemaError, TypeError: As `kernelize` does.

    >>> from kernel_schema import audit, read
    >>> from kernel_schema.demo.model import build_model
    >>> from kernel_schema.demo.run import CONFIG_FILE
    >>> model = build_model()
    >>> with kernelized(model, read(CONFIG_FILE)) as report:
    ...     print(report.replaced, audit(model).replaced)
    5 5
    >>> audit(model).replaced
    0
    """
    source = taken(config, model)
    with ONE_AT_A_TIME:
        block = Block(model)
    try:
        try:
            with ONE_AT_A_TIME:
                report = kernelize(
                    model,
                    source,
                    mode=mode,
                    device=device,
                    strict=strict,
                    ignore=ignore,
                    select=select,
                    lock=lock,
                    verify=verify,
                )
                block.enter()
            yield report
        finally:
            block.leave()
    except BaseException:  # whatever interrupted the end of the block
        block.leave()
        raise
