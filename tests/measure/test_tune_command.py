"""`kernel-schema tune`: the fastest that is right is written, what was measured beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from tests.kernel_repos import write_kernel_repository
from tests.measure.planted import SOURCE, one_thread

if TYPE_CHECKING:
    from pathlib import Path

# A layer that is slow by itself, so that noise decides nothing.
MODELS = """
import torch
from torch import nn
from tests.measure import planted
from tests.measure.planted import inputs


class Norm(planted.Norm):
    def forward(self, x):
        return [super(Norm, self).forward(x) for _ in range(20)][0]


def model():
    made = planted.model()
    made.first, made.last = Norm().eval(), Norm().eval()
    return made
"""
SLOWER = """

class VerySlow(nn.Module):
    def forward(self, x):
        return [norm(x, self.weight, self.eps) for _ in range(60)][0]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tune")
    write_kernel_repository(place / "kernels", SOURCE + SLOWER)
    (place / "tuned_models.py").write_text(MODELS, encoding="utf-8")
    (place / "configs").mkdir()
    for layer in ("Right", "Twice", "VerySlow"):
        text = f"kernel_mapping:\n  RMSNorm: ../kernels:{layer}\n"
        (place / "configs" / f"{layer.lower()}.yaml").write_text(text, encoding="utf-8")
    (place / "configs" / "empty.yaml").write_text("kernel_mapping: {}\n", encoding="utf-8")
    return place


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(folder)

    def call(file: str, *options: str, candidates: tuple[str, ...] = ()) -> Any:
        more = [word for each in candidates for word in ("--candidate", f"RMSNorm={each}")]
        spec = ("--model", "tuned_models:model", "--inputs", "tuned_models:inputs")
        with one_thread():
            code = main(["tune", f"configs/{file}", *spec, "--seconds=0", *more, *options])
        return code, *capsys.readouterr()

    return call


def entry(path: Path) -> Any:
    return ks.load(path).model_dump()["kernel_mapping"]["RMSNorm"]


def test_the_fastest_that_is_right(run: Any, folder: Path) -> None:
    candidates = ("./kernels:Twice", "./kernels:VerySlow", "./kernels:Right")
    code, out, err = run("empty.yaml", "-o", "tuned.yaml", candidates=candidates)
    assert (code, err) == (0, "")
    assert entry(folder / "tuned.yaml") == {"cpu": f"{folder}/kernels:Right"}
    text = (folder / "tuned.yaml").read_text(encoding="utf-8")
    head, measured = text.split("kernel_mapping:\n")
    assert head.startswith("# Measured by kernel-schema tune, on ")
    assert "torch " in head
    assert "# cpu, inference, float32[2, 8, 16]." in head
    lines = measured.splitlines()
    assert lines[0].startswith("  # ./kernels:Twice: not right: the kernel of `RMSNorm` is wrong")
    assert lines[1].startswith("  # ./kernels:VerySlow: ")
    assert lines[2].startswith("  # ./kernels:Right: 0.")
    assert lines[2].endswith(" on float32[2, 8, 16]; float32[2, 4, 16]")
    assert lines[3:] == ["  RMSNorm:", "    cpu: ./kernels:Right"]
    assert "  * ./kernels:Right: 0." in out


def test_an_own_entry_that_is_the_best_stays(run: Any, folder: Path) -> None:
    code, _, err = run("right.yaml", "-o", "right.toml", candidates=("./kernels:VerySlow",))
    assert (code, err) == (0, "")
    assert entry(folder / "right.toml") == {"cpu": f"{folder}/kernels:Right"}
    assert "# ./kernels:Right: 0." in (folder / "right.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "why"),
    [("twice.yaml", "is not right (the kernel"), ("veryslow.yaml", "is slower than")],
)
def test_one_that_is_worse_stays_until_it_is_to_be_replaced(
    run: Any, folder: Path, file: str, why: str
) -> None:
    code, _, err = run(file, "-q", "-o", "kept.yaml", "--force", candidates=("./kernels:Right",))
    assert code == 1
    assert "the config's own entry for `RMSNorm` is kept, and" in err
    assert why in err
    assert "./kernels:Right" not in entry(folder / "kept.yaml")["cpu"]
    assert entry(folder / "kept.yaml")["cpu"] != "original"
    code, out, err = run(file, "--replace", candidates=("./kernels:Right",))
    assert code == 0
    assert "cpu: ./kernels:Right" in out
    assert "* ./kernels:Right" in err


def test_the_original_where_nothing_is_better(run: Any, folder: Path) -> None:
    code, out, _ = run("twice.yaml", "--replace", candidates=("./kernels:Raises",))
    assert code == 0
    assert "    cpu: original\n" in out
    assert "# ./kernels:Raises: not right: " in out


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("-o", "tuned.json"), "stands in comments, which JSON has not"),
        (("--candidate", "RMSNorm"), "write LAYER=REF"),
        (("--candidate", "RMSNorm=org"), "--candidate RMSNorm=org: "),
        (("--candidate", "Other=./kernels:Right"), "the model registers no `Other`"),
        (("-o", "configs/right.yaml"), "exists: pass --force"),
    ],
)
def test_calls_that_are_wrong(run: Any, options: tuple[str, ...], text: str) -> None:
    code, out, err = run("right.yaml", *options)
    assert (code, out) == (2, "")
    assert text in err


def test_nothing_to_try(run: Any) -> None:
    code, _, err = run("empty.yaml")
    assert code == 2
    assert "there is nothing to write" in err
