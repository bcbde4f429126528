"""Commands that read configs, and write them."""

from __future__ import annotations

from kernel_schema.cli.output import OUTPUT_FORMATS
from kernel_schema.cli.table.options import (
    BUILD_TARGET,
    FORMATS,
    OUTPUT,
    READING,
    TARGET,
    Argument,
    Command,
    codes_option,
    flag,
    model,
    output_format,
    pattern,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


CONFIGS: Final = (
    Command(
        "check",
        "check config files",
        Argument(
            "files",
            nargs="*",
            metavar="FILE",
            help="files, `-` for standard input, or directories to search for kernels.*, "
            "*.kernels.* and a pyproject.toml with [tool.kernel-schema]; default: the working "
            "directory",
        ),
        *model("check against a model too"),
        *TARGET,
        BUILD_TARGET,
        Argument(
            "--policy",
            action="append",
            default=[],
            metavar="POLICY",
            help="hold the files against a policy too, whose findings nothing leaves out; may be "
            "repeated, and that of KERNEL_SCHEMA_POLICY counts in any case",
        ),
        flag("--hub", "ask the Hub too: whether kernels are there, and have what is asked of them"),
        codes_option("--select", "report only these findings: codes, or patterns as missing-*"),
        codes_option(
            "--ignore",
            "leave these out; what makes a config unusable is always reported",
            default=[],
        ),
        codes_option("--error", "take these for errors", default=[]),
        codes_option("--warn", "take these for warnings", default=[]),
        codes_option("--off", "the same as --ignore, for a [tool.kernel-schema.check]", default=[]),
        flag("--strict", "exit with 1 for warnings too"),
        flag("--exit-zero", "exit with 0 whatever is found"),
        flag("--no-ignore-comments", "report what `# kernel-schema: ignore[CODE]` leaves out"),
        Argument(
            "--exclude",
            type=pattern,
            action="append",
            default=[],
            metavar="PATTERN",
            help="leave out files and directories of such a name or path; may be repeated",
        ),
        Argument(
            "--stdin-filename",
            metavar="FILE",
            help="check standard input as if it were this file",
        ),
        flag("--fix", "mend what is certain in the files first"),
        flag("--diff", "print what --fix would change, and write nothing"),
        flag("--unsafe-fixes", "with --fix or --diff: follow guesses too, as `did you mean` is"),
        output_format(*OUTPUT_FORMATS),
        flag("--statistics", "print how often each code was found, in the place of findings"),
        flag("-q", "print findings, and nothing else", "--quiet"),
        Argument("--explain", metavar="CODE", help="print what a code means, and exit"),
        *READING,
        description="Check config files. Exit code 0: clean, warnings at most; 1: errors; 2: a "
        "file, the model or the Hub cannot be had, or the call or its settings are wrong; with "
        "--diff 1: there is something to mend. A "
        "[tool.kernel-schema.check] in the nearest pyproject.toml may hold lists for `select`, "
        "`ignore`, `error`, `warn`, `off` and `exclude`; options go before.",
    ),
    Command(
        "convert",
        "write a config in another format",
        Argument("file", nargs="?", metavar="FILE", help="a file, or `-` for standard input"),
        Argument(
            "--to", choices=FORMATS, help="what is written; default: by the ending of the output"
        ),
        OUTPUT,
        flag("--force", "replace a file that exists"),
        flag("--write", "rewrite FILE itself, in its format, as the same config always is"),
        Argument(
            "--from-transformers",
            metavar="module:attribute",
            help="in place of FILE: a KernelConfig of transformers, a mapping of kernels, or "
            "something that gives one when called; written as yaml without --to",
        ),
        *READING,
        description="Write a config in another format, to standard output or a file, or anew in "
        "its own. Comments go along between YAML and TOML; it is told how many are lost. Exit code "
        "1: it is no valid config, or holds what no config can state; 2: it cannot be had or "
        "written.",
    ),
    Command(
        "resolve",
        "write what counts of a config: with its bases and overrides",
        Argument("file", metavar="FILE", help="a config file, or `-`"),
        flag(
            "--provenance",
            "behind each line a comment: the file and line that state it (JSON, without comments, "
            "becomes YAML)",
        ),
        Argument(
            "--to",
            choices=FORMATS,
            help="what is written; default: by the ending of the output, else as FILE is",
        ),
        OUTPUT,
        flag("--force", "replace a file that exists"),
        output_format("text", "json"),
        *READING,
        description="Write the config that counts: with what FILE extends and --set states. Local "
        "paths stay as they are seen from FILE; in a file of another folder they lead from there "
        "to the same. Exit code 1: it is no valid config; 2: it cannot be had or written.",
    ),
)
