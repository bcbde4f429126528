"""`# kernel-schema: ignore[code]`: what it leaves out, and what is said where it does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from tests.cli.checking import in_a_folder_of_its_own, run

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["in_a_folder_of_its_own"]  # a fixture

MARK = "# kernel-schema: ignore[missing-local-kernel]"


def found(
    capsys: pytest.CaptureFixture[str], file: Path, text: str, *options: str
) -> list[tuple[int, str]]:
    """What is found in a text: lines and codes."""
    file.write_text(text, encoding="utf-8", newline="")
    _, out, err = run(capsys, file.name, "--output-format", "concise", "-q", *options)
    assert err == ""
    rows = [line.removeprefix(f"{file.name}:").split(":", 3) for line in out.splitlines()]
    return [(int(line), rest[rest.index("[") + 1 : rest.index("]")]) for line, _, rest, *_ in rows]


LEFT_OUT = [
    f"kernel_mapping:\n  A: ./gone:L  {MARK}\n",
    f"kernel_mapping:\n  {MARK}\n  A: ./gone:L\n",
    f"kernel_mapping:\n{MARK}: until it is built\n\n  # and another\n  A: ./gone:L\n",
    f"kernel_mapping:\r\n  A: ./gone:L # see #12 {MARK}\r\n",
    f"\ufeffkernel_mapping: {{A: './gone:L'}} {MARK}",
    "kernel_mapping:\n  A: ./gone:L # kernel-schema:ignore[ missing-*,unregistered-layer ]\n",
    f"kernel_mapping:\n  A:\n    cuda: './gone:L' {MARK}\n    # x\n    cpu: ['./gone:L']\n".replace(
        "['./gone:L']", "o/r:L"
    ),
]


@pytest.mark.parametrize("text", LEFT_OUT)
def test_left_out(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(capsys, tmp_path / "k.yaml", text) == []
    codes = [code for _, code in found(capsys, tmp_path / "k.yaml", text, "--no-ignore-comments")]
    assert codes == ["missing-local-kernel"]


@pytest.mark.parametrize(
    "comment",
    [
        *(
            "# kernel_schema: ignore[{0}]",
            "# Kernel-Schema: Ignore[{0}]",
            "#kernelschema:ignore[{0}]",
        ),
        *(
            "# kernel-schema: ignore({0})",
            "# kernel-schema: ignore {0}",
            "# kernel-schema: ignore={0}",
        ),
        *(
            "# kernel-schema ignore[{0}]",
            "# kernel-schema: ignores[{0}]",
            "# kernel-schema: off[{0}]",
        ),
        *("# kernel-schema: ignore-next-line[{0}]", "# kernel-schema: disable={0}"),
        "# kernel-schema: ignore[{0}",
    ],
)
def test_what_is_written_elsewhere(
    comment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = comment.format("missing-local-kernel")
    text = f"kernel_mapping:\n  A: ./gone:L  {written} # x\n"
    codes = [code for _, code in found(capsys, tmp_path / "k.yaml", text)]
    assert sorted(codes) == ["missing-local-kernel", "unused-ignore"]
    assert found(capsys, tmp_path / "k.yaml", text, "--fix", "--unsafe-fixes") == []
    assert (tmp_path / "k.yaml").read_text() == text.replace(written, MARK)


@pytest.mark.parametrize(
    "comment",
    ["# noqa", "# type: ignore[x]", "# kernel-schema: see there", "# about kernel-schema"],
)
def test_other_comments_are_no_matter_of_ours(
    comment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found(capsys, tmp_path / "k.yaml", f"kernel_mapping: {{}}  {comment}\n") == []


TOML = [
    f"[kernel_mapping]\nA = './gone:L' {MARK}\n",
    f"[kernel_mapping]\n{MARK}\nA = './gone:L'\n",
    f"{MARK}\nkernel_mapping = {{'a # b' = './gone:L'}}#x{MARK}\n",
]


@pytest.mark.parametrize("text", TOML)
def test_left_out_of_toml(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left = [code for _, code in found(capsys, tmp_path / "k.toml", text)]
    assert set(left) <= {"unused-ignore"}
    (tmp_path / "pyproject.toml").write_text("")
    table = text.replace("kernel_mapping", "tool.kernel-schema.kernel_mapping", 1)
    other = f"[project]\ndescription = '{MARK}'\n" * (not text.startswith("#"))
    assert found(capsys, tmp_path / "pyproject.toml", f"{other}{table}")[len(left) :] == []


NO_COMMENTS = [
    f"kernel_mapping:\n  'A {MARK}': ./gone:L\n",
    f'kernel_mapping:\n  A: "./gone {MARK}:L"\n',
    f"kernel_mapping:\n  A: >-\n    ./gone\n    {MARK}:L\n",
    f"kernel_mapping:\n  A: |-\n    ./gone\n    {MARK}\n",
    "kernel_mapping:\n  A: ./gone#kernel-schema:L\n",
]


@pytest.mark.parametrize("text", NO_COMMENTS)
def test_what_is_no_comment(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [code for _, code in found(capsys, tmp_path / "k.yaml", text)]
    assert codes
    assert set(codes) <= {
        *("missing-local-kernel", "invalid-kernel-reference", "invalid-layer-name"),
        "unlikely-layer-name",  # of the brackets in it
    }


def test_what_is_of_no_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        f"kernel_mapping:\n  A: o/r:L {MARK}\n"
        "  B: ./gone:L # kernel-schema: ignore[missing-lockfile]\n"
        "  C: ./gone:L # kernel-schema: ignore[mising-local-kernel, missing-local-kernel]\n"
        "  D: o/r:L # kernel-schema: ignore\n"
        "  E: o/r:L # kernel-schema: ignore[]\n"
        # Found with a model only.
        "  F: o/r:L # kernel-schema: ignore[unregistered-layer]\n"
        f"{MARK}\n"
    )
    file = tmp_path / "k.yaml"
    assert found(capsys, file, text) == [
        (2, "unused-ignore"),
        (3, "missing-local-kernel"),
        (3, "unused-ignore"),
        (4, "unknown-code"),
        (5, "unused-ignore"),
        (6, "unused-ignore"),
        (8, "unused-ignore"),
    ]
    _, out, _ = run(capsys, "k.yaml", "--output-format", "concise")
    assert "k.yaml:8:25: warning[unused-ignore]: nothing stands below this comment (" in out
    _, out, _ = run(capsys, "k.yaml", "--output-format", "concise", "--select", "unknown-code")
    assert out == (
        "k.yaml:4:39: warning[unknown-code]: there is no code `mising-local-kernel` "
        "(did you mean `missing-local-kernel`?)\n"
        "Checked 1 file: found 1 warning. `--unsafe-fixes` guesses 1.\n"
    )
    # What is not looked for is not missed.
    options = ("--ignore", "missing-l*,unknown-code")
    assert [line for line, _ in found(capsys, file, text, *options)] == [5, 6]
    assert [code for _, code in found(capsys, file, text, "--off", "unused-ignore")] == [
        "missing-local-kernel",
        "unknown-code",
    ]


def test_what_makes_a_config_unusable_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "kernel_mapping:\n"
        "  A: {cdua: o/r:L} # kernel-schema: ignore[unknown-device]\n"
        f"  B: ./gone:L {MARK}\n"
    )
    assert found(capsys, tmp_path / "k.yaml", text) == [(2, "unknown-device"), (2, "unused-ignore")]
    _, out, _ = run(capsys, "k.yaml", "--output-format", "concise")
    assert "`unknown-device` makes a config unusable: it cannot be left out" in out


UNUSED = [
    (f"kernel_mapping:\n  A: o/r:L  {MARK}\n", "kernel_mapping:\n  A: o/r:L\n"),
    (f"kernel_mapping:\r\n  {MARK}\r\n  A: o/r:L\r\n", "kernel_mapping:\r\n  A: o/r:L\r\n"),
    (f"\ufeff{MARK} until it is built\nkernel_mapping: {{}}", "\ufeffkernel_mapping: {}"),
    (f"kernel_mapping: {{}}\n  {MARK}", "kernel_mapping: {}\n"),
    (f"kernel_mapping: {{}}  # ours {MARK}\n", "kernel_mapping: {}  # ours\n"),
    (f"kernel_mapping: {{}}  {MARK} # ours \n", "kernel_mapping: {}  # ours \n"),
    (
        f"kernel_mapping:\n  A: ./gone:L {MARK[:-1]}, missing-lockfile]\n",
        f"kernel_mapping:\n  A: ./gone:L {MARK}\n",
    ),
    (
        "kernel_mapping:\n  A: ./gone:L # kernel-schema: ignore[missing-lockfile, missing-l*]\n",
        "kernel_mapping:\n  A: ./gone:L # kernel-schema: ignore[missing-l*]\n",
    ),
    (
        f"kernel_mapping:\n  A: o/r:L {MARK[:-1]}, unlikely-*, missing-l*]\n",
        "kernel_mapping:\n  A: o/r:L\n",
    ),
    # What cannot be used yet may need it once it can.
    (
        f"kernel_mapping:\n  A: {{hip: './gone:L'}} {MARK}\n",
        f"kernel_mapping:\n  A: {{rocm: './gone:L'}} {MARK}\n",
    ),
    (
        "kernel_mapping:\n  A: {hip: o/r:L} # kernel-schema: ignore[unknown-device]\n",
        "kernel_mapping:\n  A: {rocm: o/r:L}\n",
    ),
]


@pytest.mark.parametrize(("text", "mended"), UNUSED)
def test_what_is_of_no_use_is_taken_away(
    text: str, mended: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "k.yaml"
    assert found(capsys, file, text, "--fix") == []
    assert file.read_bytes().decode() == mended


def test_a_code_that_is_none_is_a_guess(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "kernel_mapping:\n  A: ./gone:L # kernel-schema: ignore[mising-local-kernel]\n"
    file = tmp_path / "k.yaml"
    assert found(capsys, file, text, "--fix")
    assert file.read_text() == text
    assert found(capsys, file, text, "--fix", "--unsafe-fixes") == []
    assert file.read_text() == text.replace("mising", "missing")


def test_with_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("kernels", reason="a model, and what it registers, needs kernels")
    (tmp_path / "toy.py").write_text(
        "from torch import nn\n\ndef build():\n    return nn.Sequential(nn.Identity()).eval()\n"
    )
    text = "kernel_mapping:\n  A: o/r:L # kernel-schema: ignore[{}]\n"
    model = ("--model", "toy:build", "--device", "cpu")
    for code in ("unregistered-layer", "unregistered-*"):
        assert found(capsys, tmp_path / "k.yaml", text.format(code), *model) == []
    unused = found(capsys, tmp_path / "k.yaml", text.format("mixed-signatures"), *model)
    assert unused == [(2, "unregistered-layer"), (2, "unused-ignore")]


PIECES = [
    "kernel_mapping:", "\n", "  A: ", "  B:", "    cuda: ", "o/r:L", "'#'", '"a # b"', "# c",
    " # d", "|-", "{", "}", "[", "]", "#", ",", "kernel_mapping = ", "[kernel_mapping]",
    "'''\n#\n'''", MARK,
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(["yaml", "toml"]))
def test_a_text_without_its_comments_says_the_same(text: str, format_: str) -> None:
    try:
        document = ks.loads_document(text, format=format_)  # type: ignore[arg-type]
    except ks.ConfigError:
        return
    lines = document.text.split("\n")
    for comment in reversed(document.comments):
        span = comment.span
        line = lines[span.line - 1]
        assert line[span.column - 1 :].startswith("#")
        lines[span.line - 1] = line[: span.column - 1] + line[span.end_column - 1 :]
    bare = ks.loads_document("\n".join(lines), format=format_)  # type: ignore[arg-type]
    assert bare.config == document.config
    assert bare.comments == []
