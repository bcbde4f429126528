"""What each diagnostic code means: the one source of `--explain`, `codes` and the README's table.

The texts are data, in `codes.toml` beside this module; they are read when somebody asks for them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Stage = Literal["syntax", "file", "config", "model", "environment", "kernelize"]
"""When a problem is found: in the text, in its file, in what it says, by a check with the model and
the files that the config names, in what is installed and set, or while kernels are put in place."""


@dataclass(frozen=True, slots=True)
class Code:
    """What one diagnostic code means.

    Args:
        name: The code, as diagnostics carry it.
        summary: What is wrong, in one line.
        explanation: Why it is wrong or dangerous, and what to do: 2 to 6 lines.
        stage: When it is found.
        wrong: An example that gives the code.
        right: The same, put right.
        severity: `error`, or `warning` for what does not make a check fail.
        format: What the examples are written in.
    """

    name: str
    summary: str
    explanation: str
    stage: Stage
    wrong: str
    right: str
    severity: Literal["error", "warning"] = "error"
    format: Literal["yaml", "json", "toml", "python", "shell"] = "yaml"


@cache
def catalogue() -> Mapping[str, Code]:
    """Every code by its name, in the order of the stages, and by name within a stage.

    >>> catalogue()["unknown-device"].summary
    'A key is not a device'
    >>> print(catalogue()["unknown-device"].right)
    kernel_mapping:
      SiLU: {rocm: org/repo:SiLU, cuda: org/repo:SiLU}
    """
    from importlib.resources import files

    if sys.version_info >= (3, 11):
        from tomllib import loads
    else:
        from tomli import loads

    text = files("kernel_schema").joinpath("codes.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            name: Code(name=name, **{key: value.strip("\n") for key, value in fields.items()})
            for name, fields in loads(text).items()
        }
    )
