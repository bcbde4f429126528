"""What went wrong while kernels were put in place, and which kernel it struck."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from kernel_schema.diagnostics import Diagnostic, KernelNotAppliedError, KernelSchemaError
from kernel_schema.schema.rules import LocalKernel
from kernel_schema.wording import in_one_line, quote

if TYPE_CHECKING:
    from collections.abc import Generator

    from kernel_schema.choice.plan import Plan
    from kernel_schema.choice.report import Report
    from kernel_schema.lowering.lower import KernelsMapping
    from kernel_schema.lowering.restore import Snapshot
    from kernel_schema.schema.rules import Rule


class MissingFileError(Exception):
    """A kernel that is not there, in words that no fallback of kernels takes for an answer."""

    def __init__(self, why: FileNotFoundError) -> None:
        super().__init__(str(why))
        self.why = why


def loud(mapping: KernelsMapping) -> KernelsMapping:
    """The same mapping, whose kernels do not pass for missing where a file is missing.

    `KernelizeFallback.ALL` keeps a layer's own forward at a FileNotFoundError (kernels 0.17). The
    repositories are equal to those of the mapping.
    """
    for by_device in mapping.values():
        for by_mode in by_device.values():
            for mode, repository in by_mode.items():
                by_mode[mode] = louder = copy(repository)
                louder.__class__ = _loud_kind(type(repository))
    return mapping


@cache
def _loud_kind(kind: Any) -> Any:
    def load(self: Any) -> Any:
        try:
            return kind.load(self)
        except FileNotFoundError as error:
            raise MissingFileError(error) from error

    return type(kind.__name__, (kind,), {"load": load, "__module__": __name__})


@contextmanager
def telling(snapshot: Snapshot, plan: Plan) -> Generator[None]:
    """Say of what goes wrong in the block which kernel it struck."""
    try:
        yield
    except KernelSchemaError:
        raise
    except MissingFileError as error:
        raise KernelNotAppliedError([_load_failure(snapshot, plan, error.why)]) from error.why
    except Exception as error:
        raise KernelNotAppliedError([_load_failure(snapshot, plan, error)]) from error


def refuse_unapplied(plan: Plan, report: Report) -> None:
    """Raise where a kernel of the config, meant for where the model runs, replaced nothing."""
    rules = {layer.layer_name: layer.rule for layer in plan.layers}
    problems = [
        Diagnostic(
            "kernel-not-applied",
            f"`{rule.kernel}` replaced none of the {layer.total} {quote(layer.layer_name)}: "
            + "; ".join(dict.fromkeys(kept.reason for kept in layer.kept)),
            rule.route,
            help="pass `strict=False` to run with the model's own forward",
        )
        for layer in report.layers
        if (rule := rules[layer.layer_name]) is not None
        and rule.kernel is not None
        and not (rule.is_inherited or layer.replaced)
    ]
    if problems:
        raise KernelNotAppliedError(problems)


def _load_failure(snapshot: Snapshot, plan: Plan, error: Exception) -> Diagnostic:
    carrier = snapshot.first_untouched()
    rule = plan.layer(carrier.layer_name).rule if carrier is not None else None
    # The first cause often says more than the last.
    ends = dict.fromkeys(in_one_line(_causes(error)[end]) for end in (0, -1))
    cause = ", because of ".join(ends)
    if carrier is None or rule is None:
        return Diagnostic("kernel-load-failed", f"kernels could not replace a layer: {cause}")
    where = quote(carrier.name) if carrier.name else "the model itself"
    return Diagnostic(
        "kernel-load-failed",
        f"`{rule.kernel}` for {quote(carrier.layer_name)} could not be put in place of {where}: "
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


def _load_help(rule: Rule, error: Exception) -> str | None:
    if "is not from a trusted publisher" in str(error):
        return "if you trust the publisher, set `trust_remote_code` beside `kernel`"
    if any("Illegal header value" in str(cause) for cause in _causes(error)):
        # huggingface_hub 2.4 sends a header that its own client refuses.
        return "unset HF_HUB_DISABLE_TELEMETRY, DISABLE_TELEMETRY and DO_NOT_TRACK"
    if isinstance(rule.kernel, LocalKernel) and isinstance(error, FileNotFoundError):
        return "build the kernel for this device and torch version"
    return None
