"""The table of mistakes in YAML: what the parsers say, what stands in the text, what is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_schema.files.explain.engine import Case, curly_quotes, escapes

if TYPE_CHECKING:
    from kernel_schema.codes import Code

_WORD: Final = r"[^\s,\[\]{}]+|."
_REST: Final = r"[^\r\n]*[^\r\n \t]"
_NO_BLANK: Final = r"(?P<key>[^\s:#\[\]{},\"']+):(?P<mend>)(?P<value>[^\s:]\S*)"
OTHER_SIGN: Final = (
    r"(?P<key>[^\s:#\[\]{},\"'=]+)(?P<mend>[ \t\u00a0]*(?::?=>?|->|\uff1a)[ \t\u00a0]*)"
    r"(?P<value>[^\s=]\S*(?:[ \t]+[^\s#]\S*)*)"
)
_ALONE: Final = r"(?P<mend>)(?:[ \t]+#[^\r\n]*)?(?:[ \t]*[\r\n])+(?P=indent)[ \t]+"
_BESIDE: Final = "<document start>|block mapping|block collection|block sequence"
_PROPERTIES: Final = "directive|incompatible YAML|an alias|an anchor|a tag|tag handle"
SIGN: Final = "in YAML a colon and a space stand between key and value"
_NO_COLON: Final = ("a colon is missing behind this key", "put it there")
_TAB: Final = "YAML does not allow a tab here: it takes only spaces as indentation"
_QUOTE: Final = "quote text that starts with it"

REFUSALS: Final[dict[str, tuple[str, str, Code]]] = {
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


CASES: Final = (
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
    curly_quotes("cannot start any token"),
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
    Case("<document start>", _REST, *REFUSALS["---"], "ended"),
    Case(
        "<document start>",
        r"(?P<mend>)[^\r\n]*[^\r\n \t]",
        "a line `---` is missing between lines that start with `%` and this one",
        "write `---` above it",
        anchor="directed",
        fix="---\n",
    ),
    Case(
        "quoted scalar|" + _BESIDE,
        r"[\"']",
        "this {it} is not closed on its line",
        anchor="over lines",
    ),
    Case(
        "mapping values|" + _BESIDE,
        r"[ \t]*(?:- +)*(?:\"[^\"\r\n]*\"|'[^'\r\n]*')(?P<it>:)(?P<mend>)(?=[^\s:])",
        "a space is missing after this colon",
        anchor="line",
        fix=" ",
    ),
    Case(
        _BESIDE,
        r"[ \t]*(?:- +)*(?P<key>\"[^\"\r\n]*\"|'[^'\r\n]*')(?P<it>[ \t]*(?::?=>?|->)[ \t]*)(?=\S)",
        SIGN,
        "write `{key}: ...`",
        anchor="line",
        fix=": ",
    ),
    Case(
        "<document start>",
        rf"(?P<indent>[ \t]*)(?P<it>[\w.$-]+){_ALONE}(?=[^\r\n]*:)",
        *_NO_COLON,
        anchor="above",
        fix=":",
    ),
    Case(
        "block (?:collection|sequence)",
        r"(?P<it>-)(?P<mend>)(?=[\w{\[\"'])",
        "a space is missing after this {it}",
        "an item of a list begins with `- `",
        fix=" ",
    ),
    *(
        Case(
            "mapping values",
            r"[ \t]*(?:- +)*(?P<it>-)(?P<mend>)(?=[\w{\[\"'])",
            "a space is missing after this {it}",
            "an item of a list begins with `- `",
            anchor=anchor,
            fix=" ",
        )
        for anchor in ("line", "above")
    ),
    *(
        Case(words, rf"\{sign}[^\s,\[\]{{}}]*", *REFUSALS[sign], anchor)
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
        rf"[ \t]*(?P<it>(?:- +)*{OTHER_SIGN})",
        SIGN,
        "write `{key}: {value}`",
        anchor="above",
        fix=": ",
    ),
    Case(
        "mapping values",
        rf"(?P<indent>[ \t]*)(?P<key>[\w.$-]+){_ALONE}(?P<it>[^\r\n]*?:)(?!\S)",
        "this key stands where the text of the line above goes on",
        "put a colon behind the key above: `{key}:`",
        anchor="above",
        fix=":",
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
        rf"(?P<it>(?:- +)*{OTHER_SIGN})",
        SIGN,
        "write `{key}: {value}`",
        anchor="since",
        fix=": ",
    ),
    Case(
        "simple key",
        rf"(?P<indent>[ \t]*)(?P<it>[\w.$-]+){_ALONE}(?=[^\r\n]*:)",
        *_NO_COLON,
        anchor="line of key",
        fix=":",
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
        r"(?P<mend>)[ \t]+(?P<it>(?:\"[^\"\r\n]*\"|'[^'\r\n]*'|[\w.$-]+):)(?!\S)",
        "a `,` is missing before this",
        anchor="after",
        guess=",",
    ),
    Case("flow (?:sequence|mapping)", ";", "a `,` is expected here, not {it}", fix=","),
    Case(
        "flow (?:sequence|mapping)",
        r"[\]}]",
        "{it} does not close the {opening} at {place}: a {closing} is missing before it",
    ),
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
            "remove it",
            guess="",
        )
        for pattern, opening in ((r"\]", "["), (r"\}", "{{"))
    ),
    Case(
        _BESIDE,
        r"(?P<it>[,;])(?=[ \t]*(?:\s#|[\r\n]|\Z))",
        "YAML has no {it} at the end of a line",
        "remove it",
        anchor="behind",
        fix="",
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
        r"(?P<mend>(?P<it>-)[ \t]+)(?=[\w.$-]+:(?!\S))",
        "an item of a list stands among the keys of a table",
        "remove the `- `, or put it below a key of its own",
        guess="",
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
        r"(?P<mend>)(?P<it>[\w.$-]+:)(?!\S)",
        "this line stands among the items of a list, but has no `- `",
        "indent it as the key behind the `- ` above, if it belongs to it",
        anchor="item",
        guess="  ",
    ),
    Case(
        "block (?:collection|sequence)",
        _WORD,
        "this line stands among the items of a list, but has no `- `",
    ),
    Case(
        "<document start>",
        _WORD,
        "this line stands outside of the table or list that the file holds",
        "indent it as the lines that it belongs to",
    ),
    Case("node", ",", "a value is missing before {it}", "remove it", guess=""),
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
