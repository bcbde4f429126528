"""`kernel-schema explain --against`: what another transformers would change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kernel_schema.checks.environment import version_of
from kernel_schema.choice.plan import Plan
from kernel_schema.cli.exits import FINDINGS, OK, Stop, complain
from kernel_schema.cli.output.changes import Change, changes, changes_json, changes_text
from kernel_schema.cli.output.json import file_json, write_object
from kernel_schema.cli.output.layout import paragraph
from kernel_schema.cli.output.terminal import write_lines
from kernel_schema.files.document import Document
from kernel_schema.integrations.default_table import (
    DefaultTable,
    DefaultTableError,
    read_default_table,
)
from kernel_schema.integrations.transformers import default_rules
from kernel_schema.schema.rules import by_layer
from kernel_schema.schema.vocabulary import ModeName

if TYPE_CHECKING:
    from collections.abc import Callable


def read_against(place: str) -> DefaultTable:
    """The default table that `--against` names; raises `Stop` if it cannot be had."""
    try:
        return read_default_table(place)
    except DefaultTableError as error:
        raise Stop(complain(f"--against {place}: {error}")) from None


def show_against(
    table: DefaultTable,
    document: Document,
    plan_of: Callable[..., Plan],
    modes: Sequence[ModeName | None],
    output_format: str,
) -> int:
    """1 if something changes for the model, or cannot be told, else 0.

    `plan_of` explains what runs in a `mode`, with what is `inherited`.
    """
    installed = default_rules()
    before, after = by_layer(installed), by_layer(table.rules)
    names = before | after
    unread = {part.layer_name for part in table.unread}
    changed_layers = [
        name
        for name in names
        if name not in unread and {*before.get(name, ())} != {*after.get(name, ())}
    ]
    compared: list[tuple[Plan, list[Change]]] = []
    for mode in modes:
        old, new = (plan_of(mode=mode, inherited=rules) for rules in (installed, table.rules))
        compared.append((new, changes(old, new, leave_out=unread)))
    versions = version_of("transformers"), table.version
    if output_format == "json":
        write_object(
            file=file_json(document.file),
            transformers=dict(zip(("old", "new"), versions, strict=True)),
            table={
                "layers": len(names),
                "changed": changed_layers,
                "unread": [
                    {"layer_name": part.layer_name, "line": part.line, "text": part.text}
                    for part in table.unread
                ],
            },
            plans=[changes_json(plan, changed) for plan, changed in compared],
        )
    else:
        head = " -> ".join(f"transformers {version or '(no version)'}" for version in versions)
        lines = [
            f"{head}: {len(changed_layers)} of {len(names)} layers of its default table change"
        ]
        lines += [str(part) for part in table.unread]
        if not document.config.inherit_mapping:
            lines.append("The config inherits nothing (`inherit_mapping: false`).")
        lines += _for_targets(compared)
        for line in lines:
            write_lines(paragraph(line))
    return FINDINGS if table.unread or any(changed for _, changed in compared) else OK


def _for_targets(compared: Sequence[tuple[Plan, list[Change]]]) -> Iterator[str]:
    for plan, changed in compared:
        yield ""
        yield from changes_text(plan, changed)
