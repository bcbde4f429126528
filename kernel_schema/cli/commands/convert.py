"""`kernel-schema convert`: the same config in another format, on standard output."""

from __future__ import annotations

import argparse
from typing import Any, Final

from kernel_schema.cli.exits import FINDINGS, OK, Stop, complain
from kernel_schema.cli.opening import open_document
from kernel_schema.cli.output.terminal import tell, write
from kernel_schema.diagnostics import ConfigError
from kernel_schema.files.write import dumps
from kernel_schema.schema.arguments import is_of
from kernel_schema.schema.models import KernelConfig
from kernel_schema.typeguards import is_table

_WANTED: Final = "a KernelConfig of transformers (or a mapping of kernels)"


def run(options: argparse.Namespace) -> int:
    """2 if the config cannot be had, 1 if it is no valid one, else 0; paths stay as written."""
    spec: str | None = options.from_transformers
    if (options.file is None) == (spec is None):
        return complain("convert takes a FILE or --from-transformers, one of the two")
    if spec is not None:
        if options.format is not None or options.at is not None:
            return complain("--format and --at go with a FILE")
        write(dumps(_taken_over(spec), format=options.to or "yaml"))
        return OK
    if options.to is None:
        return complain("--to is needed: yaml, json or toml")
    write(dumps(open_document(options.file, options).config, format=options.to))
    return OK


def _taken_over(spec: str) -> KernelConfig:
    """The config of a `module:attribute` of transformers' kind; raises `Stop` if there is none."""
    from kernel_schema.integrations.lifting import from_kernels_mapping, from_transformers
    from kernel_schema.integrations.models import ModelSpecError, load_attribute

    try:
        value = load_attribute(spec, _is_wanted, _WANTED)
    except ModelSpecError as error:
        raise Stop(complain(f"--from-transformers {spec}: {error}")) from None
    try:
        return from_transformers(value) if _is_config(value) else from_kernels_mapping(value)
    except ConfigError as error:
        for diagnostic in error.diagnostics:
            tell(str(diagnostic))
        raise Stop(FINDINGS) from None


def _is_config(value: Any) -> bool:
    return is_of(value, "transformers", "KernelConfig")


def _is_wanted(value: Any) -> bool:
    return _is_config(value) or is_table(value)
