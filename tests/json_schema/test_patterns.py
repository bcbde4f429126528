"""Every pattern means the same in Python, pydantic, Rust and JavaScript, and what our rules say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import jsonschema_rs
import pytest
from pydantic import StringConstraints, TypeAdapter, ValidationError

from kernel_schema.json_schemas import texts
from kernel_schema.schema import values
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import is_repo_id, is_revision
from tests.editors.node import run_node

if TYPE_CHECKING:
    from collections.abc import Callable

PATTERNS = {
    name: getattr(texts, name)
    for name in (
        "ENTRY", "KERNEL", "LAYER_NAME", "LOCKFILE", "NOT_LOCAL", "NOT_LOCAL_NOT_PINNED",
        "REPO_ID", "REVISION", "SCHEMA_URI",
    )
}  # fmt: skip
REFERENCES = [
    "original", "org/repo:L", "org/repo:L1", "org/repo:_l", "org/repo:1L", "org/repo:L-x",
    "org/repo:", "org/repo", ":L", "/:L", "org/repo@v1:L", "org/repo@v0:L", "org/repo@v01:L",
    "org/repo@v999999999:L", "org/repo@v1000000000:L", "org/repo@v0123456789012:L",
    "org/repo@v1.0:L", "org/repo@v:L", "org/repo@v1a:L", "org/repo@v12345678901a:L",
    "org/repo@v12345678901/x:L", "org/repo@v12345678901-:L", "org/repo@main:L", "org/repo@-:L",
    "org/repo@@:L", "org/repo@refs/pr/1:L", "org/repo@a~1:L", "org/repo@:L", "org/repo@vx:L",
    "org/repo@w1:L", "org/repo@u1:L", "org/repo@V1000000000:L", "org/repo@1000000000:L",
    "a/b/c:L", "a:b/c", "org/re--po:L", "org/re..po:L", "org/re-.po:L", "org/re.-.po:L",
    "org/re-.-po:L", "org/re.-.-po:L", "org/-repo:L", "org/repo-:L", "org/.repo:L",
    "org/repo.:L", "o_/_r:L", "-org/r:L", "org./r:L", "org/r:a:b", "org/r:a/b",
    "https://host/org/r:L", "C:/k:L", "c:\\k:L", "C:k:L", "C:", "C::L", "C:/", "C:\\", "C/r:L",
    "./k:L", "../k:L", ".k:L", "..k:L", "...:L", ".../k:L", ".", "..", "./", "../", ".\\k:L",
    "..\\k:L", "~", "~:L", "~/k:L", "~k:1", "/:L", "/k:L", "/", "//:L", "@", "a@", "@a", ".@",
    "..@", "a:@", "C:@", "..a@", "org/repo@v1", "org@x", "./a@b:L", "/a@v1:L", "\xf6rg/repo:L",
    "org/repo:\xd6", "./gr\xf6\xdfe:L",
]  # fmt: skip
TEXTS = [
    "", " ", "  ", "a", " a", "a ", "a b", "a\n", "\na", "a\nb", "a\tb", "\ta", "a\r", "\xa0a",
    "a\u2003", "a\u3000", "\ufeffa", "a\u200b", "\x00", "a\x00b", "\x1fa", "a\x7f", "\x85",
    "a\x85b", "\u2028", "a\u2029b", "gr\xf6\xdfe", "\u540d\u524d", "\U0001f600", "a\U0001f600b",
    "./k.lock", "./a b.lock", " ./k", "org/repo", "org", "org/repo/x", "org/re-po",
    "org/re--po", "org/repo\n", "org/repo:L\n", "main", "v1", "a/b-c.d_e", "a~1", "original\n",
    "original ", "./k\nl:L", "./k\x00:L", "~\x7f:L", "./a\u2028b:L", "org/repo:L\u2028",
    "Original",
]  # fmt: skip
STRINGS = list(dict.fromkeys([*REFERENCES, *TEXTS, *(f"{text}:L" for text in TEXTS)]))


def with_pydantic(pattern: str) -> Callable[[str], bool]:
    adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])

    def matches(text: str) -> bool:
        try:
            adapter.validate_python(text)
        except ValidationError:
            return False
        return True

    return matches


def with_python(pattern: str) -> Callable[[str], bool]:
    expression = re.compile(pattern)
    return lambda text: expression.fullmatch(text) is not None


def with_jsonschema_rs(pattern: str) -> Callable[[str], bool]:
    return jsonschema_rs.Draft7Validator({"type": "string", "pattern": pattern}).is_valid


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("engine", [with_pydantic, with_jsonschema_rs])
def test_engines_of_python_packages(engine: Any, name: str) -> None:
    matches, expected = engine(PATTERNS[name]), with_python(PATTERNS[name])
    assert [text for text in STRINGS if matches(text) is not expected(text)] == []


def test_javascript() -> None:
    script = Path(__file__).with_name("validate.cjs")
    said = run_node(script, {"patterns": PATTERNS, "strings": STRINGS})["matches"]
    for name, pattern in PATTERNS.items():
        expected = list(map(with_python(pattern), STRINGS))
        differ = [s for s, js, py in zip(STRINGS, said[name], expected, strict=True) if js != py]
        assert (name, differ) == (name, [])


def passes(check: Callable[[Any], Any]) -> Callable[[str], bool]:
    return lambda text: not isinstance(check(text), Problem)


def goes_with(option: str) -> Callable[[str], bool]:
    return lambda text: not values.option_problems({"kernel": text, option: 1})


RULES: dict[str, Callable[[str], bool]] = {
    "ENTRY": passes(values.check_entry_string),
    "KERNEL": passes(values.check_kernel),
    "LAYER_NAME": passes(values.check_layer_name),
    "REPO_ID": is_repo_id,
    "REVISION": is_revision,
    "SCHEMA_URI": passes(values.check_schema_uri),
    "NOT_LOCAL_NOT_PINNED": goes_with("version"),
}


@pytest.mark.parametrize("name", RULES)
def test_the_rules_of_the_models(name: str) -> None:
    matches, rule = with_python(PATTERNS[name]), RULES[name]
    assert [text for text in STRINGS if matches(text) is not rule(text)] == []


def test_lock_files() -> None:
    """A character that cannot be printed escapes only where it is beyond ASCII."""
    matches, rule = with_python(PATTERNS["LOCKFILE"]), passes(values.check_lockfile)
    differ = {text for text in STRINGS if matches(text) is not rule(text)}
    assert all(not text.isascii() and matches(text) for text in differ)
    assert len(differ) <= 2


def test_options_of_local_kernels() -> None:
    """NUL is in no reference: there the pattern may say anything."""
    matches, rule = with_python(PATTERNS["NOT_LOCAL"]), goes_with("trust_remote_code")
    texts = [text for text in STRINGS if "\x00" not in text]
    assert [text for text in texts if matches(text) is not rule(text)] == []
