"""What must hold for a whole config file, whatever it holds; for the fuzz target and hypothesis.

Nothing but `ConfigError` comes out; its diagnostics have their places, come in the order of the
file and say each thing once; they can be shown in every output format; and what is valid can be
written in all three formats and read again.
"""

from __future__ import annotations

import io
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import kernel_schema as ks
from kernel_schema.cli.output import OUTPUT_FORMATS, show
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.codes import Stage, catalogue

if TYPE_CHECKING:
    from random import Random

    from kernel_schema.files.document import Format

FORMATS: tuple[Format, ...] = ("yaml", "json", "toml")
CORPUS = Path(__file__).parents[1] / "corpus"

# Jargon that must not reach a user, outside of what the user wrote.
JARGON = ("anyOf", "oneOf", "union", "discriminator", "model_type", "Input should be", "pydantic")


def seeds(format: Format) -> list[str]:
    """The corpus of one format."""
    files = sorted(path for path in CORPUS.rglob(f"*.{format}") if path.is_file())
    texts = [path.read_bytes().decode("utf-8", "replace") for path in files]
    return [text for text in texts if len(text) < 2000]


def data() -> list[Any]:
    """What the JSON files of the corpus hold."""
    held: list[Any] = []
    for text in seeds("json"):
        with suppress(ValueError):
            held.append(json.loads(text))
    return held


WORDS: tuple[Any, ...] = (
    *("org/repo:L", "org/repo@v1:L", "./norm:L", "original", "org/repo", "", " ", "a`b table list"),
    *("cuda", "rocm", "cpu", "cdua", "hip", "inference", "training", "trainin", "fallback"),
    *("kernel", "kernal", "version", "revision", "lockfile", "trust_remote_code", "$schema"),
    *("min_capability", "max_capability", "kernel_mapping", "inherit_mapping", "漢\u0301"),
    *(None, True, False, 0, 1, -1, 75, 90, 10**30, 1.0, 9.5, [], {}, ["org/repo"], [1]),
)


def shaken(random: Random, value: Any, others: list[Any]) -> Any:
    """The same data with a few things renamed, moved, taken out or put in, at any depth."""
    chance = random.random()
    if chance < 0.06:
        return random.choice(WORDS)
    if chance < 0.09:
        return random.choice(others)
    if isinstance(value, list):
        items = [shaken(random, item, others) for item in value if random.random() > 0.05]
        return items * random.choice((1, 1, 1, 2))
    if not isinstance(value, dict):
        return value
    shaken_table: dict[str, Any] = {}
    for key, item in value.items():
        if random.random() < 0.05:
            continue
        word = str(random.choice(WORDS)) if random.random() < 0.08 else key
        shaken_table[word] = shaken(random, item, others)
    if random.random() < 0.08:
        shaken_table[str(random.choice(WORDS))] = random.choice((*WORDS, *others))
    return shaken_table


def check_config(text: str, format: Format) -> None:
    """Any text as a config file."""
    try:
        document = ks.loads_document(text, format=format, file=f"fuzz.{format}")
    except ks.ConfigError as error:
        check_diagnostics(error.diagnostics, text, document=False)
        check_fixes(error.diagnostics, text, format)
        return
    found = ks.check(document)
    check_diagnostics(found, text, document=True)
    check_fixes(found, text, format)
    config = document.config
    for other in FORMATS:
        written = ks.dumps(config, format=other)
        again = ks.loads(written, format=other)
        assert again == config
        assert ks.dumps(again, format=other) == written
        assert again.digest() == config.digest()


def check_fixes(found: tuple[ks.Diagnostic, ...], text: str, format: Format) -> None:
    """What mends a file is found at once, breaks nothing that was right, and loses no comment."""
    for unsafe in (False, True):
        fixed = ks.fix(text, format=format, unsafe=unsafe)
        assert fixed.mended or fixed.text == text
        again = ks.fix(fixed.text, format=format, unsafe=unsafe)
        assert (again.text, again.mended, again.left) == (fixed.text, (), fixed.left)
        stages = [_stage(each) for each in found]
        if stages and min(stages):
            assert all(map(_stage, fixed.left)), "what could be read still can"
            if format != "json":
                assert len(_COMMENT.findall(fixed.text)) >= len(_COMMENT.findall(text))


_COMMENT = re.compile(r"(?:^|\s)#")


def _stage(diagnostic: ks.Diagnostic) -> int:
    return get_args(Stage).index(catalogue()[diagnostic.code].stage)


def check_diagnostics(found: tuple[ks.Diagnostic, ...], text: str, *, document: bool) -> None:
    """Diagnostics are placed, ordered, said once and fit to be shown."""
    assert found or document
    places = [one.span for one in found]
    assert all(place is not None for place in places) or len(found) == 1
    starts = [(place.line, place.column) for place in places if place is not None]
    assert starts == sorted(starts)
    said = [(one.code, one.message, one.span) for one in found]
    assert len(set(said)) == len(said)
    for one in found:
        for words in (one.message, one.help or ""):
            assert words.isprintable()
            ours = "".join(words.split("`")[::2])
            assert not any(jargon in ours for jargon in JARGON), words
    result = CheckResult(found, {found[0].file or "": text} if found else {}, 1)
    for output in OUTPUT_FORMATS:
        stream = io.StringIO()
        show(result, output, stream)
        shown = stream.getvalue()
        if output in {"json", "sarif"}:
            json.loads(shown)
        else:
            assert "\x1b" not in shown
