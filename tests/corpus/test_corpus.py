"""Every file of the corpus gets the verdict of its folder, from the API and from the command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks
from kernel_schema.codes import catalogue
from tests.corpus.cases import FOLDERS, MODEL, ROOT, Case, cases, inside, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.model.types import Module

INVALID = FOLDERS[1:]
# Codes that a file draws by where or how large it is, not by what it says: test_load_errors.py;
# or that only the command does: tests/cli.
ELSEWHERE = {
    "capability-not-built",
    "cannot-write",
    "data-parallel",
    "file-not-found",
    "file-too-large",
    "inactive-copies",
    "invalid-override",
    "invalid-setting",
    "is-a-directory",
    "managed-by-transformers",
    "mixed-compile-regions",
    "nothing-there",
    "overridden-forward",
    "too-many-problems",
    "unknown-code",
    "unknown-format",
    "unreadable-file",
    "unused-ignore",
}
# Words of the libraries underneath and of their internals. None of them helps a user.
JARGON = re.compile(
    r"\b(?:allOf|anyOf|oneOf|datetime|dict|[dD]iscriminator|enum|Errno|frozen|Input should be|"
    r"JSONDecode\w*|loc|model_type|None|NoneType|PosixPath|pydantic|schema_uri|"
    r"string_pattern_mismatch|(?<!branch or )tags?|tomllib|Traceback|tuple|union|validat\w+|"
    r"\w+Error)\b|<class"
)


@pytest.fixture(autouse=True)
def _plain_output(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _nothing_inherited() -> Iterator[None]:
    """What other tests, or the model of the corpus, register in kernels does not last."""
    kernels = sys.modules.get("kernels")
    if kernels is None:
        yield
        return
    with kernels.use_kernel_mapping({}, inherit_mapping=False):
        yield


@pytest.fixture(scope="module")
def _kernels() -> None:
    """For `_nothing_inherited`, which must find what the model of the corpus will import."""
    pytest.importorskip("torch")
    pytest.importorskip("kernels")


def test_there_is_enough_of_each_kind() -> None:
    assert len(cases("valid")) >= 40
    assert len(cases(*INVALID)) >= 120
    assert all(cases(folder) for folder in INVALID)


@pytest.mark.parametrize("case", cases("valid"), ids=str)
def test_valid(case: Case) -> None:
    document = ks.read(case.path)
    assert ks.check(document) == ()
    assert ks.load(case.path) == document.anchored
    assert run(case) == (0, "Checked 1 file: no problems.\n", "")


@pytest.mark.parametrize("case", cases("invalid/syntax", "invalid/schema"), ids=str)
def test_unusable(case: Case) -> None:
    with pytest.raises(ks.ConfigError) as caught:
        ks.read(case.path)
    _check_output(case, caught.value.diagnostics)


@pytest.mark.parametrize("case", cases("invalid/semantic"), ids=str)
def test_semantic(case: Case) -> None:
    _check_output(case, _found(case))


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("case", cases("invalid/model"), ids=str)
def test_wrong_for_the_model(case: Case) -> None:
    from kernel_schema.integrations.models import build_model

    with inside(case.folder):
        model = build_model(MODEL)
    # The config is a good one.
    assert ks.read(case.path).config
    _check_output(case, _found(case, model))


def _found(case: Case, model: Module | None = None) -> tuple[ks.Diagnostic, ...]:
    """What the API says of a file."""
    try:
        return ks.check(ks.read(case.path), model)
    except ks.ConfigError as error:
        return error.diagnostics


def _check_output(case: Case, found: tuple[ks.Diagnostic, ...]) -> None:
    """The command prints what it is expected to, which is what the API found, in its order."""
    outcome = run(case)
    assert outcome.err == ""
    # Bytes: a carriage return in an output is one in the file.
    assert outcome.out == case.expected.read_bytes().decode(), (
        "if the output got better: python tests/corpus/update.py"
    )
    assert found
    assert outcome.code == any(one.severity is ks.Severity.ERROR for one in found)
    heads = [line for line in outcome.out.splitlines() if line.startswith(f"{case.name}:")]
    assert [head.partition("[")[2].partition("]")[0] for head in heads] == [
        one.code for one in found
    ]
    for one, head in zip(found, heads, strict=True):
        assert one.file == str(case.path)
        assert f"{one.severity}[{one.code}]: " in head
        if one.span is not None:
            assert head.startswith(f"{case.name}:{one.span.line}:{one.span.column}: ")
    places = [(one.span.line, one.span.column) for one in found if one.span is not None]
    assert places == sorted(places)
    assert len({(one.span, one.code, one.message) for one in found}) == len(found)


def test_every_code_that_a_file_can_draw_is_there() -> None:
    drawn: set[str] = set()
    for case in cases(*INVALID):
        text = case.expected.read_bytes().decode()
        heads = (line for line in text.splitlines() if line.startswith(f"{case.name}:"))
        drawn |= {head.partition("[")[2].partition("]")[0] for head in heads}
    stages = {"syntax", "file", "config", "model"}
    codes = {name for name, code in catalogue().items() if code.stage in stages}
    assert drawn == codes - ELSEWHERE


def test_every_expected_output_has_its_file() -> None:
    expected = {path for folder in INVALID for path in (ROOT / folder).glob("*.*.txt")}
    assert expected == {case.expected for case in cases(*INVALID)}


def test_no_message_speaks_of_what_is_underneath() -> None:
    for case in cases(*INVALID):
        for line in _words(case):
            assert JARGON.findall(line) == [], f"{case}: {line}"


def _words(case: Case) -> Iterator[str]:
    """Messages and helps, without what they quote from the file."""
    for line in case.expected.read_bytes().decode().splitlines():
        if line.startswith(f"{case.name}:") or " help: " in line:
            text = line.partition("]: ")[2] or line.partition("help: ")[2]
            yield " ".join(text.split("`")[::2])


@pytest.mark.parametrize(
    "case",
    [
        Case("valid", "every-form.yaml"),
        Case("valid", "pyproject.toml"),
        Case("invalid/syntax", "not-utf8.json"),
        Case("invalid/schema", "several-mistakes.toml"),
        Case("invalid/schema", "behind-wide-characters.json"),
        Case("invalid/semantic", "local-kernel-missing.yaml"),
    ],
    ids=str,
)
def test_as_a_command(case: Case) -> None:
    _check_process(case)


@pytest.mark.slow
@pytest.mark.usefixtures("_kernels")
def test_as_a_command_with_a_model() -> None:
    _check_process(Case("invalid/model", "several-findings.yaml"))


def _check_process(case: Case) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kernel_schema", *case.arguments],
        cwd=case.path.parent,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=False,
    )
    expected = case.expected.read_bytes() if case.folder != "valid" else b""
    assert done.stderr == b""
    assert done.stdout == (expected or b"Checked 1 file: no problems.\n")
    assert done.returncode == (1 if b"error[" in expected else 0)
