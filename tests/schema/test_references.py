"""The grammar of references: the Hub's own rule, one parser, one formatter."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from time import process_time
from timeit import repeat
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernel_schema import ConfigError, HubRef, LocalRef, parse_kernel_ref
from kernel_schema.schema.references import MAX_VERSION, is_local, is_repo_id, is_revision
from tests.strategies import hub_refs, kernel_refs, local_refs, repo_ids, revisions

# Nearly right: what a repository id may hold, and now and then what it may not.
_PIECES = st.sampled_from(
    ("a", "B7", "_", "-", ".", "/", "--", "..", "-.", ".-", ".git", "a" * 47, "b" * 95, "c" * 97)
)
_ODD = st.sampled_from((" ", "\n", ":", "@", "+", "ö", "\u0660", "\u200b", "\\", "~", "\0"))
NEAR_REPO_IDS = st.lists(
    st.integers(0, 19).flatmap(lambda roll: _ODD if roll == 0 else _PIECES), max_size=12
).map("".join)
NEAR_REFERENCES = st.lists(
    st.one_of(_PIECES, _ODD, st.sampled_from(("@v1", "@v01", "@main", ":", ":Layer", "./", "C:/"))),
    max_size=12,
).map("".join)


@pytest.fixture(scope="module")
def hub() -> Any:
    return pytest.importorskip(
        "huggingface_hub.utils", reason="compares with the validator of huggingface_hub"
    )


@settings(max_examples=400)
@given(text=NEAR_REPO_IDS | st.text(max_size=20) | st.from_regex(r"[a.\-_/]{0,12}", fullmatch=True))
@example(text="a/b")
@example(text="a/b\n")
@example(text="a/" + "b" * 96)
@example(text="a/" + "b" * 97)
@example(text="a" * 96 + "/b")
@example(text="a" * 97 + "/b")
@example(text="a.git/b")
@example(text="a/b.git")
@example(text="_/_")
@example(text="a/b-.-c")
@example(text="a/-b")
@example(text="a//b")
@example(text="/b")
@example(text="a/")
def test_repository_ids_are_those_of_the_hub(hub: Any, text: str) -> None:
    try:
        hub.validate_repo_id(text)
    except hub.HFValidationError:
        theirs = False
    else:
        theirs = text.count("/") == 1
    assert is_repo_id(text) == theirs
    # As part of a reference the same rule holds, whatever stands around it.
    if "@" not in text and not is_local(text):
        assert parses(f"{text}:Layer") == parses(f"{text}@v1:Layer") == theirs


def parses(text: str) -> bool:
    try:
        parse_kernel_ref(text)
    except ConfigError:
        return False
    return True


@given(repo_ids())
def test_drawn_repository_ids_are_right(repo_id: str) -> None:
    assert is_repo_id(repo_id)


@given(kernel_refs())
def test_round_trip(text: str) -> None:
    ref = parse_kernel_ref(text)
    assert str(ref) == text
    assert parse_kernel_ref(str(ref)) == ref


@settings(max_examples=400)
@given(NEAR_REFERENCES | st.text())
def test_no_text_crashes_and_what_is_read_is_what_was_written(text: str) -> None:
    try:
        ref = parse_kernel_ref(text)
    except ConfigError as error:
        (found,) = error.diagnostics
        assert found.code == "invalid-kernel-reference"
        assert found.message
        # One line that any terminal can show.
        assert found.message.isprintable()
        assert (found.help or "").isprintable()
    else:
        assert str(ref) == text


@settings(max_examples=200)
@given(NEAR_REFERENCES)
def test_a_suggestion_is_always_right(text: str) -> None:
    try:
        parse_kernel_ref(text)
    except ConfigError as error:
        help_text = error.diagnostics[0].help or ""
        start, _, rest = help_text.partition("`")
        if start in {"did you mean ", "for a repository on disk write "} and "..." not in rest:
            parse_kernel_ref(rest.partition("`")[0])


@given(hub_refs())
def test_hub_references(text: str) -> None:
    ref = parse_kernel_ref(text)
    assert isinstance(ref, HubRef)
    assert ref == HubRef(ref.repo_id, ref.layer_name, version=ref.version, revision=ref.revision)
    assert ref.version is None or ref.revision is None


@given(local_refs())
def test_local_references(text: str) -> None:
    ref = parse_kernel_ref(text)
    assert isinstance(ref, LocalRef)
    assert ref == LocalRef(ref.path, ref.layer_name)


@given(revisions())
def test_revisions(text: str) -> None:
    assert is_revision(text)
    ref = parse_kernel_ref(f"org/repo@{text}:Layer")
    assert isinstance(ref, HubRef)
    assert (ref.version, ref.revision) == (None, text)


@pytest.mark.parametrize(
    ("text", "version", "revision"),
    [
        ("org/repo:L", None, None),
        ("org/repo@v0:L", 0, None),
        ("org/repo@v1:L", 1, None),
        (f"org/repo@v{MAX_VERSION}:L", MAX_VERSION, None),
        ("org/repo@v01:L", None, "v01"),
        ("org/repo@v1.0:L", None, "v1.0"),
        ("org/repo@V1:L", None, "V1"),
        ("org/repo@1:L", None, "1"),
        ("org/repo@v:L", None, "v"),
        ("org/repo@refs/pr/1:L", None, "refs/pr/1"),
        ("org/repo@0123456789abcdef:L", None, "0123456789abcdef"),
    ],
)
def test_what_follows_the_at_sign(text: str, version: int | None, revision: str | None) -> None:
    ref = parse_kernel_ref(text)
    assert ref == HubRef("org/repo", "L", version=version, revision=revision)
    assert str(ref) == text


@pytest.mark.parametrize(
    ("text", "path", "layer_name"),
    [
        ("/kernels/norm:L", "/kernels/norm", "L"),
        ("./a b@c/größe:L", "./a b@c/größe", "L"),
        ("./a:b:L", "./a:b", "L"),
        ("../norm:L", "../norm", "L"),
        ("~/norm:L", "~/norm", "L"),
        ("~:L", "~", "L"),
        ("/:L", "/", "L"),
        ("C:\\k\\norm:L", "C:\\k\\norm", "L"),
        ("C:/k/norm:L", "C:/k/norm", "L"),
        (".\\norm:L", ".\\norm", "L"),
        ("..\\norm:L", "..\\norm", "L"),
        ("./org/repo:L", "./org/repo", "L"),
    ],
)
def test_local_paths(text: str, path: str, layer_name: str) -> None:
    ref = parse_kernel_ref(text)
    assert ref == LocalRef(path, layer_name)
    assert str(ref) == text


def test_a_path_never_reads_as_a_repository_of_the_hub() -> None:
    assert str(LocalRef(PurePosixPath("./org/repo"), "L")) == "./org/repo:L"
    assert str(LocalRef("org/repo", "L")) == "./org/repo:L"
    assert str(LocalRef(".", "L")) == "./.:L"
    assert LocalRef(Path("/kernels"), "L").path == os.fspath(Path("/kernels"))
    assert LocalRef(path=Path("norm"), layer_name="L") == LocalRef("./norm", "L")


# Parts that would be read back as something else.
WRONG_PARTS: list[Any] = [
    lambda: HubRef("org/repo", "L", version=1, revision="main"),
    lambda: HubRef("org/repo", "L", revision="v1"),
    lambda: HubRef("org/repo", "L", version=True),
    lambda: HubRef("org/repo", "L", version=1.0),  # pyright: ignore[reportArgumentType]
    lambda: HubRef("org/repo", "L", version="1"),  # pyright: ignore[reportArgumentType]
    lambda: HubRef("org/repo", "L", version=-1),
    lambda: HubRef("org/repo", "L", version=10**9),
    lambda: HubRef("org/repo", "L", revision=""),
    lambda: HubRef("org/repo@main", "L"),
    lambda: HubRef("org/repo", None),  # pyright: ignore[reportArgumentType]
    lambda: LocalRef("", "L"),
    lambda: LocalRef(path=PurePosixPath("norm"), layer_name=""),
    lambda: HubRef("org/repo", ""),
    lambda: HubRef("repo", "L"),
    lambda: HubRef("./repo", "L"),
    lambda: HubRef(None, "L"),  # pyright: ignore[reportArgumentType]
    lambda: LocalRef("./norm", "a:L"),
    lambda: LocalRef("./norm", None),  # pyright: ignore[reportArgumentType]
    lambda: LocalRef("./norm", "L-x"),
    lambda: LocalRef("./no\nrm", "L"),
    lambda: LocalRef("./no\ud800rm", "L"),
]


@pytest.mark.parametrize("build", WRONG_PARTS)
def test_wrong_parts(build: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        build()
    (found,) = caught.value.diagnostics
    assert found.code == "invalid-kernel-reference"


def test_a_local_kernel_needs_a_path() -> None:
    with pytest.raises(ConfigError, match="a local kernel needs a path") as caught:
        LocalRef(path="", layer_name="L")
    assert caught.value.diagnostics[0].help == "write `.` for the working directory"


# What a search with second thoughts would take the square of its length for.
LONG = (
    "a",
    "a-",
    "-.-.",
    ".",
    "a.b",
    "a+",
    "a/",
    "/",
    ":",
    "a:",
    "@",
    " ",
    "x://",
    "--",
    ",",
    "{{",
    "${",
)


@pytest.mark.parametrize("piece", LONG)
@pytest.mark.parametrize("template", ["{}", "{}:L", "{}/repo:L", "org/repo@{}:{}", "./{}!"])
def test_time_is_linear_in_the_length(piece: str, template: str) -> None:
    def cost(length: int) -> float:
        text = template.format(*[piece * (length // len(piece))] * 2)
        # The time of this process: others on the machine do not count.
        return min(repeat(lambda: parses(text), timer=process_time, number=1, repeat=3))

    short, long = 2_500, 20_000
    # Eight times as long: 64 times the work, were it quadratic.
    assert cost(long) < 24 * max(cost(short), 1e-4)
