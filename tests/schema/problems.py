"""What a config is refused for, in a form that tests can compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pydantic import ValidationError

from kernel_schema import ConfigError, KernelConfig

if TYPE_CHECKING:
    from kernel_schema import Diagnostic

REF = "org/repo:Layer"


class Problem(NamedTuple):
    """A code and a route; the route has ` (key)` behind it where the key is meant."""

    code: str
    route: str


def refusal(data: Any) -> ConfigError:
    """The error of a whole config, as a file holds it."""
    with pytest.raises(ValidationError) as caught:
        KernelConfig.model_validate(data)
    return ConfigError.from_validation_error(caught.value)


def only(data: Any) -> Diagnostic:
    """The one diagnostic of a whole config."""
    (diagnostic,) = refusal(data).diagnostics
    return diagnostic


def brief(diagnostic: Diagnostic) -> Problem:
    """Code and route of a diagnostic."""
    suffix = " (key)" if diagnostic.route.at_key else ""
    return Problem(diagnostic.code, f"{diagnostic.route}{suffix}")


def problems(data: Any) -> set[Problem]:
    """Codes and routes of a whole config; a place that is named twice fails."""
    found = [brief(diagnostic) for diagnostic in refusal(data).diagnostics]
    assert len(found) == len(set(found))
    return set(found)


def layer(entry: Any) -> dict[str, Any]:
    """A config with one layer, `L`."""
    return {"kernel_mapping": {"L": entry}}
