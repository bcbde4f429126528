"""What is wrong with a text that PyYAML does not take, or that a config does without.

The two parsers of PyYAML word the same complaint differently.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kernel_schema.files.explain.engine import anchors_at, explain
from kernel_schema.files.explain.foreign import foreign, template
from kernel_schema.files.explain.yaml_cases import CASES, OTHER_SIGN, REFUSALS, SIGN
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.files.parsed import Findings, Value

_BRACKETS = re.compile(r"[\[\]{}]")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.@/-]+\Z")
_ENDED = re.compile(r"(?:\A|[\r\n])\.\.\.[ \t]*(?:#[^\r\n]*)?[\r\n]\s*\Z")
_ITEM = re.compile(r" *- [\w.$-]+:(?!\S)")
_ESCAPE = re.compile(
    r"\\(?:[0abt\tnvfre \"/\\N_LP\r\n]|x[0-9a-fA-F]{2}|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}"
    r"|U(?:000[1-9a-fA-F]|0010|0000(?![dD][89a-fA-F]))[0-9a-fA-F]{4})|(\\)"
)


def alias_on_the_way(findings: Findings, start: int, end: int) -> None:
    """Note an alias where steps lead through to the config."""
    message = "an alias stands on the way to the config"
    help_text = "name the place of its anchor with `--at` (in Python `at=`)"
    findings.add("yaml-alias", start, end, message, help_text)


def refuse(findings: Findings, sign: str, start: int, end: int) -> None:
    """Note what YAML allows and a config does without, by the sign that it starts with."""
    message, help_text, code = REFUSALS[sign]
    findings.add(code, start, end, message, help_text)


def glued_key(findings: Findings, written: str, start: int) -> None:
    """Note a key with a colon or another sign in it that has a value behind it."""
    other = re.compile(OTHER_SIGN).match(written)
    key, _, value = written.partition(":")
    colon = start + len(key)
    message = f"{quote(written)} is one key: a space is missing after the colon"
    place, mend = (colon, colon + 1), (colon + 1, colon + 1, " ")
    if other is not None and "=" not in key[: other.start("mend")]:
        key, value, message = other["key"], other["value"], SIGN
        place = start + other.start("mend"), start + other.end("mend")
        mend = *place, ": "
    help_text = f"write {quote(f'{key}: {value}')}"
    findings.add("yaml-missing-space", *place, message, help_text, fix=mend)


def wrong_key(
    findings: Findings, key: Value, start: int, end: int, firsts: Mapping[str, int]
) -> None:
    """Note a key that is there twice, or is no text; `firsts` has where the others stand."""
    written = findings.text[start:end]
    if isinstance(key, str):
        findings.add_twice(start, end, firsts[key])
    elif start == end:
        findings.add("non-string-key", start, end, "a key is missing before the colon")
    else:
        kind = "null" if key is None else "a number"
        kind = "true or false" if isinstance(key, bool) else kind
        message = f"the key {quote(written)} is read as {kind}, not as text"
        quoted = f'"{written}"'
        help_text = f"put it in quotes: {quote(quoted)}"
        findings.add("non-string-key", start, end, message, help_text, fix=(start, end, quoted))


def explain_yaml(findings: Findings, error: Exception, last: tuple[int, int], opening: int) -> None:
    """Note what a parser's error means.

    `last` is where the last value before it stands, `opening` the innermost open bracket, or -1.
    """
    text = findings.text
    problem: Any = getattr(error, "problem_mark", None)
    context: Any = getattr(error, "context_mark", None)
    words = f"{getattr(error, 'context', None) or ''}: {getattr(error, 'problem', None) or ''}"
    if "<document start>" in words:  # the parser in Python says what it has found instead, too
        words = "<document start>"
    if "nesting depth" in words:  # libyaml since 0.2.6, before it tells of any bracket
        findings.refuse_depth(_BRACKETS)
    since = -1 if context is None else min(context.index, len(text))
    at = max(since, 0) if problem is None else min(problem.index, len(text))
    if problem is None and context is None:  # the parser in Python failed at an escape
        since, words = last[1], "quoted"
    since = at if since < 0 else since
    if re.search("flow (?:sequence|mapping)", words) and text.startswith(("[", "{"), since):
        opening = since
    anchors = anchors_at(findings, at, " \t\r\n,[]{}")
    line = anchors["line"]
    before, above = text[line:at], text[:line].rstrip(" \t\r\n")
    # No repository id is as long as this, but a line may be.
    repository = _REPOSITORY.search(before[-300:])
    start_above = max(above.rfind("\n"), above.rfind("\r")) + 1 if above else -1
    if foreign(findings, at, "yaml", min(max(start_above, 0), since)):
        return
    if opening >= 0 and template(findings, opening):
        return
    is_end = not text[at:].strip() or text.startswith(("---", "..."), at)
    anchors |= {
        "since": since,
        "opening": opening,
        "end": opening if is_end else -1,
        "line of key": since - findings.lines.point(since)[1] + 1,
        "above": start_above,
        "item": at
        if _ITEM.match(text, start_above) and start_above >= 0 and not before.strip()
        else -1,
        "directed": at if not before and _is_head(text[:at]) else -1,
        "over lines": last[0] if "\n" in text[slice(*last)] else -1,
        "ended": at if _ENDED.search(text[:at]) else -1,
        "behind": at if before.strip() else -1,
        "second": at if re.search(r":[ \t]", before) else -1,
        "repository": at - len(repository[0]) if repository else -1,
        "backslash": next((m.start() for m in _ESCAPE.finditer(text, since) if m[1]), -1),
    }
    explain(findings, words, anchors, CASES, brief=line <= opening)


def _is_head(text: str) -> bool:
    """Whether a text is lines that start with `%`, and nothing else but comments."""
    lines = [line for line in text.splitlines() if line.strip() and line[0] != "#"]
    return bool(lines) and all(line[0] == "%" for line in lines)


def block_header(findings: Findings, start: int) -> None:
    """Note a `|` or `>` with something else behind it than what may stand there."""
    anchors = {"at": start, "since": start, "opening": -1}
    explain(findings, "block scalar", anchors, CASES)
