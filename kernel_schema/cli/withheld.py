"""What is not printed of a file: a link in a stranger's repository may lead to our own secrets."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from kernel_schema.cli.grounds import lies_in, repository_around
from kernel_schema.codes import catalogue
from kernel_schema.diagnostics import Diagnostic, Route
from kernel_schema.files.read import STANDARD_INPUT
from kernel_schema.paths import is_device_path, is_file, real_path
from kernel_schema.wording import quote


def discreet(file: str, diagnostics: Iterable[Diagnostic]) -> tuple[list[Diagnostic], bool]:
    """What was found in a file, as it may be told, and whether lines of it may be shown.

    Messages, helps and routes quote the file: of one that a link leads away to stands in their
    place what the code means. Lines are shown of standard input, and of files that lie around us.
    """
    if leads_away(file):
        why = "a link leads to it out of this directory or repository"
        return [_withheld(one, file, why) for one in diagnostics], False
    return list(diagnostics), file == STANDARD_INPUT or is_file(file)


def discreet_of_bases(
    file: str, diagnostics: Iterable[Diagnostic]
) -> tuple[list[Diagnostic], set[str]]:
    """What was found in the bases of a file, and those whose lines may be shown.

    Of a base outside of where the file may lead, nothing is quoted: a stranger's file can name any.
    """
    listed: list[Diagnostic] = []
    shown: set[str] = set()
    hidden: set[str] = set()
    for one in diagnostics:
        base = one.file or file
        if base not in shown and base not in hidden:
            (shown if _may_lead_to(base, file) else hidden).add(base)
        why = "it lies out of this directory or repository"
        listed.append(one if base in shown else _withheld(one, base, why))
    return listed, shown


def _may_lead_to(base: str, file: str) -> bool:
    start = os.curdir if file == STANDARD_INPUT or is_device_path(file) else file
    ground = real_path(_ground_of(os.path.abspath(start)))
    return is_file(base) and lies_in(real_path(base), ground)


def _withheld(one: Diagnostic, file: str, why: str) -> Diagnostic:
    target = quote(real_path(file), longest=1000)
    help_text = f"what the file says is not shown, for {why}: to see more check {target} itself"
    message = catalogue()[one.code].summary
    return replace(one, message=message, help=help_text, route=Route(), repair=None, fix=None)


def leads_away(file: str) -> bool:
    """Whether a link leads to a file from where it is looked for to somewhere else."""
    # What whoever calls us hands over or names itself: `<(command)` is a link too.
    if file == STANDARD_INPUT or is_device_path(file):
        return False
    path = os.path.abspath(file)
    return not lies_in(real_path(path), real_path(_ground_of(path)))


def _ground_of(path: str) -> str:
    """Where links may lead from a path: the repository or the directory that we work in.

    For a path elsewhere it is the repository around that, or the directory that holds it.
    """
    try:
        working = os.getcwd()
    except OSError:  # it is gone
        working = os.sep
    ground = repository_around(working) or working
    # Everything lies below the root: who works there, in a container say, is nowhere in particular.
    if lies_in(path, ground) and os.path.dirname(ground) != ground:
        return ground
    folder = os.path.dirname(path)
    return repository_around(folder) or folder
