"""From a policy file to a policy; with a mistake in it, or without it, nothing goes on."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from kernel_schema.diagnostics import ConfigError, PolicyError, in_file_order
from kernel_schema.files.alone import parse
from kernel_schema.files.document import from_read_error
from kernel_schema.files.parsed import ReadError
from kernel_schema.files.read import read_text
from kernel_schema.policies.policy import Policy, problems_of

if TYPE_CHECKING:
    from kernel_schema.files.document import Format

PolicySource: TypeAlias = Policy | str | os.PathLike[str]
"""What is taken as a policy: one, or the path of its file."""


def read_policy(path: str | os.PathLike[str], *, format: Format | None = None) -> Policy:
    """Read a policy.

    Args:
        path: A YAML, JSON or TOML file that holds nothing else.
        format: `yaml`, `json` or `toml`; told by the ending of the path if left out.

    Raises:
        PolicyError: If the file cannot be read, or with every mistake in it; a key that is not
            known is one.

    >>> try:
    ...     read_policy("no/such.yaml")
    ... except PolicyError as error:
    ...     print(error)
    no/such.yaml: error[file-not-found]: there is no such file
    """
    file = str.__str__(os.fspath(path))
    try:
        text, stated = read_text(path, format=format)
        parsed = parse(text, stated)
    except ReadError as error:
        raise PolicyError(from_read_error(error, file).diagnostics) from None
    except ConfigError as error:
        raise PolicyError(error.diagnostics) from None
    problems = [
        replace(problem, file=file, span=parsed.span_of(problem.route))
        for problem in problems_of(parsed.value).diagnostics()
    ]
    if problems:
        raise PolicyError(in_file_order(problems))
    return Policy.model_validate(parsed.value)


def opened_policy(policy: PolicySource) -> Policy:
    """The policy that an argument stands for; a PolicyError if it is a file that is none."""
    return policy if isinstance(policy, Policy) else read_policy(policy)
