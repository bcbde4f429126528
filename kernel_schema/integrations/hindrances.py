"""What keeps transformers from putting a config's kernels in place, where `kernelize` could."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kernel_schema.checks.questions import wanted
from kernel_schema.diagnostics import Diagnostic, KernelNotAppliedError, ModelCheckError
from kernel_schema.files.read import config_of
from kernel_schema.lowering.forwards import forward_key, loaded_class
from kernel_schema.lowering.situate import placed
from kernel_schema.model.carriers import carriers
from kernel_schema.schema.rules import by_layer, expand
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from kernel_schema.choice.report import Report
    from kernel_schema.files.read import Opened
    from kernel_schema.model.types import Module
    from kernel_schema.schema.models import KernelConfig


def refuse_hooked(model: Module) -> None:
    """Raise a ModelCheckError for a model whose registered layers have hooks: `hooked-module`.

    kernels writes over the hooks of accelerate, and only our own `kernelize` puts them back.
    """
    carried = list(carriers(model))
    hooked = [item for item in carried if forward_key(item.carrier) != "forward"]
    if hooked:
        raise ModelCheckError(
            [
                Diagnostic(
                    "hooked-module",
                    f"{len(hooked)} of {len(carried)} registered layers have hooks of accelerate, "
                    f"{quote(hooked[0].name)} is one: transformers would put kernels over them, "
                    "and what they load or move would be missing",
                    help="set `model.use_kernels = False` and call `kernel_schema.kernelize` "
                    "whenever the mode has changed: it keeps the hooks",
                )
            ]
        )


def refuse_layouts(
    source: Opened, report: Report, ignore: Collection[str], select: Collection[str] | None
) -> None:
    """Raise for kernels of a config that rely on a class beside them: `kernel-needs-layout`.

    transformers builds such a class in place of the model's own before there is a model.
    """
    layouts = placed(source, _needed_layouts(config_of(source), report))
    if problems := [*wanted(layouts, ignore, select)]:
        raise KernelNotAppliedError(problems)


def _needed_layouts(config: KernelConfig, report: Report) -> Iterator[Diagnostic]:
    rules = by_layer(expand(config))
    for layer in report.layers:
        stated = rules.get(layer.layer_name)
        for used in layer.kernels if stated else ():
            cls = None if used.kernel is None else loaded_class(used.kernel)
            layout = f"{used.layer_class}Layout"
            if stated and cls and hasattr(sys.modules.get(cls.__module__), layout):
                rule = next((rule for rule in stated if rule.kernel == used.kernel), stated[0])
                yield Diagnostic(
                    "kernel-needs-layout",
                    f"`{used.kernel}` comes with the class {quote(layout)}, which has to be built "
                    f"in place of each {quote(layer.layer_name)} before weights are loaded",
                    rule.route,
                    help="use another kernel, or hand this one alone to `from_pretrained` in a "
                    "`KernelConfig` of transformers itself",
                )
