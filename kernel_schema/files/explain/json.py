"""What is wrong with a text that json.loads does not take."""

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
from kernel_schema.files.json import STRING

if TYPE_CHECKING:
    from kernel_schema.files.parsed import Findings

_COMMENT = re.compile(rf'{STRING}|"|(//[^\r\n]*|#[^\r\n]*|/\*.*?(?:\*/|\Z))', re.DOTALL)
_PIECES = re.compile(rf'{STRING}|(")|[\[\]{{}}]')
_DELIMITERS: Final = " \t\r\n,;:=[]{}\"'#"
_WORD: Final = r"(?:[^ \t\r\n,;\[\]{}\"'/#]|/(?![/*]))"
_END: Final = rf"(?!{_WORD})"

_CASES: Final = (
    *escapes("escape", {"u": 4}, "write a backslash twice"),
    Case("control", r"\t", "a tab inside text is written `\\t`"),
    Case("Unterminated", '"', "this {it} is not closed on its line"),
    Case("control|escape", '"', "this {it} is not closed on its line", anchor="quote"),
    Case("the end$", r"[\[{]", "this {it} is never closed", anchor="opening"),
    Case(
        "property|value|trailing",
        r"(?<![\[{,:])(?P<it>,)(?=\s*(?P<last>[\]}]))",
        "JSON has no `,` before the closing `{last}`",
        "remove the comma",
        anchor="comma",
        fix="",
    ),
    python_forms("property|value", "JSON"),
    Case(
        "property|value",
        r"(?P<it>[A-Za-z_][^\[{}\"'\r\n]*)(?=\s*[\[{])",
        "this comes before the JSON value",
        "remove it",
        anchor="first",
        guess="",
    ),
    curly_quotes("property|value"),
    Case(
        "property|value",
        r"""'(?!'')(?P<inside>[^'"\\\r\n]*)'""",
        "text is written in double quotes, not in single ones",
        fix='"{inside}"',
    ),
    Case("property|value", r"'[^'\r\n]*'?", "text is written in double quotes, not in single ones"),
    *(
        Case(
            words,
            rf"(?P<mend>(?P<inside>{_WORD}+)\")(?=\s*[{then}])",
            "a double quote is missing before this",
            'write `"{inside}"`',
            fix='"{inside}"',
        )
        for words, then in (("property", ":"), ("value", r",}}\]"))
    ),
    Case(
        "property",
        r"""(?=[^\s,:]*\w)[^ \t\r\n,;:=\[\]{}"'#\\]+""",
        "a key needs double quotes",
        "write {text}",
        fix='"{it}"',
    ),
    Case("property", ",", "a key in double quotes is expected, not {it}", "remove it", fix=""),
    Case("property", ".", "a key in double quotes is expected, not {it}"),
    Case("':'", "=>?", "a `:` is expected here, not {it}", fix=":"),
    Case(
        "':'",
        r'(?P<it>")(?P<key>[\w.$-]+)(?P<mend>):\s*[\[{"]+',
        "this {it} is not closed before the colon",
        'write `"{key}":`',
        anchor="string",
        guess='"',
    ),
    Case(
        "':'",
        rf"(?P<it>{STRING})(?P<mend>)(?=\s*[\"{{\[\-0-9])",
        "a `:` is missing after this key",
        anchor="string",
        fix=":",
    ),
    Case("':'", STRING, "a `:` is missing after this key", anchor="string"),
    *(
        Case("Extra", pattern, "this comes after the end of the JSON value", help_text, guess=mend)
        for pattern, help_text, mend in (
            (r"[\]}};,)]+", "remove it", ""),
            (r":[^\r\n]*", "put `{{` and `}}` around all of it", None),
            (r"[^\r\n]+", None, None),
        )
    ),
    Case("','", ";", "a `,` is expected here, not {it}", fix=","),
    Case(
        "','",
        rf"(?P<mend>)\s*(?P<it>{STRING}(?=\s*:)|[A-Za-z_]\w*(?=\s*:))",
        "a `,` is missing before this",
        anchor="after",
        fix=",",
    ),
    Case("','", r'(?<="")".*', "JSON has no text in three quotes", "write it in one line"),
    Case(
        "','",
        r"(?P<mend>)\s*(?P<it>[\"'{\[\-0-9])",
        "a `,` is missing before this",
        anchor="after",
        guess=",",
    ),
    Case(
        "','",
        r"[\]}}]",
        "{it} does not close the {opening} at {place}: a {closing} is missing before it",
    ),
    Case("','", ".", "a `,` or {closing} is expected here, for the {opening} at {place}"),
    Case(
        "value", rf"(?i:[-+]?(?:nan|inf|infinity)){_END}", "JSON has no {it}", code="not-a-number"
    ),
    Case(
        "value",
        rf"(?:True|TRUE|False|FALSE|Null|NULL){_END}",
        "JSON has no {it}",
        "write {lower}",
        fix="{lower}",
    ),
    Case("value", rf"(?:None|nil|undefined){_END}", "JSON has no {it}", "write `null`", fix="null"),
    Case(
        "value",
        rf"[-+]?\.?[0-9]{_WORD}*",
        "{it} is not a number of JSON",
        "write a number in decimal digits, or put text in double quotes",
    ),
    Case(
        "value",
        r"(?P<mend>(?P<it>[A-Za-z]{1,2})(?=\"[^\"\r\n]*\"))",
        "text has nothing before its quotes",
        "remove {it}",
        guess="",
    ),
    Case(
        "value",
        r"[^\s,\[\]{}\"]*\$\{[^}\r\n]*\}[^\s,\[\]{}\"]*",
        "text needs double quotes",
        "write {text}",
        guess='"{it}"',
    ),
    Case(
        "value",
        rf"(?!:)(?=.*\w)(?:(?!\\){_WORD})+{_END}",
        "text needs double quotes",
        "write {text}",
        guess='"{it}"',
    ),
    Case("value", rf"(?!:)(?=.*\w){_WORD}+", "text needs double quotes", "write {text}"),
    Case(
        "value", r"(?<=:):", "one `:` stands behind a key, and this is another", "remove it", fix=""
    ),
    Case("value", ".", "a value is missing before {it}"),
    Case("", "(?s:.?)", "this is not valid JSON"),
)


def explain_json(findings: Findings, words: str, at: int) -> None:
    """Note what is wrong, from what json.loads says and where it stopped."""
    text = findings.text
    anchors = {
        **anchors_at(findings, at, _DELIMITERS),
        **brackets_and_strings(text, at, _PIECES),
    }
    anchors["first"] = -1 if text[:at].strip() else at
    if not text.strip(" \t\r\n"):
        findings.add("empty-document", 0, 0, "the file is empty: it holds no value")
    elif foreign(findings, at, "json"):
        return
    elif text.startswith(("//", "/*", "#"), at):
        _comments(findings, at)
    elif at == len(text):
        explain(findings, f"{words} at the end", anchors, _CASES)
    else:
        is_cut = anchors["word"] < at and re.match(_WORD, text[at])
        if is_cut and re.search("','|Extra", words):
            # json.loads has taken the beginning of a word for a number.
            words, anchors["at"] = "value", anchors["word"]
        explain(findings, words, anchors, _CASES)


def _comments(findings: Findings, at: int) -> None:
    """Note all comments, from the first on."""
    for match in _COMMENT.finditer(findings.text, at):
        if match[0] == '"':
            return
        if match[1]:
            help_text = "remove it, or write the config in YAML or TOML"
            findings.add("json-comment", *match.span(), "JSON has no comments", help_text)
