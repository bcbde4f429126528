"""What is written can be read again: the same config, by us and by everybody else's readers."""

from __future__ import annotations

import json
import shutil
import string
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import kernel_schema as ks
from kernel_schema.files.local_paths import anchor, detach
from kernel_schema.schema.values import is_layer_name
from tests.files.test_documents import FORMATS, UNUSUAL
from tests.strategies import config_data, configs

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.files.document import Format

# How each format reads to those who know nothing of us; PyYAML reads YAML 1.1.
OTHERS: dict[Format, Callable[[str], Any]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
}
EVERYTHING = ks.KernelConfig.model_validate(
    {
        "$schema": "./kernel-config.schema.json",
        "kernel_mapping": {
            "RMSNorm": "org/repo@v2:Norm",
            "SiLU": {"version": 1, "kernel": "org/repo:SiLU", "trust_remote_code": ["org/repo"]},
            "MLP": {
                "cuda": [
                    {"min_capability": 90, "kernel": "org/hopper:MLP", "revision": "main"},
                    {"min_capability": 75, "max_capability": 89, "inference": "org/ampere:MLP"},
                    {"kernel": "original"},
                ],
                "cpu": "original",
                "rocm": {"training": "org/repo:MLP", "fallback": {"kernel": "org/repo:MLP"}},
            },
            "Norm 2": {"kernel": "org/repo:Norm", "lockfile": "./kernels.lock"},
            "Norm3": "./kernels/norm:Norm",
            "rotary_pos_emb": "original",
        },
        "inherit_mapping": True,
    }
)
AS_YAML = """\
$schema: ./kernel-config.schema.json
kernel_mapping:
  RMSNorm: org/repo@v2:Norm
  SiLU:
    kernel: org/repo:SiLU
    version: 1
    trust_remote_code:
      - org/repo
  MLP:
    cuda:
      - min_capability: 90
        kernel: org/hopper:MLP
        revision: main
      - min_capability: 75
        max_capability: 89
        inference: org/ampere:MLP
      - kernel: original
    cpu: original
    rocm:
      training: org/repo:MLP
      fallback:
        kernel: org/repo:MLP
  Norm 2:
    kernel: org/repo:Norm
    lockfile: ./kernels.lock
  Norm3: ./kernels/norm:Norm
  rotary_pos_emb: original
inherit_mapping: true
"""
AS_TOML = """\
"$schema" = "./kernel-config.schema.json"
inherit_mapping = true

[kernel_mapping]
RMSNorm = "org/repo@v2:Norm"
SiLU = { kernel = "org/repo:SiLU", version = 1, trust_remote_code = ["org/repo"] }
"""


@pytest.fixture(params=FORMATS)
def known(request: pytest.FixtureRequest) -> str:
    return request.param


@settings(max_examples=150, deadline=None)
@given(config_data())
def test_what_is_dumped_loads_again(data: dict[str, Any]) -> None:
    config = ks.KernelConfig.model_validate(data)
    for known, read in OTHERS.items():
        text = ks.dumps(config, format=known)
        assert text.endswith("\n")
        again = ks.loads(text, format=known)
        assert again == config
        # The user's sugar is kept, and the order of what stands side by side.
        assert again.model_dump() == data
        assert list(again.kernel_mapping) == list(config.kernel_mapping)
        assert ks.dumps(again, format=known) == text
        assert read(text) == data


@pytest.mark.parametrize("name", [name for name in UNUSUAL if is_layer_name(name)])
def test_unusual_names(name: str, known: Format) -> None:
    data = {"kernel_mapping": {name: {"kernel": "org/repo:Layer", "revision": "1e3"}}}
    text = ks.dumps(ks.KernelConfig.model_validate(data), format=known)
    assert ks.loads(text, format=known).model_dump() == data
    assert OTHERS[known](text) == data


@pytest.mark.parametrize("revision", ["1", "1.10", "1e3", "0x10", "0o14", "014", "on", "null", "-"])
def test_revisions_stay_text(revision: str) -> None:
    config = ks.KernelConfig({"A": {"kernel": "org/repo:Layer", "revision": revision}})
    assert ks.loads(ks.dumps(config, format="yaml"), format="yaml") == config


def test_as_people_would_write_it() -> None:
    assert ks.dumps(EVERYTHING, format="yaml") == AS_YAML
    assert ks.dumps(EVERYTHING, format="toml").startswith(AS_TOML)
    assert json.loads(ks.dumps(EVERYTHING, format="json")) == EVERYTHING.model_dump()


def test_lines_stay_readable() -> None:
    bounds = [{"min_capability": low, "max_capability": low + 9} for low in range(0, 60, 10)]
    ranges = [{**pair, "kernel": "org/repo:Layer"} for pair in bounds]
    text = ks.dumps(ks.KernelConfig({"A": {"cuda": ranges}}), format="toml")
    assert max(map(len, text.splitlines())) <= 100


def test_an_empty_config(known: Format) -> None:
    config = ks.KernelConfig({})
    text = ks.dumps(config, format=known)
    expected = {"yaml": "kernel_mapping: {}\n", "toml": "[kernel_mapping]\n"}
    assert text == expected.get(known, '{\n  "kernel_mapping": {}\n}\n')
    assert ks.loads(text, format=known) == config


def test_equal_configs_are_the_same_bytes() -> None:
    spelt = ks.KernelConfig(
        kernel_mapping={"A": (ks.HubRef("org/repo", "L"), {"version": 1})}, inherit_mapping=True
    )
    plain = ks.KernelConfig({"A": {"kernel": "org/repo:L", "version": 1}})
    assert spelt == plain
    assert ks.dumps(spelt, format="toml") == ks.dumps(plain, format="toml")


# Names of files and directories that any system takes.
_NAMES = st.text(string.ascii_letters + string.digits + " @._-ß", min_size=1, max_size=8)
_PATHS = st.lists(_NAMES.map(lambda name: f"a{name}b"), min_size=1, max_size=3).map("/".join)


@st.composite
def absolute_configs(draw: st.DrawFn, directory: str) -> ks.KernelConfig:
    """Configs as `load` gives them, with absolute paths below a directory and elsewhere."""
    below = st.one_of(_PATHS, _PATHS.map(lambda path: f"../{path}"))
    places = {
        "local": lambda path: f"./{path}:Layer",
        "device": lambda path: {"cpu": f"./{path}:Layer", "xpu": {"kernel": f"/{path}:Layer"}},
        "mode": lambda path: {"training": {"kernel": f"./{path}:Layer"}},
        "lock": lambda path: {"kernel": "org/repo:Layer", "lockfile": path},
        "range": lambda path: {"cuda": [{"kernel": "org/repo:Layer", "lockfile": f"./{path}"}]},
    }
    chosen = draw(st.dictionaries(st.sampled_from(sorted(places)), below, min_size=1))
    mapping = {name: places[name](path) for name, path in chosen.items()}
    return anchor(ks.KernelConfig.model_validate({"kernel_mapping": mapping}), directory)


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(FORMATS))
def test_what_is_dumped_to_a_file_loads_again(data: st.DataObject, known: Format) -> None:
    with TemporaryDirectory() as directory:
        config = data.draw(absolute_configs(directory) | configs().map(_anchored(directory)))
        file = Path(directory) / f"kernels.{known}"
        ks.dump(config, file)
        assert ks.load(file) == config
        first = file.read_bytes()
        ks.dump(ks.load(file), file)
        assert file.read_bytes() == first
        # What lies below the directory of the file is written from there.
        assert f"{directory}/" not in first.decode()


def _anchored(directory: str) -> Callable[[ks.KernelConfig], ks.KernelConfig]:
    return lambda config: anchor(config, directory)


def test_file_and_kernels_move_together(tmp_path: Path, known: Format) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    home.mkdir()
    config = ks.KernelConfig(
        {
            "below": f"{home}/kernels/norm:Norm",
            "lock": {"kernel": "org/repo:Layer", "lockfile": f"{home}/kernels.lock"},
            "range": {"cuda": [{"min_capability": 90, "kernel": f"{home}/kernels/norm:Norm"}]},
            "beside": f"{tmp_path}/norm:Norm",
            "user": "~/norm:Norm",
            "not normalised": f"{home}/../norm:Norm",
        }
    )
    file = home / f"kernels.{known}"
    ks.dump(config, file)
    assert ks.load(file) == config
    shutil.copytree(home, away)
    moved = ks.load(away / file.name).model_dump()["kernel_mapping"]
    assert moved["below"] == f"{away}/kernels/norm:Norm"
    assert moved["lock"]["lockfile"] == f"{away}/kernels.lock"
    assert moved["range"]["cuda"][0]["kernel"] == f"{away}/kernels/norm:Norm"
    for stays in ("beside", "user", "not normalised"):
        assert moved[stays] == config.model_dump()["kernel_mapping"][stays]
    written = ks.read(file).config.model_dump()["kernel_mapping"]
    assert written["below"] == "./kernels/norm:Norm"
    assert written["lock"]["lockfile"] == "./kernels.lock"


def test_paths_start_at_the_file_wherever_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path)
    config = ks.KernelConfig({"A": f"{tmp_path}/configs/norm:Norm", "B": f"{tmp_path}/norm:Norm"})
    ks.dump(config, "configs/kernels.json")
    assert ks.load("configs/kernels.json") == config
    written = ks.read("configs/kernels.json").config.model_dump()["kernel_mapping"]
    assert written == {"A": "./norm:Norm", "B": f"{tmp_path}/norm:Norm"}


def test_relative_paths_are_written_as_they_are(tmp_path: Path) -> None:
    config = ks.KernelConfig({"A": "../norm:Norm", "B": "./a/../norm:Norm"})
    ks.dump(config, tmp_path / "kernels.toml")
    assert ks.read(tmp_path / "kernels.toml").config == config


@settings(max_examples=100, deadline=None)
@given(configs())
def test_detaching_undoes_anchoring(config: ks.KernelConfig) -> None:
    anchored = anchor(config, "/some/where")
    assert anchor(anchored, "/else/where") == anchored
    assert anchor(detach(anchored, "/some/where"), "/some/where") == anchored


def test_an_existing_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "kernels.yaml"
    file.write_text("x" * 10_000, encoding="utf-8")
    ks.dump(EVERYTHING, file)
    assert file.read_text(encoding="utf-8") == AS_YAML


def test_the_format_can_be_stated(tmp_path: Path) -> None:
    file = tmp_path / "kernels"
    ks.dump(EVERYTHING, file, format="yaml")
    assert file.read_text(encoding="utf-8") == AS_YAML
    assert ks.read(file, format="yaml").config == EVERYTHING


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kernels", "the format of `.*kernels` cannot be told by its ending"),
        ("kernels.txt", "cannot be told by its ending"),
        ("pyproject.toml", "holds more than a config"),
        ("missing/kernels.yaml", "cannot be written: No such file or directory"),
        ("directory.yaml", "cannot be written: Is a directory"),
        ("nul\0.yaml", "cannot be written: no path holds a null character"),
    ],
)
def test_what_cannot_be_written(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("directory.yaml").mkdir()
    with pytest.raises(ks.FileAccessError, match=said) as caught:
        ks.dump(EVERYTHING, name)
    assert [one.code for one in caught.value.diagnostics] == ["cannot-write"]
    assert sorted(tmp_path.iterdir()) == [tmp_path / "directory.yaml"]


def test_there_are_three_formats() -> None:
    with pytest.raises(ks.FileAccessError, match="`xml` is not a format: formats are yaml, json"):
        ks.dumps(EVERYTHING, format="xml")  # pyright: ignore[reportArgumentType]
