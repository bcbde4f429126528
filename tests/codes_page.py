"""The page of all codes, `schemas/codes.md`, of the catalogue: `python tests/update_readme.py`."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_schema.codes import Meaning

_TITLES: Final[dict[str, tuple[str, str]]] = {
    "syntax": ("The text", "is not what its format says, or uses what a config does without"),
    "file": ("The file", "cannot be had, is no config, or is about to be changed"),
    "config": ("The config", "says what no config can"),
    "model": ("The model", "does not fit, or the files that the config names do not"),
    "environment": ("The environment", "keeps kernels from running"),
    "kernelize": ("Kernels in place", "are not what was asked for, or cannot be put there"),
    "lock": ("The lock", "is not in step, or what is locked cannot be had as it is"),
    "policy": ("The policy", "does not allow it"),
    "measure": ("A kernel that is measured", "does not do what the layer does, or no faster"),
    "hub": ("The Hub", "has something to say of a kernel, asked by `check --hub`"),
}

# Found by a check, which leaves out what it is told to.
_CHECKED: Final = frozenset(
    {
        "device-not-inferable",
        "hub-kernels-disabled",
        "incompatible-kernels-version",
        "kernel-changed-since-load",
        "kernel-mapping-disabled",
        "local-kernels-override",
        "lock-not-used",
        "no-such-gpu",
    }
)
# Told by `check --hub` too, which leaves out what it is told to.
_OF_THE_HUB: Final = frozenset(
    {
        "hub-access",
        "hub-unreachable",
        "unknown-kernel-repository",
        "unknown-kernel-revision",
        "unknown-kernel-version",
    }
)
_ABOUT_FILES: Final = ("syntax", "file", "config")

_HEAD: Final = """\
# Codes

Written by `python tests/update_readme.py` of `kernel_schema/codes.toml`; a test runs the examples.

A problem has a stable code, and a code has an address: the one to which links in terminals, `url`
in JSON and `helpUri` in SARIF lead, and that `kernel-schema check --explain CODE` prints.

## How findings are left out

- For one call: `--ignore CODE` (`--select` names all that are wanted), `--warn CODE` to be told
  without failing.
- For a project: lists `ignore`, `select`, `error`, `warn` and `off` in the table
  `[tool.kernel-schema.check]` of its `pyproject.toml`; `error` and `warn` go before `off`, but not
  before `ignore`.
- In one place, in YAML and TOML: `# kernel-schema: ignore[CODE]`, behind the line or alone above
  it.
- In Python: `ignore=["CODE"]` or `select=` of `ks.check`, `ks.kernelize` and `ks.as_transformers`.

What makes a config unusable, and what a policy forbids, is told whatever is left out. A check can
be told to leave out what will keep a kernel from running; `kernelize` refuses it then.
"""


def render_page(codes: Iterable[Meaning]) -> str:
    """A page in Markdown: a heading for each code, by which links find it."""
    stages = [(stage, list(group)) for stage, group in groupby(codes, lambda code: code.stage)]
    index, body = ["", "## All of them", ""], list[str]()
    for stage, group in stages:
        title, what = _TITLES[stage]
        links = ", ".join(f"[`{code.name}`](#{code.name})" for code in group)
        index.append(f"- [{title}](#{title.lower().replace(' ', '-')}) {what}: {links}")
        body += ["", f"## {title}", "", f"{title} {what}."]
        for code in group:
            body += _entry(code)
    return _HEAD + "\n".join([*index, *body]) + "\n"


def _entry(code: Meaning) -> list[str]:
    article = "A warning" if code.severity == "warning" else "An error"
    return [
        "",
        f"### {code.name}",
        "",
        f"**{code.summary}.** {article}.",
        "",
        code.explanation,
        "",
        "Wrong:",
        "",
        *_example(code, code.wrong),
        "",
        "Right:",
        "",
        *_example(code, code.right),
        "",
        f"*To leave it out:* {how_to_silence(code)}",
    ]


def _example(code: Meaning, text: str) -> list[str]:
    return [f"```{code.format}", text, "```"]


def how_to_silence(code: Meaning) -> str:
    """What leaves a code out, or why nothing does."""
    name = code.name
    option = f'`--ignore {name}`, or `ignore = ["{name}"]` in the settings'
    if code.stage in {"model", "hub"} or name in _CHECKED:
        comment = f"`# kernel-schema: ignore[{name}]` where a line is told"
        lesser = f"; `--warn {name}` makes it a warning" if code.severity == "error" else ""
        return f'{option}; {comment}; `ignore=["{name}"]` in Python{lesser}.'
    if name in {"missing-table", "unknown-code", "unused-ignore"}:
        return f"{option}."
    if name == "kernel-needs-layout":
        return f'`ignore=["{name}"]` of `ks.as_transformers`.'
    if name in _OF_THE_HUB:
        return f"of `check --hub` {option}; else never. Nothing is locked or fetched past it."
    return f"never. {_why_never(code)}"


def _why_never(code: Meaning) -> str:
    if code.stage in _ABOUT_FILES or code.name == "invalid-policy":
        return "What makes a file unusable is always told."
    if code.stage == "policy":
        return "Nothing that the judged say counts; the policy alone can allow it."
    if code.stage == "environment":
        return "Nothing goes on without the library."
    if code.stage == "lock":
        return "Nothing is locked, fetched or run past it."
    if code.stage == "measure":
        return "It stands in what `compare` tells."
    if code.severity == "warning":
        return "It stands in the report, and stops nothing."
    return "It is raised, or stands in the report, whatever is left out."
