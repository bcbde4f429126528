"""The table of commands: each is a module of its name here, with a function `run`."""

from __future__ import annotations

from kernel_schema.cli.options import (
    AT,
    BISECTED,
    BUILD_TARGET,
    DEFAULTS,
    DEVICES,
    FORMATS,
    MEASURED,
    OUTPUT,
    QUIET,
    READING,
    SHELLS,
    SIDES,
    TARGET,
    Argument,
    Command,
    codes_option,
    fetch_target,
    flag,
    model,
    output_format,
)
from kernel_schema.cli.output import OUTPUT_FORMATS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


COMMANDS: Final = (
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
        flag("--provenance", "behind each line a comment: the file and line that state it"),
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
    Command(
        "explain",
        "tell what will run in a model, and why not",
        Argument("file", metavar="FILE", help="a config file, or `-`"),
        *model(required=True),
        *TARGET,
        flag("--all-modes", "one table for each mode"),
        Argument("--layer", metavar="NAME", help="one layer on every device and in every mode"),
        DEFAULTS,
        Argument(
            "--against",
            metavar="WHEEL",
            help="what the default table of another transformers would change: a wheel, or the "
            "folder into which one was unpacked; it is read, and nothing of it is run",
        ),
        output_format("text", "json"),
        *READING,
        description="Tell what will run in a model, and why not. Exit code 1: errors in the config "
        "or the environment, with --against something that changes; 2: a file, the model or a "
        "table cannot be had.",
    ),
    Command(
        "compare",
        "tell whether kernels are right and faster, on what reaches the layers of a model",
        Argument("file", metavar="FILE", help="a config file, or `-`"),
        *MEASURED,
        output_format("text", "json"),
        Argument(
            "--plot",
            metavar="FILE",
            help="draw times and errors of each layer: a .png or .svg",
        ),
        QUIET,
        *READING,
        description="Run each kernel beside the original, on what reaches the layer in one forward "
        "of the model: how far it errs, and how long each takes. Exit code 1: a kernel is beyond "
        "tolerance, fails or is never called, or the config has errors; 2: a file, the model or "
        "its inputs cannot be had.",
    ),
    Command(
        "tune",
        "write a config with the fastest kernels that are right, on this machine",
        Argument("file", metavar="FILE", help="a config file, or `-`: its kernels are tried"),
        *MEASURED,
        Argument(
            "--candidate",
            action="append",
            default=[],
            metavar="LAYER=REF",
            help="try this kernel too; a path starts at the working directory; may be repeated",
        ),
        flag("--replace", "write the best one where an entry of FILE is slower or wrong"),
        OUTPUT,
        flag("--force", "replace a file that exists"),
        QUIET,
        *READING,
        description="Measure the kernels of FILE, candidates and originals, each in place, and "
        "write a config with the fastest that is right, for this device and capability only. Exit "
        "code 1: an entry of FILE is slower or wrong, and was kept for want of --replace; 2: a "
        "file, the model or its inputs cannot be had.",
    ),
    Command(
        "bisect",
        "name the kernel that makes a command fail, or those that do so together",
        Argument("file", metavar="FILE", help="a config file, or `-`"),
        *BISECTED,
        output_format("text", "json"),
        QUIET,
        *READING,
        description="Run COMMAND with all kernels of a config, with none, and with some at a time, "
        "until the guilty are named. KERNEL_SCHEMA_CONFIG names the config of each run, with which "
        "COMMAND kernelizes; that writes its calls to KERNEL_SCHEMA_CALLS. COMMAND ends with 0 if "
        "all is well, 125 if that cannot be told, or else it is bad, as by a signal. Exit code 0: "
        "good with every kernel; 1: the guilty are named, or a kernel that was never called; 2: "
        "nothing can be named: bad without kernels too, answers that contradict each other, or "
        "something cannot be had or run.",
    ),
    Command(
        "layers",
        "list the layer names that a model registers",
        *model(required=True),
        output_format("text", "json"),
    ),
    Command(
        "init",
        "write a config to start from",
        *model(required=True),
        Argument(
            "--device",
            action="append",
            choices=DEVICES,
            help="only for this device; may be repeated",
        ),
        Argument(
            "--to",
            choices=("yaml", "toml"),
            help="what is written; default: by the ending of the output, else yaml",
        ),
        OUTPUT,
        flag("--force", "replace a file that exists"),
    ),
    Command(
        "diff",
        "tell what two configs say differently",
        Argument("old", metavar="OLD", help="a config file, or `-`"),
        Argument("new", metavar="NEW", help="another one"),
        *model("what changes for a model"),
        *TARGET,
        *SIDES,
        output_format("text", "json"),
        *READING,
        description="Tell what two configs say differently; or with --old-mode, --new-mode and the "
        "like which layers of a model run another kernel, or another commit of it, in two places, "
        "such as a trainer and its rollouts: then OLD and NEW may be one file. Exit code 0: both "
        "mean the same, or run the same; 1: they differ; 2: it cannot be told, for a file is no "
        "config or cannot be had, or code that is run decides.",
    ),
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
        "editors follow to it. What else the file holds stays as it is, byte by byte.",
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
