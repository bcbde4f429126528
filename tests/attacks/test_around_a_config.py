"""What stands around a config in a bigger file is a stranger's too: it runs and expands nothing."""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.limits import MAX_BYTES
from tests.attacks.test_bounds import command

if TYPE_CHECKING:
    from pathlib import Path

PART = {
    "yaml": "trainer:\n  kernels: {kernel_mapping: {SiLU: org/repo:SiLU}}\n",
    "json": '"trainer": {"kernels": {"kernel_mapping": {"SiLU": "org/repo:SiLU"}}}',
    "toml": '\n[trainer.kernels.kernel_mapping]\nSiLU = "org/repo:SiLU"\n',
}


def bomb() -> str:
    """Aliases that stand for 10 to the power of 30 items."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"]
    lines += [
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 30)
    ]
    return "".join(lines)


def filled(piece: str, size: int) -> str:
    return piece * (size // len(piece) - 10)


AROUND = {
    "alias-bomb.yaml": lambda size: (
        bomb() + filled("# more\n", size) + PART["yaml"] + "  bomb: *a29\nlast: {<<: *a29}\n"
    ),
    "merged-into-itself.yaml": lambda size: (
        "a: &a {<<: *a, b: *a}\n" + PART["yaml"] + filled("  <<: *a\n", size)
    ),
    "many-anchors.yaml": lambda size: (
        "list:\n"
        + filled("- &a !!python/name:os.system {1: 1, 1: 1, ? [a] : *a}\n", size)
        + PART["yaml"]
    ),
    "many-keys.json": lambda size: (
        "{" + filled('"a": NaN, "\\ud800": 1e999, ', size) + PART["json"] + "}"
    ),
    "many-numbers.toml": lambda size: f"a = [{filled('1e999, ', size)}]{PART['toml']}",
}


@pytest.mark.parametrize(
    "size", [20_000, pytest.param(MAX_BYTES - 20_000, marks=pytest.mark.thorough)]
)
def test_they_cost_no_more_than_their_size(size: int, tmp_path: Path) -> None:
    for name, text in AROUND.items():
        (tmp_path / name).write_text(text(size))
    ran = command("check", *AROUND, "--at", "trainer.kernels", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "Checked 5 files: no problems.\n")
    ran = command("check", *AROUND, cwd=tmp_path)
    assert ran.returncode == 1
    assert ran.stdout.count("help: pass `--at trainer.kernels`") == 5
    ran = command("check", *AROUND, "--at", "trainer.x", cwd=tmp_path)
    assert ran.returncode == 1
    assert ran.stdout.count("nothing-there") == 5
    assert len(ran.stdout) < 5000


@pytest.mark.parametrize(
    "text",
    [
        PART["yaml"] + "a: " + "[" * 200_000,
        "a: " + "{b: " * 100_000 + "\n" + PART["yaml"],
        "a:\n" + "".join(" " * level + "- a:\n" for level in range(1, 2000)) + PART["yaml"],
        "? " * 5000 + "a\n",
    ],
)
def test_depth_is_bounded_everywhere(text: str) -> None:
    with pytest.raises(ks.ConfigError) as caught:
        ks.loads(text, format="yaml", at="trainer.kernels")
    assert {each.code for each in caught.value.diagnostics} <= {"too-deep", "syntax-error"}


def test_objects_are_never_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"""\
a: !!python/object/apply:os.system ["touch made"]
b: !!python/object/new:subprocess.Popen [["touch", "made"]]
c: !!python/module:antigravity
{PART["yaml"]}  d: !!python/object/apply:pathlib.Path.touch ["made"]
"""
    (tmp_path / "k.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    for at in (["--at", "trainer.kernels"], ["--at", "a"], []):
        main(["check", "k.yaml", *at])
    assert [path.name for path in tmp_path.iterdir()] == ["k.yaml"]


def test_a_long_route_costs_no_more_than_its_length(tmp_path: Path) -> None:
    (tmp_path / "k.yaml").write_text(PART["yaml"])
    code = (
        "import kernel_schema as ks\n"
        "at = '.'.join(['trainer'] * 500_000)\n"
        "try: ks.load('k.yaml', at=at)\n"
        "except ks.ConfigError as error: print(len(str(error)), error)\n"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=limit,
    )
    assert "there is no `trainer.trainer`" in ran.stdout
    assert int(ran.stdout.split()[0]) < 500


@pytest.mark.parametrize("name", ["a\x1b[31m", "\u202e", "::error::", "##[error]", "x" * 2000])
def test_keys_and_routes_are_shown_as_escapes(name: str) -> None:
    for at in ((name,), ("a", name)):
        with pytest.raises(ks.ConfigError) as caught:
            ks.loads("a: {b: 1}", format="yaml", at=at)
        assert all(line.isprintable() for line in str(caught.value).splitlines())
        assert len(str(caught.value)) < 500
