"""`kernel-schema lock`: pin every kernel of a config to a commit and its bytes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from kernel_schema.cli.exits import FINDINGS, OK, Stop, complain
from kernel_schema.cli.lock_key import with_lockfile
from kernel_schema.cli.opening import open_document, show_problems
from kernel_schema.cli.output.terminal import counted, show_progress, write, write_lines
from kernel_schema.diagnostics import Diagnostic, LockError, LoweringError
from kernel_schema.files.atomic import replace_file
from kernel_schema.files.document import Document
from kernel_schema.files.read import STANDARD_INPUT
from kernel_schema.locks.lock import DEFAULTS, Lock, LockedKernel
from kernel_schema.locks.pins import pins_of
from kernel_schema.locks.state import lock_in
from kernel_schema.locks.step import INHERITING, LOCK_IT, ROUTE, left_in_force, out_of_step
from kernel_schema.paths import exists, home_path
from kernel_schema.schema.rules import Rule, expand
from kernel_schema.wording import listing, printable, quote


def run(options: argparse.Namespace) -> int:
    """0 if it is locked; 1 for what is out of step, or cannot be resolved; 2 if nobody answers."""
    if options.file == STANDARD_INPUT:
        return complain("name a file: its lock lies beside it")
    if options.overrides:
        return complain(
            "--set does not go with lock: a lock of what FILE does not say would be out of step; "
            "write what is meant into a file, with `kernel-schema resolve FILE --set ... -o NEW`"
        )
    if options.check and (options.dry_run or options.upgrade is not None):
        return complain("--check changes nothing: it goes with neither --upgrade nor --dry-run")
    reads = options.export is not None or options.sbom
    changing = options.dry_run or options.upgrade is not None or options.defaults is not None
    if reads and (options.check or changing):
        return complain("--export and --sbom read the lock: they go with nothing else")
    document = open_document(options.file, options)
    if options.defaults == DEFAULTS and not document.config.inherit_mapping:
        return complain("this config inherits nothing (`inherit_mapping: false`)")
    locked = _Locked(document, options.defaults)
    if options.export is not None:
        return locked.export(options.export)
    if options.sbom:
        return locked.print_sbom()
    if options.check:
        return locked.check(quiet=options.quiet)
    unknown = locked.not_asked_for(options.upgrade or ())
    if unknown:
        return complain(f"nothing asks for {listing(unknown, 'and')}: there is nothing to upgrade")
    upgrade = options.upgrade == [] or (options.upgrade or ())
    return locked.lock(upgrade, dry_run=options.dry_run, quiet=options.quiet)


class _Locked:
    """A config file and its lock; a lock file that cannot be used ends the command."""

    def __init__(self, document: Document, defaults: str | None) -> None:
        self._document = document
        # As it is seen from here, not made absolute: so it is shown.
        stated, beside = document.config.lockfile, f"{document.file}.lock"
        self._path = Path(beside)
        if stated is not None:
            self._path = Path(os.path.dirname(document.file), home_path(stated))
        self._name = None if stated is not None else os.path.basename(beside)
        self._old: Lock | None = None
        if exists(self._path):
            try:
                self._old = lock_in(self._path)
            except LockError as error:
                self._show(error.diagnostics)
                raise Stop(FINDINGS) from None
        inherits = None if self._old is None else self._old.inherits
        if defaults is not None:
            inherits = defaults if defaults == DEFAULTS else None
        self._inherits = inherits if document.config.inherit_mapping else None

    @cached_property
    def _rules(self) -> tuple[Rule, ...]:
        """What the config says, and what it inherits if that is to be locked too."""
        rules = expand(self._document.config)
        if self._inherits is None:
            return rules
        # Imported here: it brings torch and transformers along.
        from kernel_schema.integrations.transformers import default_rules

        try:
            inherited = left_in_force(rules, default_rules())
        except LoweringError as error:
            raise Stop(self._show(error.diagnostics)) from None
        return (*rules, *(replace(rule, route=INHERITING) for rule in inherited))

    def _show(self, problems: Iterable[Diagnostic]) -> int:
        """Show what is wrong, and give the exit code of it."""
        return show_problems(self._document, self._document.place_all(problems))

    def not_asked_for(self, repo_ids: Collection[str]) -> list[str]:
        """Those of some repositories that neither the config nor the lock has."""
        known = {pin.repo_id for pin in (*pins_of(self._rules), *(self._old or Lock()).by_pin)}
        return [repo_id for repo_id in repo_ids if repo_id not in known]

    def check(self, *, quiet: bool) -> int:
        """Whether locking again would change anything, without a network."""
        problems = list(self._out_of_step())
        code = self._show(problems)
        if not problems and not quiet:
            write_lines(printable(f"{self._path} is in step with {self._document.file}"))
        return code

    def _out_of_step(self) -> Iterator[Diagnostic]:
        if self._old is None:
            message = f"there is no lock file {quote(str(self._path), longest=1000)}"
            yield Diagnostic("lock-out-of-step", message, ROUTE, LOCK_IT)
            return
        if self._name is not None:
            message = f"this config does not name its lock {quote(self._name)}: nothing is locked"
            yield Diagnostic("lock-out-of-step", message, ROUTE, LOCK_IT)
        if self._old.inherits != self._inherits:
            what = "holds" if self._inherits is None else "does not hold"
            message = f"the lock file {what} what is inherited"
            yield Diagnostic("lock-out-of-step", message, INHERITING, LOCK_IT)
        yield from out_of_step(self._rules, self._old)

    def export(self, file: str) -> int:
        """Write the commits in kernels' own format."""
        if self._old is None:
            return self._show(self._out_of_step())
        text = f"{self._old.as_kernels_lock()}\n"
        if file == STANDARD_INPUT:
            write(text)
        else:
            replace_file(file, text)
        return OK

    def print_sbom(self) -> int:
        """Print the bill of materials."""
        if self._old is None:
            return self._show(self._out_of_step())
        # Imported here: it brings a library along.
        from kernel_schema.locks.sbom import sbom

        write(sbom(self._old))
        return OK

    def lock(self, upgrade: bool | Collection[str], *, dry_run: bool, quiet: bool) -> int:  # noqa: FBT001 (as `ks.lock` has it)
        """Resolve what is not locked, and write the lock and the key that names it."""
        # Imported here: checking a lock needs no network.
        from kernel_schema.hub.resolve import resolve

        with show_progress(quiet=quiet) as progress:
            new, problems = resolve(self._rules, old=self._old, upgrade=upgrade, progress=progress)
        if problems:
            return self._show(problems)
        new = replace(new, inherits=self._inherits)
        changes = [] if quiet else [*map(printable, _changes(self._old or Lock(), new))]
        differs = self._old is None or new.dumps() != self._old.dumps()
        if dry_run:
            if changes:
                write_lines("\n".join(changes))
            return FINDINGS if differs or self._name is not None else OK
        # What cannot be named is not written, and what is not written is not told.
        text = None if self._name is None else self._with_key(self._name)
        if differs:
            replace_file(str(self._path), new.dumps())
        if text is not None:
            mark = _MARK * self._is_marked()
            previous = f"{mark}{self._document.text}".encode()
            replace_file(self._document.file, f"{mark}{text}", previous=previous)
        if not quiet:
            what = "written" if differs else "is up to date"
            written = f"{self._path} {what}: {counted(len(new.kernels), 'kernel')}"
            write_lines("\n".join([*changes, printable(written)]))
        return OK

    def _is_marked(self) -> bool:
        with open(self._document.file, "rb") as stream:
            return stream.read(3) == _MARK.encode()

    def _with_key(self, name: str) -> str:
        """The config with the key that names its lock."""
        text = with_lockfile(self._document, name)
        if text is None:
            message = f"add `lockfile: {name}` to {self._document.file} by hand, and lock again"
            raise Stop(complain(message))
        return text


_MARK = "\ufeff"


def _changes(old: Lock, new: Lock) -> Iterator[str]:
    for pin, locked in new.by_pin.items():
        before = old.by_pin.get(pin)
        if before is None:
            yield f"locked {pin} at {locked.short_commit} ({_described(locked)})"
        elif before.commit != locked.commit:
            yield f"moved {pin} from {before.short_commit} to {locked.short_commit}"
        elif before != locked:
            yield f"changed {pin} at {locked.short_commit} ({_described(locked)})"
    for pin in old.by_pin:
        if pin not in new.by_pin:
            yield f"dropped {pin}: nothing asks for it"


def _described(locked: LockedKernel) -> str:
    parts = [counted(len(locked.variants), "build"), locked.license or "no licence stated"]
    if not locked.trusted_publisher:
        parts.append("the publisher is not trusted")
    return ", ".join(parts)
