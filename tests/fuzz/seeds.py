"""Texts to begin from, and pieces to put into them: what fuzzing changes and combines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

YAML = [
    "kernel_mapping:\n  RMSNorm: org/repo:Layer\n  SiLU: {cuda: 'o/r:L', rocm: [a, 1, true]}\n",
    "a:\n- b: 1\n  c: ~\n- - x\n  - y # z\n",
    "a: |\n  foo\n\n  bar\nb: >-\n  x\n  y\n\n# c\nc: |+\n  z\n\n",
    "\"a\\u0041\\n\": 'it''s'\n? b\n: \"x\n  y\"\n",
    "--- # head\n{a: 1, 'b':2, c, ? d : e, [x]: y}\n...\n",
    "%YAML 1.2\n---\na: &x !!str b\n<<: *x\n",
    "a:\tb\n\tc: d\n",
    "x: [010, 0x1F, 0o17, 1e999, .inf, -.5, 1_000, 2020-01-01, yes, '']\r\ny: [a: b, {c:d}]\r\n",
    "\ufeffé: 漢字\ne\u0301: '\\u2028'\n",
]
JSON = [
    '{"kernel_mapping": {"RMSNorm": "org/repo:Layer", "a": [1, -2.5e3, true, false, null]}}',
    '{"a" : {"b":[{}, [], ""]},\r\n\t"c":"\\u00e9\\ud83d\\ude00\\n\\\\"}',
    '{"a": 1, "a": 2, // c\n "b": [1, 2,], \'c\': NaN /* d */}\n# e',
    '[True, None, 010, 1e999, "\\ud800", "[", ":", "\\"]"]',
    "[" * 33 + "]" * 33,
]
TOML = [
    '[kernel_mapping]\nRMSNorm = "org/repo:Layer"\nSiLU.cuda = {kernel = "o/r:L", version = 1}\n',
    "[[a.b]]\nc = 1\n[a.b.d]\ne = [1, [2,\n 3], # f\n]\n[[a.b]]\n[a]\nx.y = 0x1F\n",
    'a = """x\n\\\n y""""\nb = \'\'\'\nz\'\'\'\n"c\\u0041" = \'d\'\n\'e.f\'.g = "\\U0001F600"\n',
    "a = 1\na = 2\n[b]\n[b]\nc = {d = 1, d = 2}\n",
    "a = [1e999, inf, nan, 1_000, 1979-05-27 07:32:00, 07:32:00, +1, 0o7, 0b1]\r\n",
    "a.b.c = 1\na.b.d = 2\n[e.f]\n[e]\nf.g = 1\n",
]
TOKENS = [
    *"abe{}[],:=.-+?|>&*!%@~#\"'\\/_ \t\n\r01T",
    *(
        "\r\n",
        "\n  ",
        "\n ",
        " #",
        ": ",
        "- ",
        "? ",
        " = ",
        "---\n",
        "...\n",
        "|\n",
        ">-\n",
        "|2\n",
    ),
    *("&a ", "*a", "!x ", "<<: ", "{}", "[]", "[[", "]]", '"""', "'''", "//", "/*", "*/"),
    *("\\u", "\\ud83d", "\\ude00", "\\x41", "\\e", "0x", "1e999", "NaN", "inf", "true", "null"),
    *("True", "2020-01-01", "10:00:00", '"a"', '"a":', "a=1", "\n[a]\n", "\n[a.b]\n", "\n[[a]]\n"),
    *("\n[[a.b]]\n", "\na.b=1\n", "\nb.c=1\n", "b={c=1}", "\na: 1\n", "\n  a: 1\n"),
    *("é", "漢", "\u0301", "😀", "\ufeff", "\u2028", "\x00", "\x7f", "\x85", "\ud800"),
]


def mutated(random: Random, seeds: list[str]) -> str:
    """A seed with a few pieces put in, taken out, or replaced by pieces of other seeds."""
    text = random.choice(seeds)
    for _ in range(random.randrange(1, 9)):
        place = random.randrange(len(text) + 1)
        choice = random.random()
        if choice < 0.55:
            text = text[:place] + random.choice(TOKENS) + text[place:]
        elif choice < 0.75:
            text = text[:place] + text[place + random.randrange(1, 6) :]
        elif choice < 0.9:
            other = random.choice(seeds)
            start = random.randrange(len(other) + 1)
            text = text[:place] + other[start : start + random.randrange(1, 20)] + text[place:]
        else:
            text = text[:place] + "\n" + random.choice(seeds)
    return text
