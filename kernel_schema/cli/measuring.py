"""What commands that measure have in common: a model with weights, and what it is run on."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

from kernel_schema.cli.exits import Stop, complain
from kernel_schema.cli.opening import open_document

if TYPE_CHECKING:
    from kernel_schema.files.document import Document
    from kernel_schema.files.read import ConfigSource
    from kernel_schema.locks.progress import Progress
    from kernel_schema.measure.results import Comparison
    from kernel_schema.model.types import Module


class Measured(NamedTuple):
    """A config, and the model and the inputs on which it is measured."""

    document: Document
    model: Module
    inputs: Any


def open_measured(options: argparse.Namespace) -> Measured:
    """Open what the options ask for; raises `Stop` if it cannot be had."""
    document = open_document(options.file, options)
    from kernel_schema.integrations.models import (
        ModelSpecError,
        build_model,
        has_drawn_weights,
        load_attribute,
    )

    try:
        model = build_model(
            options.model, trust_remote_code=options.trust_remote_code, weights=True
        )
    except ModelSpecError as error:
        raise Stop(complain(f"--model {options.model}: {error}")) from None
    if has_drawn_weights(options.model) and not options.quiet:
        complain(f"--model {options.model}: its weights are drawn, with seed 0", severity="note")
    model = _placed(model, options)
    inputs: Any = None
    if options.inputs is not None:
        from kernel_schema.measure.inputs import FORMS, is_inputs

        try:
            inputs = load_attribute(options.inputs, is_inputs, FORMS)
        except ModelSpecError as error:
            raise Stop(complain(f"--inputs {options.inputs}: {error}")) from None
    else:
        from kernel_schema.measure.inputs import drawn_inputs

        if drawn_inputs(model) is None:
            raise Stop(
                complain(
                    "only a transformers model with a vocabulary can do without: pass --inputs "
                    "module:attribute, with what its forward takes"
                )
            )
    return Measured(document, model, inputs)


def _placed(model: Module, options: argparse.Namespace) -> Module:
    """The model on the device and in the mode that are asked for: it is ours alone."""
    from kernel_schema.measure.placing import PlacingError, placed

    try:
        return placed(model, options.device, options.mode)
    except PlacingError as error:
        raise Stop(complain(str(error))) from None


def compared(
    measured: Measured,
    config: ConfigSource,
    options: argparse.Namespace,
    progress: Progress,
) -> Comparison:
    """What `compare` gives for these options."""
    from kernel_schema.measure.compare import compare

    return compare(
        measured.model, config, measured.inputs, progress=progress, **options_of(options)
    )


def options_of(options: argparse.Namespace) -> dict[str, Any]:
    """What `compare` is to do, of a command line."""
    names = ("backward", "tolerance", "every", "seconds", "mode", "device")
    return {name: getattr(options, name) for name in names}
