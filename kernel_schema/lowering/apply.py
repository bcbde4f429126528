"""Put a config's kernels into a model, all or nothing, and take them out again."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import (
    Diagnostic,
    KernelNotAppliedError,
    KernelSchemaError,
)
from kernel_schema.lowering.audit import (
    Carrier,
    audit_layers,
    note_of,
    put_note_back,
    remember,
    replacement,
    why_kept,
)
from kernel_schema.lowering.checks import check_subject, refuse_errors
from kernel_schema.lowering.environment import import_kernels
from kernel_schema.lowering.inference import need_gpu, resolve_mode, resolve_target
from kernel_schema.lowering.inherited import inherited_rules, is_inherited
from kernel_schema.lowering.kernels_state import active_mapping
from kernel_schema.lowering.lower import build, kernels_mode, plain_devices
from kernel_schema.lowering.reasons import why_not
from kernel_schema.lowering.registry import inspect_model
from kernel_schema.lowering.report import LayerReport, Report
from kernel_schema.lowering.selection import select as select_rule
from kernel_schema.lowering.snapshot import Snapshot
from kernel_schema.lowering.source import ConfigSource, placed, placing
from kernel_schema.lowering.subject import Subject
from kernel_schema.schema.rules import LocalKernel, Rule, by_layer, expand
from kernel_schema.schema.vocabulary import ModeName
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Mapping
    from types import ModuleType

    from kernel_schema.lowering.types import DeviceInput, KernelsMapping, ModeInput, Module
    from kernel_schema.schema.config import KernelConfig


@contextmanager
def use_kernel_config(
    config: ConfigSource, *, device: DeviceInput | None = None, mode: ModeInput | None = None
) -> Generator[None]:
    """Make a config the active mapping of kernels, as `kernels.use_kernel_mapping` does.

    Where the config names a layer and device, it replaces everything that is inherited there,
    ranges of capability included, which the context manager of kernels does not. A plain entry
    names every device of its layer. The outer mapping is back on exit. New threads do not see it.

    Args:
        config: What is wanted; a `Document` gives errors its positions.
        device: Where entries go that speak for every device; every device if left out.
        mode: Under which mode entries without one go; `fallback` if left out.

    Raises:
        LoweringError: As `lower` does.

    >>> import kernels
    >>> from kernel_schema import KernelConfig
    >>> with use_kernel_config(KernelConfig({"RMSNorm": "org/repo:Layer"})):
    ...     pass  # kernels.kernelize(model, mode=kernels.Mode.INFERENCE)
    """
    with placing(config) as wanted:
        kernels = import_kernels()
        rules = expand(wanted)
        plain = plain_devices(kernels, rules, None, device)
        default_mode = resolve_mode(mode) or ModeName.FALLBACK
        mapping = build(kernels, rules, plain, default_mode)
    with _active(kernels, rules, mapping, inherit=wanted.inherit_mapping):
        yield


@contextmanager
def _active(
    kernels: ModuleType, rules: Iterable[Rule], mapping: KernelsMapping, *, inherit: bool
) -> Generator[None]:
    # Entered with an empty mapping, kernels makes a private copy of what is active. Registering
    # over a range that exists there would not reliably replace it: what we name is dropped first.
    with kernels.use_kernel_mapping({}, inherit_mapping=inherit):
        active = active_mapping()
        for rule in rules:
            if rule.device is None:
                active.pop(rule.layer_name, None)
            else:
                active.get(rule.layer_name, {}).pop(rule.device.value, None)
        kernels.register_kernel_mapping(mapping)
        yield


def kernelize(
    model: Module,
    config: ConfigSource,
    *,
    mode: ModeInput | None = None,
    device: DeviceInput | None = None,
    strict: bool = True,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
) -> Report:
    """Check a config against a model, put its kernels in place, and look at what was replaced.

    All or nothing: whatever goes wrong, every forward is as it was before. Functions that a model
    uses through `use_kernelized_func` are shared by all models of the process, and so are the
    kernels put in their place.

    Args:
        model: The model, changed in place.
        config: What is wanted; a `Document` gives diagnostics its positions.
        mode: How the model will run; inferred from its training state if left out.
        device: Where the model will run; inferred from its parameters if left out.
        strict: Raise where an entry that is meant for this device, capability and mode replaced
            nothing.
        ignore: Codes of checks to leave out, as for `check`.
        select: Codes of checks to make, all if left out.

    Returns:
        For each registered name what was replaced by which kernel, and what was kept and why.

    Raises:
        ModelCheckError: If the config does not fit the model.
        LoweringError: If the device cannot be told or the config cannot be lowered.
        KernelNotAppliedError: If a kernel cannot be loaded, or with `strict` replaced nothing.
    """
    with placing(config) as wanted:
        report = _kernelize(
            model, wanted, mode=mode, device=device, strict=strict, ignore=ignore, select=select
        )
    diagnostics = tuple(placed(config, diagnostic) for diagnostic in report.diagnostics)
    return replace(report, diagnostics=diagnostics)


def _kernelize(
    model: Module,
    config: KernelConfig,
    *,
    mode: ModeInput | None,
    device: DeviceInput | None,
    strict: bool,
    ignore: Collection[str],
    select: Collection[str] | None,
) -> Report:
    kernels = import_kernels()
    rules = expand(config)
    inherited = inherited_rules() if config.inherit_mapping else ()
    target = resolve_target(model, device, mode)
    need_gpu(target)
    layers = inspect_model(model)
    subject = Subject(rules, inherited, layers, target.device, resolve_mode(mode))
    found = check_subject(subject, ignore=ignore, select=select)
    refuse_errors(found)
    mapping = build(kernels, rules, (target.device,), ModeName.FALLBACK, network=True)
    # kernels logs a warning for every module without an entry: our report says it once.
    own, outer = by_layer(rules), by_layer(inherited)
    unnamed = (name for name in layers if name not in own and name not in outer)
    mapping |= {name: {target.device.value: {}} for name in unnamed}
    chosen = {
        name: select_rule(
            own.get(name, ()),
            layer_name=name,
            device=target.device,
            mode=target.mode,
            capability=target.capability,
            inherited=outer.get(name, ()),
        )
        for name in layers
    }

    def why(item: Carrier) -> str:
        rule = chosen[item.layer_name]
        if rule is None or rule.kernel is None:
            name = item.layer_name
            return why_not(name, own.get(name, ()), outer.get(name, ()), target, rule)
        return (
            why_kept(item)
            if replacement(item.carrier) or not item.condition_holds
            else f"{rule.kernel} {_LACKS}"
        )

    snapshot = Snapshot(model)
    done = False
    try:
        with _active(kernels, rules, mapping, inherit=config.inherit_mapping):
            kernels.kernelize(
                model, mode=kernels_mode(kernels, target.mode), device=target.device.value
            )
        snapshot.rehook()
        asked = {name: rule.kernel for name, rule in chosen.items() if rule and rule.kernel}
        reports, warnings = audit_layers(model, why, asked)
        if strict:
            _refuse_unapplied(reports, chosen)
        snapshot.keep_for_restore()
        done = True
    except KernelSchemaError:
        raise
    except Exception as error:
        raise KernelNotAppliedError([_load_failure(snapshot, chosen, error)]) from error
    finally:
        if not done:
            snapshot.put_back()
    remember(model, target.device, target.mode, asked)
    return Report(reports, target.device, target.mode, (*found, *warnings))


_LACKS: Final = "does not support this mode: it lacks `has_backward` or `can_torch_compile`"


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
) -> Generator[Report]:
    """`kernelize` for the duration of a block: every forward is as it was before on exit.

    Takes what `kernelize` takes and yields its report.

    Raises:
        KernelSchemaError: As `kernelize` does.
    """
    snapshot = Snapshot(model)
    noted = note_of(model)
    report = kernelize(
        model, config, mode=mode, device=device, strict=strict, ignore=ignore, select=select
    )
    try:
        yield report
    finally:
        snapshot.put_back()
        put_note_back(model, noted)


def _refuse_unapplied(reports: Iterable[LayerReport], chosen: Mapping[str, Rule | None]) -> None:
    problems: list[Diagnostic] = []
    for report in reports:
        rule = chosen[report.layer_name]
        if rule is None or rule.kernel is None or is_inherited(rule) or report.replaced:
            continue
        reasons = "; ".join(dict.fromkeys(kept.reason for kept in report.kept))
        problems.append(
            Diagnostic(
                "kernel-not-applied",
                f"`{rule.kernel}` replaced none of the {report.total} "
                f"{quote(report.layer_name)}: {reasons}",
                rule.route,
                help="pass `strict=False` to run with the model's own forward",
            )
        )
    if problems:
        raise KernelNotAppliedError(problems)


def _load_failure(
    snapshot: Snapshot, chosen: Mapping[str, Rule | None], error: Exception
) -> Diagnostic:
    item = snapshot.first_untouched()
    rule = chosen.get(item.layer_name) if item is not None else None
    cause = _in_one_line(error)
    if item is None or rule is None:
        return Diagnostic("kernel-load-failed", f"kernels could not replace a layer: {cause}")
    where = quote(item.name) if item.name else "the model itself"
    return Diagnostic(
        "kernel-load-failed",
        f"`{rule.kernel}` for {quote(item.layer_name)} could not be put in place of {where}: "
        f"{cause}",
        rule.route,
        help=_load_help(rule, error),
    )


def _causes(error: BaseException) -> list[BaseException]:
    """An error and what led to it, last first."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return chain


def _in_one_line(error: BaseException) -> str:
    """What happened, and what it came from: the first cause often says more than the last."""
    causes = _causes(error)
    ends = causes if len(causes) == 1 else [causes[0], causes[-1]]
    texts = (f"{type(cause).__name__}: {' '.join(str(cause).split())}" for cause in ends)
    return ", because of ".join(dict.fromkeys(texts))


def _load_help(rule: Rule, error: Exception) -> str | None:
    if "is not from a trusted publisher" in str(error):
        return "if you trust the publisher, set `trust_remote_code` beside `kernel`"
    if any("Illegal header value" in str(cause) for cause in _causes(error)):
        # huggingface_hub 2.4 sends a header that its own client refuses.
        return "unset HF_HUB_DISABLE_TELEMETRY, DISABLE_TELEMETRY and DO_NOT_TRACK"
    if isinstance(rule.kernel, LocalKernel) and isinstance(error, FileNotFoundError):
        return "build the kernel for this device and torch version"
    return None
