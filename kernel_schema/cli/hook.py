"""`kernel-schema-hook`: `kernel-schema check` for pre-commit, on the files of strangers."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from kernel_schema.cli import run as run_command
from kernel_schema.cli.exits import complain
from kernel_schema.paths import is_there


def run() -> int:
    """Be the hook; gives the exit code of `check`."""
    options, files = split(sys.argv[1:])
    if any(word.partition("=")[0] == "--model" for word in options):
        # A hook that imports no module runs no code, whatever is mistaken for an option.
        return complain("this hook takes no --model: run `kernel-schema check` in one of your own")
    return run_command(["check", "--quiet", *options, "--", *files])


def split(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Tell options from files, which pre-commit puts right behind the `args` of its user.

    It hands over files that exist: what is there, or stands behind `--`, is never an option.

    >>> split(["--ignore", "unregistered-layer", "."])
    (['--ignore', 'unregistered-layer'], ['.'])
    >>> split(["--ignore", "unregistered-layer", "--", "gone.kernels.yaml"])
    (['--ignore', 'unregistered-layer'], ['gone.kernels.yaml'])
    """
    for index, word in enumerate(words):
        if is_there(word):
            return words[:index], words[index:]
        if word == "--":
            return words[:index], words[index + 1 :]
    return words, []
