"""`kernel-schema attach`: the JSON Schema beside a config file, and the line that leads to it."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote as percent_encoded
from urllib.request import url2pathname

from kernel_schema.addresses import raw_file
from kernel_schema.cli.commands.schema import save_schema, schema_text
from kernel_schema.cli.exits import FINDINGS, OK, USAGE, Stop, complain, say
from kernel_schema.cli.headers import with_header
from kernel_schema.cli.output.terminal import tell, write_lines
from kernel_schema.cli.withheld import discreet
from kernel_schema.diagnostics import ConfigError
from kernel_schema.files.atomic import replace_file
from kernel_schema.files.document import Format, from_read_error
from kernel_schema.files.inner import is_pyproject
from kernel_schema.files.parsed import ReadError
from kernel_schema.files.read import STANDARD_INPUT, FileAccessError, read_text
from kernel_schema.json_schemas.shipped import shipped_file
from kernel_schema.paths import exists, is_file
from kernel_schema.schema.values import line_problem
from kernel_schema.wording import printable, quote

_SCHEMA_NAME: Final = "kernel-config.schema.json"
_INSTALLED: Final = "installed"
_PUBLISHED: Final = "published"
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+://[^/?#]*)(.*)", re.DOTALL)
# Beside letters, digits and `_.-~`, what RFC 3986 allows in a URL; brackets in the host only.
_RESERVED: Final = ":/?#@!$&'()*+,;=%"


def run(options: argparse.Namespace) -> int:
    """2 if a file or the model cannot be had, 1 if a config cannot be read, else 0.

    What is wrong with one file keeps no other from being attached to.
    """
    if options.schema is not None:
        _refuse_unless_there(options.schema)
    return max([_code_of(file, options) for file in options.files])


def _code_of(file: str, options: argparse.Namespace) -> int:
    try:
        return _attach(file, options)
    except FileAccessError as error:
        say(error.diagnostics)
        return USAGE
    except Stop as stop:
        return stop.code


def _attach(file: str, options: argparse.Namespace) -> int:
    if file == STANDARD_INPUT:
        return complain("name a file: a header cannot be written into standard input")
    try:
        text, file_format = _read(file)
    except FileAccessError:
        raise
    except ConfigError as error:
        told, _ = discreet(file, error.diagnostics)
        say(told)
        return FINDINGS
    if is_pyproject(file):
        return complain(
            f"{file} holds the tables of other tools too, and an editor would check all of them "
            "against this schema: move the config to a file of its own, such as kernels.toml"
        )
    if options.schema == _INSTALLED:
        installed = shipped_file().absolute()
        if not is_file(str(installed)):
            raise Stop(complain("the package is in an archive: no editor finds its schema there"))
        uri = installed.as_uri()
    elif options.schema == _PUBLISHED:
        uri = raw_file(f"schemas/{_SCHEMA_NAME}")
    elif options.schema is not None:
        uri = _reference(options.schema, file)
    else:
        uri = _written(file, options)
    changed = with_header(text, file_format, uri)
    if changed != text:
        replace_file(file, changed, previous=text.encode())
    already = "" if changed != text else " already"
    write_lines(printable(f"{file} refers to {uri}{already}"))
    return OK


def _refuse_unless_there(schema: str) -> None:
    """A URL is taken as it is, a path, or one of a file, only if there is that."""
    _refuse_unless_name(schema)
    if schema in {_INSTALLED, _PUBLISHED}:
        return
    path = schema
    if (url := _URL.fullmatch(schema)) is not None:
        if url[1].lower() not in {"file://", "file://localhost"}:
            return
        path = url2pathname(url[2])
    if not is_file(path):
        raise Stop(
            complain(
                f"there is no schema {quote(schema)}: write it with `kernel-schema schema -o`, or "
                f"pass a URL, `--schema {_INSTALLED}` or `--schema {_PUBLISHED}`"
            )
        )


def _read(file: str) -> tuple[str, Format]:
    """A text that can take a header, and its format."""
    text, file_format = read_text(file)
    try:
        with_header(text, file_format, "")
    except ReadError as error:
        raise from_read_error(error, file) from None
    return text, file_format


def _written(file: str, options: argparse.Namespace) -> str:
    """Write the schema beside the file, and give the reference to it."""
    config = Path(file)
    # That of one model is for one file: its neighbours may be for other models.
    name = _SCHEMA_NAME if options.model is None else f"{config.stem}.schema.json"
    target = config.with_name(name)
    # Nobody has named it: a pipe or a device of this name is not meant to be written into.
    foreign = exists(target) and not is_file(target)
    try:
        if not foreign and save_schema(str(target), schema_text(options)):
            tell(printable(f"{target} written"))
    except FileExistsError:
        foreign = True
    if foreign:
        raise Stop(
            complain(f"{target} exists and is no schema of ours: move it away, or pass --schema")
        )
    return _reference(str(target), file)


def _reference(schema: str, file: str) -> str:
    """How a file refers to a schema: a URL, or a path relative to the file.

    Whatever it holds ends up in one word of the file: what no URL can hold is percent-encoded.
    """
    if (url := _URL.fullmatch(schema)) is not None:
        host, rest = url.groups()
        uri = percent_encoded(host, f"{_RESERVED}[]") + percent_encoded(rest, _RESERVED)
    else:
        directory = os.path.dirname(os.path.abspath(file))
        try:
            relative = os.path.relpath(schema, directory)
        except ValueError:  # another drive
            return Path(schema).absolute().as_uri()
        path = percent_encoded(os.fsencode(Path(relative).as_posix()))
        uri = path if path.startswith("../") else f"./{path}"
    _refuse_unless_name(uri)
    return uri


def _refuse_unless_name(reference: str) -> None:
    reason = line_problem(reference)
    if reason is not None:
        raise Stop(complain(f"{quote(reference)} {reason}: no config can refer to such a schema"))
