"""Which policies count: those that a caller states, and that of the environment."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_schema.locks.lock import Lock
    from kernel_schema.policies.policy import Policy
    from kernel_schema.policies.policy_files import PolicySource
    from kernel_schema.schema.rules import Rule

VARIABLE: Final = "KERNEL_SCHEMA_POLICY"
"""Names a policy that counts wherever kernels are checked, fetched or put in place."""


def policies_in_force(*stated: PolicySource) -> tuple[Policy, ...]:
    """The policies that count: those that a caller states, and that of `KERNEL_SCHEMA_POLICY`.

    None takes the place of another: what the environment forbids no caller can allow.

    Raises:
        PolicyError: If one of them cannot be read.
    """
    path = os.environ.get(VARIABLE)
    if path is None and not stated:
        return ()
    # Imported here: mostly there is none.
    from kernel_schema.diagnostics import Diagnostic, PolicyError
    from kernel_schema.policies.policy_files import opened_policy

    found = [opened_policy(each) for each in stated]
    if path is None:
        return tuple(found)
    if not path:
        # Its name stands for the file: errors get the place of a config where they have none.
        problem = Diagnostic(
            "file-not-found", "it is set, and names no file", help="unset it", file=VARIABLE
        )
        raise PolicyError([problem])
    try:
        return (*found, opened_policy(path))
    except PolicyError as error:
        named = f"it is named by {VARIABLE}"
        told = (replace(each, help=each.help or named) for each in error.diagnostics)
        raise PolicyError(told) from None


def enforce(
    rules: Iterable[Rule],
    lock: Lock | None = None,
    *,
    inherits: bool = False,
    inherited: Iterable[Rule] | None = None,
) -> None:
    """Hold what is about to be fetched or put in place against the policy of the environment.

    Args:
        rules: What a config says, with the commits of its lock.
        lock: That lock.
        inherits: Whether it inherits kernels.
        inherited: Those, where that is known.

    Raises:
        PolicyError: If the policy cannot be read, or with all that it does not allow.
    """
    policies = policies_in_force()
    if not policies:
        return
    from kernel_schema.checks.environment import local_overrides
    from kernel_schema.diagnostics import PolicyError
    from kernel_schema.policies.judgement import Case, forbidden

    known = None if inherited is None else tuple(inherited)
    case = Case(tuple(rules), lock, inherits, known, local_overrides())
    if found := forbidden(case, policies):
        raise PolicyError(found)
