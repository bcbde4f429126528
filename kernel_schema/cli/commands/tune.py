"""`kernel-schema tune`: a config with the fastest kernels that are right, on this machine."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.cli.commands.convert import refuse_output, save
from kernel_schema.cli.exits import FINDINGS, OK, Stop, complain
from kernel_schema.cli.measuring import open_measured, options_of
from kernel_schema.cli.output.layout import paragraph
from kernel_schema.cli.output.terminal import show_progress, tell, write, write_lines
from kernel_schema.diagnostics import ConfigError, KernelSchemaError
from kernel_schema.files.local_paths import detach
from kernel_schema.files.read import format_of
from kernel_schema.files.write import dumps
from kernel_schema.integrations.lifting import device_table, written
from kernel_schema.schema.models import KernelConfig
from kernel_schema.schema.ranges import Capabilities
from kernel_schema.schema.references import LocalRef, parse_kernel_ref
from kernel_schema.schema.vocabulary import ORIGINAL
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from kernel_schema.files.document import Format
    from kernel_schema.measure.results import Comparison
    from kernel_schema.measure.tune import Tried, Tuned, Tuning

_FORMATS: Final = ("yaml", "toml")


def run(options: argparse.Namespace) -> int:
    """1 if an entry of the config is slower or wrong and was kept; 2 if something cannot be had."""
    format = "yaml" if options.output is None else format_of(options.output)
    if format not in _FORMATS:
        return complain(
            f"{options.output}: what was measured stands in comments, which JSON has not: name it "
            ".yaml or .toml"
        )
    if options.output is not None:
        refuse_output(options.output, format, force=options.force)
    candidates = _candidates(options.candidate)
    measured = open_measured(options)
    config = measured.document.anchored
    layers = _registered(measured.model, config, candidates)
    known = {
        name: entry
        for name, entry in config.model_dump()["kernel_mapping"].items()
        if name in layers
    }
    asked = KernelConfig.model_validate({**_kept(config), "kernel_mapping": known})
    from kernel_schema.measure.tune import tune

    try:
        with show_progress(quiet=options.quiet) as progress:
            tuning = tune(
                measured.model,
                asked,
                measured.inputs,
                candidates,
                progress=progress,
                **options_of(options),
            )
    except KernelSchemaError as error:
        return complain(error.diagnostics[0].message)
    if tuning.on is None:
        return complain("no candidate runs in this model on this device: there is nothing to write")
    kept = [each for each in tuning.layers if each.own_is_worse and not options.replace]
    text = _text(tuning, tuning.on, config, kept, format=format, output=options.output)
    if not options.quiet:
        told = "\n".join(line for each in tuning.layers for line in _told(each))
        # Without a file, standard output is the config's.
        (tell if options.output is None else write_lines)(told)
    if options.output is None:
        write(text)
    else:
        save(options.output, text, force=options.force)
    for each in kept:
        complain(
            f"the config's own entry for {quote(each.layer_name)} is kept, and {_worse(each)}: "
            "pass --replace to write the best one"
        )
    return FINDINGS if kept else OK


def _candidates(stated: list[str]) -> dict[str, list[str]]:
    """References by layer name; paths start at the working directory."""
    found: dict[str, list[str]] = {}
    for text in stated:
        layer_name, equals, reference = text.partition("=")
        if not (layer_name and equals and reference):
            raise Stop(complain(f"--candidate {text}: write LAYER=REF"))
        if reference != ORIGINAL:
            try:
                ref = parse_kernel_ref(reference)
            except ConfigError as error:
                raise Stop(
                    complain(f"--candidate {text}: {error.diagnostics[0].message}")
                ) from None
            if isinstance(ref, LocalRef):
                # As the user writes it: a link on the way stays one.
                absolute = os.path.abspath(os.path.expanduser(ref.path))
                reference = str(replace(ref, path=absolute))
        found.setdefault(layer_name, []).append(reference)
    return found


def _registered(model: Any, config: KernelConfig, candidates: Mapping[str, Any]) -> frozenset[str]:
    """The layer names of the model; raises `Stop` where a candidate is for none of them."""
    from kernel_schema.model.inspect import inspect_model

    layers = inspect_model(model)
    missing = [name for name in candidates if name not in layers]
    if missing:
        there = listing(list(layers), "and") or "none"
        raise Stop(
            complain(
                f"--candidate: the model registers no {listing(missing, 'and')}: it has {there}"
            )
        )
    for name in config.kernel_mapping:
        if name not in layers:
            complain(f"the model registers no {quote(name)}: it is left out", severity="warning")
    return frozenset(layers)


def _kept(config: KernelConfig) -> dict[str, Any]:
    """What of a config goes along into another one."""
    return {} if config.lockfile is None else {"lockfile": str(config.lockfile)}


def _text(
    tuning: Tuning,
    on: Comparison,
    config: KernelConfig,
    kept: list[Tuned],
    *,
    format: Format,
    output: str | None,
) -> str:
    """The config with its comments; its paths start where it is written."""
    from kernel_schema.files.text.carried import Placed, carry
    from kernel_schema.files.toml import read_toml
    from kernel_schema.files.yaml import read_yaml

    bounds = Capabilities() if on.capability is None else Capabilities(on.capability, on.capability)
    mapping: dict[str, Any] = {}
    for each in tuning.layers:
        chosen = each.own if each in kept and each.own is not None else each.best
        entry = ORIGINAL if chosen.kernel is None else written(chosen.kernel)
        mapping[each.layer_name] = device_table({str(on.device): {bounds: entry}})
    directory = Path.cwd() if output is None else Path(output).absolute().parent
    tuned = KernelConfig.model_validate({**_kept(config), "kernel_mapping": mapping})
    text = dumps(detach(tuned, directory), format=format)
    comments = [
        Placed(f"# Measured by kernel-schema tune, on {on.machine}:", ()),
        Placed(f"# {on.device}, {on.mode}, {on.inputs}. Times are parts of the original's.", ()),
    ]
    comments += [
        Placed(f"# {line}", ("kernel_mapping", each.layer_name))
        for each in tuning.layers
        for line in _measured(each, directory)
    ]
    return carry(comments, (read_toml if format == "toml" else read_yaml)(text), text)[0]


def _measured(tuned: Tuned, directory: Path) -> Iterator[str]:
    """What was measured for one layer, a line for each candidate."""
    for each in tuned.tried:
        if each.layers or each.wrong is not None:
            yield f"{_name(each, directory)}: {_result(each)}"


def _result(tried: Tried) -> str:
    if tried.wrong is not None:
        return f"not right: {tried.wrong}"
    if not tried.layers:
        return "1"
    shapes = "; ".join(", ".join(layer.inputs) for layer in tried.layers[:3])
    more = "; ..." if len(tried.layers) > 3 else ""
    return f"{tried.ratio:.2f} ({tried.low:.2f} to {tried.high:.2f}) on {shapes}{more}"


def _name(tried: Tried, directory: Path) -> str:
    """What a candidate is called, with a path below a directory as from there."""
    if tried.kernel is None and not isinstance(tried.entry, str):
        return "the config's own entry"
    named: Any = written(tried.kernel) if tried.kernel is not None else tried.entry
    stated = detach(KernelConfig({"Layer": named}), directory).model_dump()["kernel_mapping"]
    entry = stated["Layer"]
    return entry if isinstance(entry, str) else str(tried.kernel)


def _told(tuned: Tuned) -> Iterator[str]:
    """The same for people, with a mark at the best."""
    yield paragraph(tuned.layer_name)
    for each in tuned.tried:
        mark = "*" if each is tuned.best else " "
        line = f"{mark} {_name(each, Path.cwd())}: {_result(each)}"
        yield paragraph(line, indent="  ", hanging="    ")


def _worse(tuned: Tuned) -> str:
    own = tuned.own
    if own is not None and own.wrong is not None:
        return f"is not right ({own.wrong})"
    return f"is slower than {_name(tuned.best, Path.cwd())}"
