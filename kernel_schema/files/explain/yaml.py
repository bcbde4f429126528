"""What is wrong with a text that PyYAML does not take, or that a config does without.

The two parsers of PyYAML word the same complaint differently.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.files.explain.engine import Case, anchors_at, escapes, explain
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.codes import Code
    from kernel_schema.files.parsed import Findings, Value

_BRACKETS = re.compile(r"[\[\]{}]")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.@/-]+\Z")
_ENDED = re.compile(r"(?:\A|[\r\n])\.\.\.[ \t]*(?:#[^\r\n]*)?[\r\n]\s*\Z")
_ESCAPE = re.compile(
    r"\\(?:[0abt\tnvfre \"/\\N_LP\r\n]|x[0-9a-fA-F]{2}|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}"
    r"|U(?:000[1-9a-fA-F]|0010|0000(?![dD][89a-fA-F]))[0-9a-fA-F]{4})|(\\)"
)
_WORD: Final = r"[^\s,\[\]{}]+|."
_REST: Final = r"[^\r\n]*[^\r\n \t]"
_NO_BLANK: Final = r"(?P<key>[^\s:#\[\]{},\"']+):(?P<mend>)(?P<value>[^\s:]\S*)"
_BESIDE: Final = "<document start>|block mapping|block collection|block sequence"
_PROPERTIES: Final = "directive|incompatible YAML|an alias|an anchor|a tag|tag handle"
_TAB: Final = "YAML does not allow a tab here: it takes only spaces as indentation"
_QUOTE: Final = "quote text that starts with it"

_REFUSALS: Final[dict[str, tuple[str, str, Code]]] = {
    "&": (
        "an anchor (`&`) is a name of letters, digits, `-` and `_`, with a value behind it",
        "quote text that starts with `&`",
        "yaml-anchor",
    ),
    "*": (
        "an alias (`*`) is the name of an anchor, and nothing else",
        "quote text that starts with `*`",
        "yaml-alias",
    ),
    "!": (
        "types stated with `!` are not supported",
        "remove it, or quote text that starts with `!`",
        "yaml-tag",
    ),
    "%": (
        "lines that start with `%` are not supported, apart from `%YAML 1.2`",
        "remove the line",
        "yaml-directive",
    ),
    "---": (
        "a second document begins here; a config is one document",
        "remove the `---` or `...`, or keep the documents in files of their own",
        "yaml-multiple-documents",
    ),
}


def alias_on_the_way(findings: Findings, start: int, end: int) -> None:
    """Note an alias where steps lead through to the config."""
    message = "an alias stands on the way to the config"
    help_text = "name the place of its anchor with `--at` (in Python `at=`)"
    findings.add("yaml-alias", start, end, message, help_text)


def refuse(findings: Findings, sign: str, start: int, end: int) -> None:
    """Note what YAML allows and a config does without, by the sign that it starts with."""
    message, help_text, code = _REFUSALS[sign]
    findings.add(code, start, end, message, help_text)


def glued_key(findings: Findings, written: str, start: int) -> None:
    """Note a key with a colon in it that has no blank behind it."""
    key, _, value = written.partition(":")
    message = f"{quote(written)} is one key: a space is missing after the colon"
    colon = start + len(key)
    help_text = f"write {quote(f'{key}: {value}')}"
    mend = colon + 1, colon + 1, " "
    findings.add("yaml-missing-space", colon, colon + 1, message, help_text, fix=mend)


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


_CASES: Final = (
    # Tabs are told by the text: a tab before a key upsets the parsers in many ways.
    *(
        Case(
            words, r" *(?P<it>\t+)", _TAB, "replace the tab with spaces", "yaml-tab", anchor=anchor
        )
        for words, anchor in (
            ("^(?!.*quoted.*:)", "at"),
            ("simple key", "line of key"),
            ("mapping values", "line"),
        )
    ),
    Case("cannot start any token", ".", "nothing can start with {it} here", _QUOTE),
    Case(
        "sequence entries",
        ".",
        "an item of a list cannot start here",
        "give each `- ` a line of its own, or write the list as `[a, b]`",
    ),
    Case("mapping keys", ".", "`? ` cannot start here", _QUOTE),
    Case("unexpected ':'", ":(?P<mend>)", "a space is missing after this colon", fix=" "),
    Case("unexpected ':'", ".", "a space is missing after this colon"),
    Case("<document start>", _REST, *_REFUSALS["---"], "ended"),
    *(
        Case(words, rf"\{sign}[^\s,\[\]{{}}]*", *_REFUSALS[sign], anchor)
        for words, anchor in (
            *((_PROPERTIES, anchor) for anchor in ("since", "at", "line")),
            (_BESIDE, "behind"),
        )
        for sign in "&*!%"
    ),
    Case(
        "mapping values",
        r"(?P<repo>[^: \t]+)(?P<it>:)(?P<mend>[ \t]+)(?P<layer>[A-Za-z_]\w*)",
        "this line has a second `: `",
        "a kernel is written without a space after the colon: `{repo}:{layer}`",
        anchor="repository",
        fix="",
    ),
    Case(
        "mapping values",
        ":",
        "this line has a second `: `",
        "quote the value, or give the inner key a line of its own",
        anchor="second",
    ),
    Case(
        "mapping values",
        rf"[ \t]*(?:- +)*{_NO_BLANK}[^\r\n]*\s*[\r\n][ \t]*(?P<it>[^\r\n]*?:)(?!\S)",
        "this key stands where the text of the line above goes on",
        "put a space after the colon above: `{key}: {value}`",
        anchor="above",
        fix=" ",
    ),
    Case(
        "mapping values",
        r"[ \t]*(?P<it>[^\r\n]*?:)(?!\S)",
        "this key stands where the text of the line above goes on",
        "indent it as the keys that it belongs to",
        anchor="line",
    ),
    Case(
        "simple key",
        r"[^\r\n]{1025,}",
        "a key has at most 1024 characters before its `: `",
        anchor="since",
    ),
    Case(
        "simple key",
        rf"(?P<it>(?:- +)*{_NO_BLANK}(?:[^\r\n]*[^\r\n \t])?)",
        "a space is missing after the colon",
        "write `{key}: {value}`",
        anchor="since",
        fix=" ",
    ),
    Case(
        "simple key",
        _REST,
        "a `: ` is missing: this is neither a key with a value nor an item of a list",
        anchor="since",
    ),
    Case("flow (?:sequence|mapping)", r"[\[{]", "this {it} is never closed", anchor="end"),
    Case(
        "flow (?:sequence|mapping)",
        _WORD,
        "a `,` or {closing} is missing before this, for the {opening} at {place}",
    ),
    *(
        Case(
            f"{_BESIDE}|^(?!.*flow.*:).*(?:node content|a block node)",
            pattern,
            f"this {{it}} closes nothing: there is no `{opening}` for it",
        )
        for pattern, opening in ((r"\]", "["), (r"\}", "{{"))
    ),
    Case(
        _BESIDE,
        _REST,
        "this comes after a value that has already ended",
        "remove it, or put the whole value into one pair of quotes",
        anchor="behind",
    ),
    Case(
        "block mapping",
        r"-(?!\S)",
        "an item of a list stands among the keys of a table",
        "put it below a key of its own",
    ),
    Case("block mapping", ":", "a key is missing before the colon"),
    Case(
        "block mapping",
        _WORD,
        "the indentation of this line fits no line above it",
        "indent it exactly as the keys beside it",
    ),
    Case(
        "block (?:collection|sequence)",
        _WORD,
        "this line stands among the items of a list, but has no `- `",
    ),
    Case(
        "<document start>",
        r"(?P<it>[^\s,\[\]{}:]+)[ \t]*=[ \t]*\S",
        "this line stands outside of the table or list that the file holds",
        "this looks like TOML: name the file so, or pass `--format toml`",
    ),
    Case(
        "<document start>",
        _WORD,
        "this line stands outside of the table or list that the file holds",
        "indent it as the lines that it belongs to",
    ),
    Case("node", r"---|\.\.\.|.", "a value is missing before {it}"),
    Case("node", r"[\[{]", "this {it} is never closed", anchor="opening"),
    Case("node", "", "a value is missing at the end"),
    Case(
        "quoted scalar.*(?:stream|document)", r"[\"']", "this {it} is never closed", anchor="since"
    ),
    *escapes(
        "quoted",
        {"x": 2, "u": 4, "U": 8},
        "write a backslash twice, or put the text in single quotes",
    ),
    Case(
        "block scalar",
        rf"(?P<sign>[|>]){_REST}",
        "only `+`, `-` or one of 1 to 9 may follow `{sign}` on its line",
        "quote text that starts with `{sign}`",
        anchor="since",
    ),
    Case("", "(?s:.?)", "this is not valid YAML"),
)


def explain_yaml(findings: Findings, error: Exception, end: int, opening: int) -> None:
    """Note what a parser's error means.

    `end` is where the last value ended before it, `opening` the innermost open bracket, or -1.
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
        since, words = end, "quoted"
    since = at if since < 0 else since
    if re.search("flow (?:sequence|mapping)", words) and text.startswith(("[", "{"), since):
        opening = since
    anchors = anchors_at(findings, at, " \t\r\n,[]{}")
    line = anchors["line"]
    before, above = text[line:at], text[:line].rstrip(" \t\r\n")
    # No repository id is as long as this, but a line may be.
    repository = _REPOSITORY.search(before[-300:])
    is_end = not text[at:].strip() or text.startswith(("---", "..."), at)
    anchors |= {
        "since": since,
        "opening": opening,
        "end": opening if is_end else -1,
        "line of key": since - findings.lines.point(since)[1] + 1,
        "above": max(above.rfind("\n"), above.rfind("\r")) + 1 if above else -1,
        "ended": at if _ENDED.search(text[:at]) else -1,
        "behind": at if before.strip() else -1,
        "second": at if re.search(r":[ \t]", before) else -1,
        "repository": at - len(repository[0]) if repository else -1,
        "backslash": next((m.start() for m in _ESCAPE.finditer(text, since) if m[1]), -1),
    }
    explain(findings, words, anchors, _CASES, brief=line <= opening)


def block_header(findings: Findings, start: int) -> None:
    """Note a `|` or `>` with something else behind it than what may stand there."""
    anchors = {"at": start, "since": start, "opening": -1}
    explain(findings, "block scalar", anchors, _CASES)
