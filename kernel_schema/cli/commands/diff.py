"""`kernel-schema diff`: what two configs say differently, sugar left aside; or two places run.

Paths of local kernels and lock files are compared as written: two checkouts of one repository say
the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import NamedTuple

from kernel_schema.choice.diff import diff
from kernel_schema.choice.parity import held_together
from kernel_schema.choice.plan import Plan
from kernel_schema.cli.exits import FINDINGS, OK, USAGE, Stop, complain
from kernel_schema.cli.opening import open_document, open_model
from kernel_schema.cli.output.changes import (
    changes,
    changes_json,
    changes_text,
    sides_json,
    sides_text,
)
from kernel_schema.cli.output.json import file_json, range_json, write_object
from kernel_schema.cli.output.layout import paragraph
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.diagnostics import KernelSchemaError
from kernel_schema.files.document import Document
from kernel_schema.schema.rules import Change, Rule
from kernel_schema.wording import listing


def run(options: argparse.Namespace) -> int:
    """0 if both mean or run the same, 1 if they differ, 2 if that cannot be told."""
    if options.old == options.new == "-":
        return complain("standard input can be one of the two configs only")
    sides = [vars(options)[f"{side}_{name}"] for side in ("old", "new") for name in _Where._fields]
    target = (options.device, options.capability, options.mode)
    if options.model is None and any(each is not None for each in (*target, *sides)):
        return complain("--device, --capability and --mode, of one or both, go with --model")
    old, new = _both(options)
    if any(each is not None for each in sides):
        return _compare_sides(old, new, _plans(old, new, options), options.output_format)
    told = diff(old, new)
    inherits = [document.config.inherit_mapping for document in (old, new)]
    differs = bool(told) or inherits[0] != inherits[1]
    plans = None if options.model is None else _plans(old, new, options)
    if options.output_format == "json":
        _write_json(told, old, new, plans)
        return FINDINGS if differs else OK
    lines = [_told(change, old, new) for change in told]
    if inherits[0] != inherits[1]:
        lines.append(f"inherit_mapping: {' -> '.join(str(each).lower() for each in inherits)}")
    if not differs:
        lines.append("Both mean the same.")
    if plans is not None:
        lines += ["", *changes_text(plans[1], changes(*plans))]
    # One by one: each line names its layer, however long that is.
    for line in lines:
        write_lines(paragraph(line))
    return FINDINGS if differs else OK


def _both(options: argparse.Namespace) -> tuple[Document, Document]:
    """OLD and NEW; raises `Stop` if one is no config: that neither differs nor is the same."""
    old = _opened(options.old, options)
    # What is wrong with both is told of both, but with an override once.
    if options.new == options.old or (old is None and options.overrides):
        new = old
    else:
        new = _opened(options.new, options)
    if old is None or new is None:
        raise Stop(USAGE)
    return old, new


def _opened(file: str, options: argparse.Namespace) -> Document | None:
    try:
        return open_document(file, options)
    except Stop:
        return None


class _Where(NamedTuple):
    """Where a model runs, as far as it is stated."""

    device: str | None
    capability: int | None
    mode: str | None

    @classmethod
    def of(cls, side: str, options: argparse.Namespace) -> _Where:
        """What holds for OLD or NEW: what is stated for it alone, else for both."""
        stated = vars(options)
        own = (stated[f"{side}_{name}"] for name in cls._fields)
        both = (stated[name] for name in cls._fields)
        return cls(
            *(one if one is not None else other for one, other in zip(own, both, strict=True))
        )


def _compare_sides(
    old: Document, new: Document, plans: tuple[Plan, Plan], output_format: str
) -> int:
    """Tell which layers run something else; whatever the configs say."""
    pairs = held_together(*plans)
    differing = [pair for pair in pairs if pair.differs]
    undecided = [pair.layer_name for pair in pairs if pair.undecided]
    unlocked = [pair.layer_name for pair in pairs if pair.is_unlocked and not pair.differs]
    if output_format == "json":
        write_object(
            old=file_json(old.file),
            new=file_json(new.file),
            sides=sides_json(plans, differing),
            undecided=undecided,
            unlocked=unlocked,
        )
    else:
        for line in sides_text(plans, differing, same=not undecided):
            write_lines(paragraph(line))
    if undecided:
        complain(f"code that is run decides for {listing(undecided, 'and')}: it cannot be told")
    elif unlocked and output_format != "json":
        message = (
            f"no lock says which commit of a kernel runs for {listing(unlocked, 'and')}: lock it "
            "with `kernel-schema lock`, or the two may run different code"
        )
        complain(message, severity="warning")
    return FINDINGS if differing else USAGE if undecided else OK


def _write_json(
    told: Iterable[Change], old: Document, new: Document, plans: tuple[Plan, Plan] | None
) -> None:
    def side(document: Document, rule: Rule | None) -> dict[str, object] | None:
        if rule is None:
            return None
        kernel = None if rule.kernel is None else str(rule.kernel)
        trust = getattr(rule.kernel, "trust_remote_code", False)
        span = document.locate(rule.route)
        return {
            "kernel": kernel,
            "trust_remote_code": trust,
            "line": span.line,
            "file": span.file,
        }

    write_object(
        old=file_json(old.file),
        new=file_json(new.file),
        changes=[
            {
                "kind": change.kind,
                "layer_name": change.rule.layer_name,
                "device": change.rule.device,
                "capability": range_json(change.rule.capabilities),
                "mode": change.rule.mode,
                "old": side(old, change.old),
                "new": side(new, change.new),
            }
            for change in told
        ],
        inherit_mapping={"old": old.config.inherit_mapping, "new": new.config.inherit_mapping},
        model=None if plans is None else changes_json(plans[1], changes(*plans)),
    )


def _told(change: Change, old: Document, new: Document) -> str:
    spans = (
        (document.file, document.locate(rule.route))
        for document, rule in ((old, change.old), (new, change.new))
        if rule is not None
    )
    places = (f"{span.file or file}:{span.line}" for file, span in spans)
    return f"{change} ({', '.join(places)})"


def _plans(old: Document, new: Document, options: argparse.Namespace) -> tuple[Plan, Plan]:
    """What will run in the model before and after, or in two places."""
    # Imported here: most calls compare files alone.
    from kernel_schema.lowering.explain import explain

    model = open_model(options)

    def plan_of(document: Document, side: str) -> Plan:
        try:
            return explain(document.config, model, **_Where.of(side, options)._asdict())
        except KernelSchemaError as error:
            raise type(error)(
                document.place(diagnostic) if diagnostic.route.steps else diagnostic
                for diagnostic in error.diagnostics
            ) from None

    return plan_of(old, "old"), plan_of(new, "new")
