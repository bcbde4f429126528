"""What a parser complains about, in plain words and with an exact place: the engine of the tables.

The words of a parser and of its versions differ, so they only choose among the cases of a format:
what is said, and where, comes from the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kernel_schema.codes import Code
    from kernel_schema.files.parsed import Findings

_CLOSING: Final = {"[": "`]`", "{": "`}`"}


class Case(NamedTuple):
    """One mistake: what the parser says, what stands in the text at an anchor, what is said of it.

    What is noted is the group `it` of the pattern, or else all of it. In message and help, `{it}`
    is that, `{text}` the same in double quotes, `{lower}` in small letters; `{opening}` the bracket
    that is open, `{closing}` what closes it, `{place}` where it stands; and a group its name.

    `fix` stands instead of the group `mend`, or else of what is noted, where that is certain;
    `guess` where it is not. In both, `{it}`, `{lower}` and groups are as they are written.
    """

    words: str
    pattern: str
    message: str
    help: str | None = None
    code: Code = "syntax-error"
    anchor: str = "at"
    fix: str | None = None
    guess: str | None = None


# What word processors and Markdown make of quotes, around what stands on one line.
_CURLY: Final = "`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02"


def curly_quotes(words: str, anchor: str = "at") -> Case:
    """The case of text between the quotes of a word processor."""
    return Case(
        words,
        rf"[{_CURLY}](?P<inside>[^\"\\\r\n{_CURLY}]*)[{_CURLY}\"]",
        "text is written in straight double quotes",
        'write `"{inside}"`',
        anchor=anchor,
        fix='"{inside}"',
    )


def python_forms(words: str, name: str, anchor: str = "at") -> Case:
    """The case of a call or a tuple of Python, which a format has none of."""
    return Case(
        words,
        r"(?:[A-Za-z_][\w.]*)?\(",
        f"{name} has no calls and tuples: a kernel is text, or a table of `kernel` and its options",
        anchor=anchor,
    )


def anchors_at(findings: Findings, at: int, delimiters: str) -> dict[str, int]:
    """The offsets around one at which the text may tell what is wrong; -1 if there is no such.

    `after` is the end of what stands before it, `key` where that begins; `comma` the last comma, if
    nothing else stands between; `word` begins the word that it is in, limited by `delimiters`.
    """
    text = findings.text
    after = len(text[:at].rstrip())

    def start(end: int, delimiters: str) -> int:
        while end and text[end - 1] not in delimiters:
            end -= 1
        return end

    return {
        "at": at,
        "after": after,
        "comma": at if text.startswith(",", at) else after - 1,
        "word": start(at, delimiters),
        "key": start(after, " \t\r\n,{"),
        "line": at - findings.lines.point(at)[1] + 1,
        "backslash": text.rfind("\\", 0, at + 1),
    }


def brackets_and_strings(text: str, at: int, pieces: re.Pattern[str]) -> dict[str, int]:
    """The anchors `opening`, the innermost open bracket, and `string` and `quote`, the last string.

    `pieces` finds brackets, strings and comments whole; as its group 1 a quote that is not closed.
    """
    opened: list[int] = []
    string = quoted = -1
    for match in pieces.finditer(text):
        if match.start() >= at:
            break
        if match[0] in _CLOSING:
            opened.append(match.start())
        elif match[0] in {"]", "}"}:
            del opened[-1:]
        elif match[1]:
            quoted = match.start()
            break
        elif match[0][0] in "\"'":
            string = match.start()
    return {"opening": opened[-1] if opened else -1, "string": string, "quote": quoted}


def explain(
    findings: Findings,
    words: str,
    anchors: Mapping[str, int],
    cases: Iterable[Case],
    *,
    brief: bool = False,
) -> None:
    """Note the first case that is met. `brief` leaves out the line where a bracket stands."""
    text, opening = findings.text, anchors["opening"]
    for case in cases:
        start = anchors.get(case.anchor, -1)
        if start < 0 or not re.search(case.words, words):
            continue
        if match := re.compile(case.pattern).match(text, start):
            group = "it" if "it" in match.groupdict() else 0
            written = match[group]
            line, column = findings.lines.point(opening)
            sign = text[opening : opening + 1]
            in_quotes = f'"{written}"'
            fields = {
                # A quoted text is as long as a message bears.
                **{name: quote(part or "")[1:-1] for name, part in match.groupdict().items()},
                "it": "a backtick" if written == "`" else quote(written),
                "text": quote(in_quotes),
                "lower": quote(written.lower()),
                "opening": quote(sign),
                "closing": _CLOSING.get(sign),
                "place": f"column {column}" if brief else f"line {line}, column {column}",
            }
            help_text = case.help and case.help.format(**fields)
            instead = case.guess if case.fix is None else case.fix
            mend = None
            if instead is not None:
                as_written = {**match.groupdict(), "it": written, "lower": written.lower()}
                place = match.span("mend" if "mend" in match.groupdict() else group)
                mend = (*place, instead.format(**as_written))
            findings.add(
                case.code,
                *match.span(group),
                case.message.format(**fields),
                help_text,
                fix=mend,
                safe=case.fix is not None,
            )
            return


def escapes(words: str, digits: Mapping[str, int], help_text: str) -> list[Case]:
    """The cases of a backslash, with the letters of a format that digits follow."""
    any_digit = "[0-9a-fA-F]"
    return [
        *(
            Case(
                words,
                rf"\\{letter}{any_digit}{{0,{count - 1}}}(?!{any_digit})",
                f"`\\{letter}` needs {count} digits of 0-9 and a-f after it",
                help_text,
                anchor="backslash",
            )
            for letter, count in digits.items()
        ),
        Case(
            words,
            r"\\(?:u|U0000)[dD][89a-fA-F]..",
            "{it} is half a surrogate pair, and no character",
            "write the character itself",
            "lone-surrogate",
            anchor="backslash",
        ),
        Case(words, rf"\\U{any_digit}{{8}}", "there is no character {it}", anchor="backslash"),
        Case(words, r"\\[^\r\n]", "there is no escape {it}", help_text, anchor="backslash"),
    ]


def too_large(findings: Findings, start: int, end: int) -> None:
    """Note a number that is too large: more often it is text that looks like one."""
    help_text = "put it between quotes if it is text, as a revision is"
    fix = (start, end, f'"{findings.text[start:end]}"')
    message = "this number is too large"
    findings.add("number-out-of-range", start, end, message, help_text, fix=fix, safe=False)
