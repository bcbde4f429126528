"""Commands about a config in a model."""

from __future__ import annotations

from kernel_schema.cli.table.options import (
    BISECTED,
    DEFAULTS,
    DEVICES,
    MEASURED,
    OUTPUT,
    QUIET,
    READING,
    SIDES,
    TARGET,
    Argument,
    Command,
    flag,
    model,
    output_format,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


MODELS: Final = (
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
)
