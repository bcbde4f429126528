"""Commands about kernels, editors, and the command itself."""

from __future__ import annotations

from kernel_schema.cli.table.options import (
    AT,
    OUTPUT,
    QUIET,
    READING,
    SHELLS,
    TARGET,
    Argument,
    Command,
    fetch_target,
    flag,
    model,
    output_format,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


OTHERS: Final = (
    Command(
        "lock",
        "pin every kernel of a config to a commit and its bytes",
        Argument("file", metavar="FILE", help="a config file; its lock lies beside it"),
        flag("--check", "write nothing, ask nothing: tell whether the lock is in step"),
        Argument(
            "--upgrade",
            nargs="*",
            metavar="REPO",
            help="lock what is there now, of all kernels or of these repositories",
        ),
        flag("--dry-run", "write nothing: tell what would change, with exit code 1 if anything"),
        Argument(
            "--export",
            metavar="PATH",
            help="write the commits that are locked in the format of the kernels library, to "
            "PATH or `-`",
        ),
        Argument(
            "--defaults",
            choices=("transformers", "none"),
            help="lock the kernels of transformers' default table too, which the config inherits; "
            "the lock remembers it; none: no more",
        ),
        flag("--sbom", "print what is locked as a bill of materials, CycloneDX 1.6 in JSON"),
        QUIET,
        *READING,
        description="Pin every kernel of a config, and those they depend on, to a commit and the "
        "bytes of its builds; write FILE.lock, and the key `lockfile` into FILE. Exit code 1: "
        "something cannot be resolved, or with --check is out of step; 2: the Hub cannot be had.",
    ),
    Command(
        "fetch",
        "bring the kernels of a config to this machine, as they are locked",
        Argument("file", metavar="FILE", help="a config file, or `-`"),
        Argument(
            "--target",
            type=fetch_target,
            action="append",
            default=[],
            metavar="TARGET",
            help="for such a machine: torch2.13-cu130-x86_64-linux, or `all` for every build; may "
            "be repeated; default: this machine",
        ),
        Argument("--cache-dir", metavar="DIR", help="default: where kernels looks for it"),
        *model("only what would run in this model"),
        *TARGET,
        flag("--print-env", "print LOCAL_KERNELS, for programs that do not use kernel-schema"),
        QUIET,
        *READING,
        description="Bring the kernels of a config to this machine, held against its lock; what "
        "was changed is fetched anew. Where all is there nothing is asked. Exit code 1: something "
        "is not on the Hub, or not as locked; 2: the Hub cannot be had.",
    ),
    Command(
        "env",
        "show versions and variables that decide what runs",
        output_format("text", "json"),
    ),
    Command(
        "schema",
        "write the JSON Schema of config files",
        *model("allow the layers of this model only"),
        Argument(
            "--profile",
            choices=("editor", "plain"),
            default="editor",
            help="editor (default): with messages and completion; plain: for strict validators",
        ),
        AT,
        OUTPUT,
        flag("--force", "replace a file that is no schema of ours"),
        flag("--check", "write nothing: tell whether FILE is up to date"),
        description="Write the JSON Schema of config files, for editors and validators. Exit code "
        "1: with --check, the file is another one; 2: it or the model cannot be had.",
    ),
    Command(
        "attach",
        "tell editors where the JSON Schema of a config file is",
        Argument("files", nargs="+", metavar="FILE", help="config files"),
        *model("a schema with the layers of this model only", exclusive=True),
        Argument(
            "--schema",
            metavar="PATH_OR_URL",
            exclusive=True,
            help="refer to this schema, and write none; `published`: to the one on the web, "
            "`installed`: to the one that is installed with this command",
        ),
        description="Write the JSON Schema beside a config file, and a header into the file that "
        "editors follow to it. What else the file holds stays as it is, byte by byte. Exit code 1: "
        "a file is not in its format; 2: a file, the schema or the model cannot be had or written.",
    ),
    Command("codes", "list the codes of all problems", description=""),
    Command(
        "completion",
        "write what completes this command in a shell",
        Argument("shell", choices=SHELLS, help="the shell that reads it"),
        description="Write a script after which a shell completes this command. It is made by "
        "shtab, of the extra `completion`.",
    ),
    Command(
        "server",
        "be a language server for editors",
    ),
    Command(
        "demo",
        "run a small model with a real kernel, end to end",
        description="Validate, check, lower and kernelize a small model with a real local kernel "
        "for the CPU, and compare the outputs. Needs no network.",
    ),
)
