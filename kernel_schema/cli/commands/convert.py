"""`kernel-schema convert`: the same config in another format, or in its own as we write it."""

from __future__ import annotations

import argparse
import os
import posixpath
import re
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import quote as percent_encoded

from kernel_schema.cli.exits import FINDINGS, OK, Stop, complain
from kernel_schema.cli.headers import header_line, header_of, with_header
from kernel_schema.cli.opening import open_document
from kernel_schema.cli.output.terminal import counted, tell, write
from kernel_schema.cli.withheld import leads_away
from kernel_schema.diagnostics import ConfigError
from kernel_schema.files.atomic import create_file, is_taken, replace_file
from kernel_schema.files.document import Document, Format
from kernel_schema.files.inner import is_pyproject
from kernel_schema.files.local_paths import detach
from kernel_schema.files.read import STANDARD_INPUT, format_of, loads_document, read_text
from kernel_schema.files.write import dumps
from kernel_schema.paths import real_path
from kernel_schema.schema.arguments import is_of
from kernel_schema.schema.models import KernelConfig
from kernel_schema.typeguards import is_table
from kernel_schema.wording import listing

_WANTED: Final = "a KernelConfig of transformers (or a mapping of kernels)"
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|/")


def run(options: argparse.Namespace) -> int:
    """2 if the config cannot be had or written, 1 if it is no valid one, else 0."""
    spec: str | None = options.from_transformers
    if (options.file is None) == (spec is None):
        return complain("convert takes a FILE or --from-transformers, one of the two")
    if spec is not None:
        if options.format is not None or options.at is not None or options.overrides:
            return complain("--format, --at and --set go with a FILE")
        if options.write:
            return complain("--write goes with a FILE: name a new one with -o")
    if options.write:
        return _rewrite(options)
    format = _format(options)
    if spec is not None:
        text = dumps(_taken_over(spec), format=format)
    else:
        document = open_document(options.file, options)
        text = _told(document, format, options.output)
    if options.output is None:
        write(text)
    else:
        save(options.output, text, force=options.force)
    return OK


def _format(options: argparse.Namespace) -> Format:
    """What is written, once it is known that it may be."""
    output: str | None = options.output
    by_ending = None if output is None else format_of(output)
    format: Format | None = options.to or by_ending
    if format is None and options.from_transformers is not None and output is None:
        format = "yaml"
    if format is None:
        where = "or -o FILE with such an ending" if output is None else f"{output} does not tell it"
        raise Stop(complain(f"--to is needed: yaml, json or toml ({where})"))
    if output is not None:
        refuse_output(output, format, force=options.force)
    return format


def refuse_output(output: str, format: Format, *, force: bool) -> None:
    """Raise `Stop` where a config must not be written, before work is done for it."""
    by_ending = format_of(output)
    if by_ending is not None and by_ending != format:
        raise Stop(complain(f"{output} would be read as {by_ending}, not as {format}"))
    if is_pyproject(output):
        raise Stop(complain(f"{output} holds more than a config: paste it there by hand"))
    if is_taken(output) and not force:
        _refuse_taken(output)


def _rewrite(options: argparse.Namespace) -> int:
    """Put a file in the form in which we write its format."""
    file: str = options.file
    if options.output is not None:
        return complain("--write writes FILE itself, -o another one: one of the two")
    if file == STANDARD_INPUT:
        return complain("--write takes a file: standard input cannot be written into")
    if options.overrides:
        return complain("--write keeps what FILE says: `resolve --set ... -o` writes another one")
    if options.at is not None or is_pyproject(file):
        return complain(f"--write would write the config alone, and {file} holds more than that")
    if leads_away(file):
        return complain(f"{file}: a link leads to it out of this directory or repository")
    document = open_document(file, options)
    if options.to not in {None, document.format}:
        return complain(f"--write keeps the format, {document.format}: use -o for {options.to}")
    text = _told(document, document.format, file)
    if document.extends:
        message = f"{file} extends nothing any more: what its bases say is written into it"
        complain(message, severity="warning")
    previous, _ = read_text(file, format=document.format, max_bytes=options.max_bytes)
    if previous.removeprefix("\ufeff") != document.text:
        return complain(f"{file} was changed while we worked on it: nothing was written")
    if text != previous:
        replace_file(file, text, previous=previous.encode())
    return OK


# Each costs a hundred times its size.
_MOST_COMMENTS: Final = 10_000


def _told(document: Document, format: Format, output: str | None) -> str:
    """What `converted` gives; what is lost is said."""
    text, lost = converted(document, format, output)
    if document.free_keys:
        keys = listing(document.free_keys, "and")
        complain(f"not written of {document.file}, for it is free: {keys}", severity="warning")
    if lost:
        them, are = ("it is", "is") if lost == 1 else ("they are", "are")
        why = "JSON has none" if format == "json" else f"what {them} about is not written"
        if lost > _MOST_COMMENTS:
            why = f"only {_MOST_COMMENTS} are carried"
        what = f"{counted(lost, 'comment')} of {document.file} {are} lost: {why}"
        complain(what, severity="warning")
    return text


def converted(document: Document, format: Format, output: str | None) -> tuple[str, int]:
    """A document in a format, for a file or to be printed, and how many comments are lost.

    Paths stay as they are written, unless the text goes to another folder: there they lead to the
    same files.
    """
    config = relocated(document, output)
    text = dumps(config, format=format)
    if (signs := document.text.count("#")) > _MOST_COMMENTS:
        return text, signs
    if not signs or not (comments := document.comments):
        return text, 0
    header = None if document.at.steps else header_of(document.text, document.format)
    line, uri = (0, "") if header is None else (header[0], _uri_there(document, output, header[1]))
    changed = {each: header_line(format, uri) for each in comments if each.span.line == line}
    text, lost = document.carry_comments(loads_document(text, format=format), changed)
    if format == "json" and changed:
        lost -= 1
        if config.schema_uri is None:
            text = with_header(text, format, uri)
    return text, lost


def relocated(document: Document, output: str | None) -> KernelConfig:
    """The config of a document, for a file or to be printed, as it means the same there."""
    folder = _folder_there(document, output)
    config = document.config if folder is None else detach(document.anchored, folder)
    if config.schema_uri is not None and folder is not None:
        uri = _uri_there(document, output, config.schema_uri)
        config = config.model_copy(update={"schema_uri": uri})
    return config


def _folder_there(document: Document, output: str | None) -> str | None:
    """The folder that an output goes to; None if that is the document's own, or none."""
    folder = None if output is None else os.path.dirname(os.path.abspath(output))
    if folder is None or real_path(folder) == real_path(document.directory):
        return None
    return folder


def _uri_there(document: Document, output: str | None, uri: str) -> str:
    folder = _folder_there(document, output)
    return uri if folder is None else _uri_from(folder, document.directory, uri)


def _uri_from(folder: str, directory: str, uri: str) -> str:
    """A reference in a file of a directory as one from a folder; a URL stays as it is."""
    if _ABSOLUTE.match(uri):
        return uri
    try:
        way = Path(os.path.relpath(directory, folder)).as_posix()
    except ValueError:  # another drive
        return f"{Path(directory).as_uri()}/{uri}"
    return posixpath.normpath(f"{percent_encoded(os.fsencode(way))}/{uri}")


def save(output: str, text: str, *, force: bool) -> None:
    """Write a file, in the place of another only by force; raises `Stop`."""
    if force:
        replace_file(output, text)
        return
    try:
        create_file(output, text)
    except FileExistsError:  # since we looked
        _refuse_taken(output)


def _refuse_taken(output: str) -> NoReturn:
    raise Stop(complain(f"{output} exists: pass --force to replace it"))


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
