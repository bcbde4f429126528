"""What is wrong with a text that tomllib does not take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from kernel_schema.files.explain.engine import (
    Case,
    anchors_at,
    brackets_and_strings,
    curly_quotes,
    escapes,
    explain,
    python_forms,
)
from kernel_schema.files.explain.foreign import foreign
from kernel_schema.files.toml import COMMENT, LONG, SHORT, ReachedError, Scanner, name_of
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from kernel_schema.files.parsed import Findings

_PLACE = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)
_PIECES = re.compile(
    rf"{LONG}|(\"\"\"|'''|(?!{SHORT})[\"'])|{SHORT}|{COMMENT}|[\[\]{{}}]", re.DOTALL
)
_NEXT = re.compile(r"[ \t]*\[[\w.\"'-]+\][ \t]*(?:[\r\n#]|\Z)|[ \t]*[\w.\"'-]+[ \t]*=")
_DELIMITERS: Final = " \t\r\n,[]{}#=\"'"
_END: Final = r"(?![^\s,\[\]{}#=])"
_TEXT: Final = r"[^\s,\[\]{}#=\"']"
_IN_ONE_LINE: Final = "a table in braces has to be closed on the same line"
_OR_A_HEADER: Final = "write it in one line, or give it a header: `[name]`"
_QUOTE_KEY: Final = "put a key in quotes if it has other characters than A-Z a-z 0-9 _ -"

_CASES: Final = (
    Case(
        "newline",
        r"[\]}]",
        "this {it} closes nothing: nothing is open here",
        "remove it",
        guess="",
    ),
    *(
        Case(
            "newline",
            rf"(?P<it>[{signs}])(?=[ \t]*(?:[\r\n#]|\Z))",
            f"TOML has no {{it}} behind a {what}",
            "remove it",
            anchor=anchor,
            fix="",
        )
        for anchor, what, signs in (("header", "header", ",;:"), ("at", "value", ",;"))
    ),
    *(
        Case(
            "newline",
            r"[^\r\n#]*[^\r\n# \t]",
            f"this comes after the end of the {what}",
            "give it a line of its own",
            anchor=anchor,
        )
        for anchor, what in (("header", "header"), ("at", "value"))
    ),
    python_forms("Invalid value", "TOML", anchor="word"),
    curly_quotes("Invalid value", anchor="word"),
    curly_quotes("initial|statement|'\\]"),
    Case(
        "Invalid value",
        rf"(?:null|Null|NULL|None|nil|~){_END}",
        "TOML has no {it}",
        "leave the key out",
        anchor="word",
    ),
    Case(
        "Invalid value",
        rf"(?:True|TRUE|False|FALSE){_END}",
        "{it} is not a value of TOML",
        "write {lower}",
        anchor="word",
        fix="{lower}",
    ),
    Case(
        "Invalid value",
        r"[-+]?\.?[0-9][^\s,\[\]{}#=]*",
        "{it} is not a number or date of TOML",
        "put text in quotes",
        anchor="word",
    ),
    Case("Invalid value|Unclosed", r"\[", "this {it} is never closed", anchor="next"),
    Case(
        "Invalid value",
        "=>?|>",
        "one `=` stands behind a key, and nothing else",
        "remove {it}",
        fix="",
    ),
    Case(
        "Invalid value",
        r"(?P<mend>(?P<it>[A-Za-z]{1,2})(?=([\"'])[^\r\n]*\3))",
        "text has nothing before its quotes",
        "remove {it}",
        anchor="word",
        guess="",
    ),
    *(
        Case(
            "Invalid value",
            pattern,
            message,
            f"write {write}",
            anchor="word",
            guess=mend,
        )
        for pattern, message, write, mend in (
            (
                rf"(?P<it>{_TEXT}*\$\{{[^}}\r\n]*\}}{_TEXT}*)",
                "text needs quotes",
                "{text}",
                '"{it}"',
            ),
            (
                rf"(?P<mend>(?P<inside>{_TEXT}+)(?P<it>[\"']))(?=[\s,\]}}#]|\Z)",
                "this {it} closes nothing: text needs one before it too",
                '`"{inside}"`',
                '"{inside}"',
            ),
            (
                rf"(?=[^\s,#]*\\)(?P<inside>{_TEXT}+)",
                "text needs quotes",
                "`'{inside}'`",
                "'{inside}'",
            ),
            (rf"{_TEXT}+", "text needs quotes", "{text}", '"{it}"'),
        )
    ),
    Case("Invalid value|initial|Unclosed", r"[\[{]", "this {it} is never closed", anchor="end"),
    Case("Invalid value", "[^\r\n#]", "a value is missing before {it}"),
    Case("Invalid value", "", "a value is missing after the `=`", anchor="after"),
    Case(
        "'='",
        r"(?<![ \t])(?P<mend>(?P<key>[A-Za-z0-9_-]+)(?P<it>:))(?=[ \t]*(?:[\r\n#]|\Z))",
        "a `=` is expected after the key, not {it}",
        "TOML writes a table as `[{key}]`",
        anchor="key",
        guess="[{key}]",
    ),
    Case("'='", r":(?=[ \t]*(?:[\r\n#]|\Z))", "a `=` is expected after the key, not {it}"),
    Case(
        "'='",
        r"(?P<it>:)(?P<blank>[ \t]*)",
        "a `=` is expected after the key, not {it}",
        "TOML writes `key = value`",
        guess=" =",
    ),
    Case("'='", r"(?P<mend>)(?P<it>[\"'{\[])", "a `=` is missing before this", guess="= "),
    *(
        Case(
            words,
            r"[ \t]*(?=[^\s=]*[^\s=A-Za-z0-9_.-])(?P<it>[^\s=\[\]{}#\"',:]+)(?=[ \t]*=)",
            "a key needs quotes if it has other characters than A-Z a-z 0-9 _ -",
            "write {text}",
            anchor="line",
            fix='"{it}"',
        )
        for words in ("'='", "statement")
    ),
    Case("'='", "[^\r\n#]", "a `=` is expected after the key, not {it}", _QUOTE_KEY),
    Case(
        "'='",
        ".*?(?=[ \t]*(?:[\r\n#]|\\Z))",
        "a `=` and a value are missing after this key",
        anchor="key",
    ),
    Case(
        "initial",
        r"(?<!\{),(?=[ \t]*\})",
        "TOML has no `,` before the closing `}}`",
        "remove the comma",
        anchor="comma",
        fix="",
    ),
    Case("initial|Unclosed", r"\{", _IN_ONE_LINE, _OR_A_HEADER, anchor="broken"),
    Case("initial", r"[.,=\[\]{}]", "a key is expected here, not {it}"),
    Case("initial", ".", "a key is expected here, not {it}", _QUOTE_KEY),
    Case("initial", "", "a key is missing here"),
    Case("statement", r"[.,=\[\]{}]", "a key or a `[table]` is expected here, not {it}"),
    Case("statement", ".", "a key or a `[table]` is expected here, not {it}", _QUOTE_KEY),
    Case("']", r"(?=[\r\n#]|\Z)", "the closing `]` of this header is missing"),
    Case("']", r"\]", "a header that begins with `[[` ends with `]]`"),
    Case("']", ".", "the closing `]` of this header is expected here, not {it}", _QUOTE_KEY),
    Case(
        "Unclosed",
        r"(?P<mend>)(?=[ \t]*[\w.-]+[ \t]*=|\s*[\"'{])\s*(?P<it>[\"'{]|[\w.-]+)",
        "a `,` is missing before this",
        anchor="after",
        guess=",",
    ),
    Case(
        "Unclosed", ".", "a `,` or {closing} is missing before this, for the {opening} at {place}"
    ),
    *escapes(
        "Unescaped|hex|Escaped",
        {"u": 4, "U": 8},
        "write a backslash twice, or use single quotes",
    ),
    Case("", "\"\"\"|'''", "this {it} is never closed", anchor="quote"),
    Case("", "[\"']", "this {it} is not closed on its line", anchor="quote"),
    Case("date", r"[^\r\n#]*[^\r\n# \t]", "there is no such date or time"),
    Case("", "(?s:.?)", "this is not valid TOML"),
)


def explain_toml(findings: Findings, complaint: str) -> None:
    """Note what an error of tomllib means."""
    text = findings.text
    match = _PLACE.fullmatch(complaint)
    words, line, column = match.groups() if match else (complaint, None, None)
    at = findings.lines.offset(int(line), int(column)) if line and column else len(text)
    if re.match("Cannot (?:declare|overwrite|mutate|redefine)|Duplicate", words):
        _twice(findings, at)
        return
    if foreign(findings, at, "toml"):
        return
    anchors = {
        **anchors_at(findings, at, _DELIMITERS),
        **brackets_and_strings(text, at, _PIECES),
    }
    is_cut = anchors["word"] < at and re.match(rf"(?!;){_TEXT}", text[at : at + 1])
    if is_cut and re.search("newline|Unclosed", words):
        words = "Invalid value"  # tomllib has taken the beginning of a word for one
    anchors["header"] = at if text[anchors["line"] : at].lstrip(" \t").startswith("[") else -1
    anchors["backslash"] = text.rfind("\\", 0, at)
    # The open bracket, where the text ends, or a line of a table begins, or a line at least ends.
    begins = _NEXT.match(text, anchors["line"])
    above = brackets_and_strings(text, anchors["line"], _PIECES)["opening"]
    anchors["next"] = above if begins else -1
    anchors["end"] = -1 if text[at:].strip() else anchors["opening"]
    anchors["broken"] = anchors["opening"] if text[at : at + 1] in {"\r", "\n", "#"} else -1
    if not re.search("initial|Unclosed", words) or not _over_lines(findings, anchors["broken"]):
        explain(findings, words, anchors, _CASES)


def _over_lines(findings: Findings, opening: int) -> bool:
    """Note a table in braces that fills several lines; whether one begins there, and ends."""
    text = findings.text
    if not text.startswith("{", opening) or opening < 0:
        return False
    depth, at, written, has_comment = 0, opening, "", False
    for piece in _PIECES.finditer(text, opening):
        written += re.sub(r"\s*\n\s*", " ", text[at : piece.start()])
        at = piece.end()
        if piece[1]:
            return False
        if piece[0] in {"}", "]"}:
            depth -= 1
            written = re.sub(r",(\s*)\Z", r"\1", written)
        depth += piece[0] in {"{", "["}
        has_comment = has_comment or piece[0].startswith("#")
        written += piece[0]
        if not depth:
            break
    if depth:
        return False
    mend = None if has_comment else (opening, at, written)
    findings.add("syntax-error", opening, opening + 1, _IN_ONE_LINE, _OR_A_HEADER, fix=mend)
    return True


def _twice(findings: Findings, at: int) -> None:
    """Note a key that is there already, or that cannot be added where it is meant to go."""
    scanner = Scanner(findings.text, stop=at)
    try:
        scanner.scan()
    except ReachedError as reached:
        table, last, first = reached.table, reached.key[0], 0
        for part in reached.key:
            child = table.under(name_of(part))
            if child is None:
                break
            table, last, first = scanner.newest(child), part, child.key_start
        if last is reached.key[-1]:
            findings.add_twice(*last.span(), first)
            return
        line = findings.lines.point(first)[0]
        message = f"{quote(last[0])} is complete in line {line}: nothing can be added to it here"
        findings.add("duplicate-key", *last.span(), message, "write it all in one place")
