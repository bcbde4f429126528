"""`kernel-schema fetch`: bring the kernels of a config to this machine, as they are locked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kernel_schema.cli.exits import OK, complain
from kernel_schema.cli.opening import open_document, open_model, open_policies, show_problems
from kernel_schema.cli.output.terminal import counted, show_progress, tell, write_lines
from kernel_schema.diagnostics import HubError, LockError, PolicyError
from kernel_schema.files.document import Document
from kernel_schema.lowering.situate import placing
from kernel_schema.wording import listing, printable

if TYPE_CHECKING:
    from kernel_schema.choice.plan import Plan
    from kernel_schema.hub.fetch import Fetched
    from kernel_schema.locks.store import LockedBuild


def run(options: argparse.Namespace) -> int:
    """0 if all is here; 1 for what cannot be had or repaired; 2 if nobody answers."""
    stated = (options.device, options.capability, options.mode)
    if options.model is None and stated != (None, None, None):
        return complain("--device, --capability and --mode go with --model")
    if options.print_env and len(options.target) > 1:
        return complain("--print-env is for one target: a program runs on one machine")
    open_policies()  # without one that can be read, nothing goes on
    document = open_document(options.file, options)
    # Imported here: a config that cannot be read needs none of it.
    from kernel_schema.hub.fetch import Fetching

    try:
        with placing(document) as config:
            plan = None if options.model is None else _plan(document, options)
            with show_progress(quiet=options.quiet) as progress:
                fetched = Fetching(
                    config, plan, options.target, options.cache_dir, progress=progress
                ).fetch()
    except (HubError, LockError, PolicyError) as error:
        return show_problems(document, error.diagnostics)
    if options.print_env:
        return _print_env(fetched.builds)
    if not options.quiet:
        _report(fetched)
    return OK


def _plan(document: Document, options: argparse.Namespace) -> Plan:
    from kernel_schema.lowering.explain import explain

    return explain(
        document,
        open_model(options),
        device=options.device,
        capability=options.capability,
        mode=options.mode,
    )


def _report(fetched: Fetched) -> None:
    for line in fetched.repaired:
        tell(printable(f"repaired: {line}"))
    for build in fetched.builds:
        locked = build.locked
        write_lines(
            printable(
                f"{locked.pin} (commit {locked.short_commit}): {build.variant}, {build.folder}"
            )
        )
    builds, files = counted(len(fetched.builds), "build"), counted(fetched.files, "file")
    write_lines(f"{builds} here, {files} fetched.")


def _print_env(builds: tuple[LockedBuild, ...]) -> int:
    """The variable by which kernels itself takes these folders, in programs that do not use us."""
    folders: dict[str, LockedBuild] = {}
    for build in builds:
        other = folders.setdefault(build.locked.pin.repo_id, build)
        if other.folder != build.folder:
            both = listing([str(other.locked.pin), str(build.locked.pin)], "and")
            return complain(f"LOCAL_KERNELS takes one version of a repository: this has {both}")
    paths = {repo_id: str(build.folder) for repo_id, build in folders.items()}
    odd = [path for path in paths.values() if ":" in path]
    if odd:
        return complain(f"kernels splits LOCAL_KERNELS at colons, and there is one in {odd[0]}")
    write_lines("LOCAL_KERNELS=" + ":".join(f"{repo_id}={path}" for repo_id, path in paths.items()))
    return OK
