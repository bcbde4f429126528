"""`kernel-schema env`: every fact in a process of its own, where it is set before Python starts."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("kernels", reason="what is told is what is installed")

from kernel_schema import __version__
from kernel_schema.integrations import survey as survey_module
from kernel_schema.integrations.survey import Fact, survey
from tests.cli.models import call
from tests.lowering.subprocesses import run_python

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    "kernel_schema",
    "kernels",
    "torch",
    "capability",
    "transformers",
    "USE_HUB_KERNELS",
    "DISABLE_KERNEL_MAPPING",
    "HF_HUB_OFFLINE",
    "LOCAL_KERNELS",
    "KERNELS_CACHE",
    "HF_ENDPOINT",
    "KERNEL_SCHEMA_POLICY",
]


def facts(*, first_on_path: Path | None = None, **variables: str) -> dict[str, dict[str, Any]]:
    """What the command says in a process of its own, by name."""
    arguments = ("-m", "kernel_schema", "env", "--output-format", "json")
    done = run_python(*arguments, first_on_path=first_on_path, **variables)
    assert done.returncode == 0, done.stderr
    shape = json.loads(done.stdout)
    assert list(shape) == ["version", "facts"]
    assert shape["version"] == 1
    for fact in shape["facts"]:
        assert list(fact) == ["name", "value", "effect", "fix"]
    return {fact["name"]: fact for fact in shape["facts"]}


@pytest.mark.slow
def test_as_it_is() -> None:
    pytest.importorskip("transformers", reason="this is about all four packages")
    found = facts()
    assert list(found) == NAMES
    assert found["kernel_schema"]["value"] == __version__
    for name in ("kernels", "torch", "transformers"):
        assert found[name]["value"] is not None
        assert found[name]["fix"] is None
    assert found["transformers"]["effect"] == "registers layers, and takes the kernels installed"


STANDS_IN = "a directory stands in for org/repo, org/other, whatever version a config names"


@pytest.mark.slow
def test_every_variable_in_the_way(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="one of them is a variable of transformers")
    found = facts(
        USE_HUB_KERNELS="banana",
        DISABLE_KERNEL_MAPPING="1",
        HF_HUB_OFFLINE="1",
        LOCAL_KERNELS=f"org/repo={tmp_path}:org/other=/nowhere",
        KERNELS_CACHE=str(tmp_path),
        HF_ENDPOINT="http://127.0.0.1:1",
    )
    told = {name: (found[name]["effect"], found[name]["fix"]) for name in NAMES[5:]}
    assert told == {
        "USE_HUB_KERNELS": (
            "off: transformers registers no layer of any model",
            "unset USE_HUB_KERNELS, or set it to 1, before Python starts",
        ),
        "DISABLE_KERNEL_MAPPING": (
            "DISABLE_KERNEL_MAPPING is set: the kernels library keeps every original forward",
            "unset DISABLE_KERNEL_MAPPING, or set it to 0, before Python starts",
        ),
        "HF_HUB_OFFLINE": (
            "kernels come from the cache only: one that is not there cannot be loaded",
            "unset HF_HUB_OFFLINE to let kernels be downloaded",
        ),
        "LOCAL_KERNELS": (
            f"{STANDS_IN}; there is no directory /nowhere",
            "unset LOCAL_KERNELS to run what the config says",
        ),
        "KERNELS_CACHE": (f"kernels are kept in {tmp_path.resolve()}", None),
        "HF_ENDPOINT": ("kernels come from there", None),
        "KERNEL_SCHEMA_POLICY": ("no policy says which kernels may run", None),
    }
    # transformers says the same in its own words.
    assert "USE_HUB_KERNELS is off" in found["transformers"]["effect"]
    assert found["transformers"]["fix"] == told["USE_HUB_KERNELS"][1]


@pytest.mark.slow
def test_kernels_cannot_be_imported_for_a_variable() -> None:
    found = facts(DISABLE_KERNEL_MAPPING="yes")
    assert found["DISABLE_KERNEL_MAPPING"]["effect"] == (
        "not a number: the kernels library cannot be imported"
    )
    assert found["kernels"]["effect"].startswith("the kernels library cannot be imported: ")
    fix = "unset DISABLE_KERNEL_MAPPING, or set it to 0, before Python starts"
    assert found["kernels"]["fix"] == found["DISABLE_KERNEL_MAPPING"]["fix"] == fix


def distribution(site: Path, name: str, version: str) -> Path:
    """A distribution of which only the version is there."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(text, encoding="utf-8")
    return site


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0.14.1", "0.99.0"])
def test_kernels_and_transformers_do_not_fit(tmp_path: Path, version: str) -> None:
    pytest.importorskip("transformers", reason="this is about transformers")
    found = facts(first_on_path=distribution(tmp_path, "kernels", version))
    assert found["kernels"]["value"] == version
    said = found["transformers"]
    assert "switched kernels off, so that no model registers any layer" in said["effect"]
    assert f"kernels {version} is installed" in said["effect"]
    assert said["fix"].startswith("pip install 'kernels>=")


def test_without_torch(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('no torch', name='torch')\n")
    found = facts(first_on_path=tmp_path)
    assert found["torch"]["effect"] == "cannot be imported: there is no such module"
    assert found["torch"]["fix"] == "pip install 'kernel-schema[torch]'"
    assert "capability" not in found
    assert found["transformers"]["effect"].startswith(("cannot be imported", "sees no torch"))


def test_broken_packages(tmp_path: Path) -> None:
    for name in ("torch", "kernels", "transformers"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} is broken')\n")
    found = facts(first_on_path=tmp_path)
    for name in ("torch", "kernels", "transformers"):
        assert f"{name} is broken" in found[name]["effect"]
        assert found[name]["value"] is not None


def test_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey_module, "version_of", lambda _: None)
    # As Python itself marks what cannot be imported.
    monkeypatch.setitem(sys.modules, "torch", None)
    found = {fact.name: fact for fact in survey()}
    assert found["kernels"] == Fact(
        "kernels",
        None,
        "not installed: configs can be checked, and not applied",
        "pip install 'kernel-schema[torch]'",
    )
    assert found["torch"].fix == "pip install 'kernel-schema[torch]'"
    assert found["transformers"].effect == "not installed: needed for its own models only"


@pytest.mark.parametrize(
    ("name", "value", "effect", "in_the_way"),
    [
        ("USE_HUB_KERNELS", "yes", "transformers registers the layers of its models", False),
        ("USE_HUB_KERNELS", "", "off: transformers registers no layer of any model", True),
        ("HF_HUB_OFFLINE", "0", "kernels are downloaded where the cache has none", False),
        ("HF_HUB_OFFLINE", "banana", "kernels are downloaded where the cache has none", False),
        ("LOCAL_KERNELS", "org/repo", "cannot be read: no kernel of the Hub can be loaded", True),
        ("LOCAL_KERNELS", "", "cannot be read: no kernel of the Hub can be loaded", True),
        ("HF_ENDPOINT", "", "kernels come from the Hugging Face Hub", False),
    ],
)
def test_values(
    name: str, value: str, effect: str, in_the_way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    found = {fact.name: fact for fact in survey()}[name]
    assert (found.value, found.effect, found.fix is not None) == (value, effect, in_the_way)


def test_local_kernels_is_read_as_kernels_does(tmp_path: Path) -> None:
    kernels_load = pytest.importorskip("kernels.load", reason="this is about kernels")
    text = f"org/repo={tmp_path}:org/other=/nowhere"
    assert list(kernels_load._parse_local_kernel_overrides(text)) == ["org/repo", "org/other"]
    for wrong in ("", "org/repo", f"org/repo={tmp_path}:"):
        with pytest.raises(ValueError, match="Invalid LOCAL_KERNELS"):
            kernels_load._parse_local_kernel_overrides(wrong)


@pytest.mark.parametrize("columns", ["60", "200"])
def test_text(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert call("env") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= int(columns)
    assert out.startswith(f"kernel_schema {__version__}\n  on Python ")
    assert "HF_ENDPOINT not set\n  kernels come from the Hugging Face Hub\n" in out
    assert "HF_HUB_OFFLINE 1\n  kernels come from the cache only" in out
    assert "  help: unset HF_HUB_OFFLINE to let kernels be downloaded\n" in out


def test_wrong_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("env", "--output-format", "xml") == 2
    assert call("env", "more") == 2
    assert "Traceback" not in capsys.readouterr().err


def _told(name: str) -> Fact:
    return next(fact for fact in survey() if fact.name == name)


def test_the_folder_of_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELS_CACHE", str(tmp_path / "none"))
    expected = f"kernels are kept in {tmp_path / 'none'}; nothing is there yet"
    assert _told("KERNELS_CACHE").effect == expected
    monkeypatch.delenv("KERNELS_CACHE")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    expected = f"kernels are kept in {tmp_path}, the cache of huggingface_hub"
    assert _told("KERNELS_CACHE").effect == expected


def test_the_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.yaml"
    monkeypatch.setenv("KERNEL_SCHEMA_POLICY", str(path))
    assert "nothing is checked, fetched or put in place" in _told("KERNEL_SCHEMA_POLICY").effect
    path.write_text("require_lock: true\n", encoding="utf-8")
    assert _told("KERNEL_SCHEMA_POLICY").fix is None
