"""Mappings of transformers and kernels taken over: real objects, which are never asked for text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

import kernel_schema as ks
from tests.lowering.subprocesses import run_code
from tests.strategies import configs

kernels = pytest.importorskip("kernels")
transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
hub_kernels = pytest.importorskip("transformers.integrations.hub_kernels")

from kernels import (  # noqa: E402 (which may not be installed)
    CUDAProperties,
    Device,
    FuncRepository,
    LayerRepository,
    LocalFuncRepository,
    LocalLayerRepository,
    LockedLayerRepository,
    Mode,
    ROCMProperties,
)

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = """\
[{"dependency": {"repo-id": "org/repo", "version": 1},
  "lock": {"commit": "0123456789abcdef0123456789abcdef01234567"}}]
"""


@pytest.fixture(autouse=True)
def _never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of a repository asks the network."""

    def refuse(self: object) -> str:
        pytest.fail(f"asked a {type(self).__name__} for its text")

    for cls in (LayerRepository, LocalLayerRepository, LockedLayerRepository, FuncRepository):
        monkeypatch.setattr(cls, "__str__", refuse)


def hub(layer_name: str = "L", **options: Any) -> LayerRepository:
    return LayerRepository("org/repo", layer_name=layer_name, **(options or {"version": 1}))


def theirs(mapping: Any, **options: Any) -> Any:
    return transformers.KernelConfig(mapping, **options)


def lifted(mapping: Any) -> Any:
    """The layers of a mapping of kernels, as a config states them."""
    return ks.from_kernels_mapping(mapping).model_dump()["kernel_mapping"]


def taken_over(mapping: Any, **options: Any) -> Any:
    """The layers of a config of transformers, as ours states them."""
    return ks.from_transformers(theirs(mapping, **options)).model_dump()["kernel_mapping"]


def refusals(lift: Callable[[Any], Any], mapping: Any) -> list[tuple[str, str]]:
    """Codes and routes of what cannot be taken over."""
    with pytest.raises(ks.ConfigError) as caught:
        lift(mapping)
    return [(problem.code, str(problem.route)) for problem in caught.value.diagnostics]


def as_registered(mapping: Any) -> Any:
    """A mapping with one spelling for what is one to `register_kernel_mapping`."""
    return {
        layer: {
            Device(key) if isinstance(key, str) else key: entry
            if isinstance(entry, dict)
            else {Mode.FALLBACK: entry}
            for key, entry in devices.items()
        }
        for layer, devices in mapping.items()
    }


def assert_there_and_back(mapping: Any) -> ks.KernelConfig:
    """What is lifted lowers to an equal mapping, also when it was a file in between."""
    config = ks.from_kernels_mapping(mapping)
    assert as_registered(ks.lower(config)) == as_registered(mapping)
    for format in ("yaml", "json", "toml"):
        again = ks.loads(ks.dumps(config, format=format), format=format)
        assert again == config
        assert as_registered(ks.lower(again)) == as_registered(mapping)
    return config


class TestKernels:
    def test_the_whole_table_of_transformers(self) -> None:
        table = hub_kernels.get_kernel_mapping_transformers()
        assert len(table) >= 25
        config = assert_there_and_back(table)
        assert config.kernel_mapping.keys() == table.keys()

    def test_every_pin_and_every_kind(self, tmp_path: Path) -> None:
        lock = tmp_path / "kernels.lock"
        lock.write_text(LOCK, encoding="utf-8")
        repositories = [
            hub(version=0),
            hub(version=7),
            hub(revision="main"),
            hub(revision="v1"),  # which `@v1` would make a version
            hub(revision="refs/pr/1", trust_remote_code=True),
            hub(version=3, trust_remote_code=["org/repo", "org/other"]),
            LocalLayerRepository(tmp_path / "some kernel", layer_name="L"),
            LocalLayerRepository(Path("kernels/norm"), layer_name="L"),
            LocalLayerRepository(Path("../norm"), layer_name="L"),
            LockedLayerRepository("org/repo", lockfile=lock, layer_name="L"),
            LockedLayerRepository(
                "org/repo", lockfile=lock, layer_name="L", trust_remote_code=True
            ),
        ]
        mapping = {f"A{index}": {"cuda": one} for index, one in enumerate(repositories)}
        assert_there_and_back(mapping)

    def test_every_mode_and_no_kernel(self) -> None:
        modes = [
            Mode.INFERENCE,
            Mode.TRAINING,
            Mode.INFERENCE | Mode.TORCH_COMPILE,
            Mode.TRAINING | Mode.TORCH_COMPILE,
            Mode.FALLBACK,
        ]
        by_mode = {mode: hub(version=index) for index, mode in enumerate(modes)}
        assert_there_and_back({"A": {"xpu": by_mode}, "B": {"cpu": {}}})
        assert lifted({"A": {"cpu": {}}, "B": {"cpu": {Mode.FALLBACK: hub()}}, "C": {}}) == {
            "A": {"cpu": "original"},
            "B": {"cpu": "org/repo@v1:L"},
        }

    def test_ranges(self) -> None:
        mapping = {
            "A": {
                "cuda": hub(),
                Device("cuda", CUDAProperties(0, 79)): {},
                Device("cuda", CUDAProperties(80, 89)): {Mode.TRAINING: hub(version=2)},
                Device("cuda", CUDAProperties(90, sys.maxsize)): hub(revision="v1"),
                Device("rocm", ROCMProperties(90, 95)): hub(),
                Device("rocm"): hub(version=4),
            }
        }
        assert_there_and_back(mapping)
        assert lifted(mapping)["A"]["cuda"][:2] == [
            {"kernel": "org/repo@v1:L"},
            {"max_capability": 79, "kernel": "original"},
        ]

    def test_the_last_counts(self) -> None:
        mapping = {
            "A": {
                "cuda": {Mode.TRAINING: hub(version=1), Mode.TORCH_COMPILE: object()},
                Device("cuda"): FuncRepository("org/repo", func_name="f", version=1),
                Device("cuda", CUDAProperties(0, sys.maxsize)): {Mode.INFERENCE: hub(version=3)},
                Device("cpu"): hub(version=1),
                "cpu": hub(version=2),
            }
        }
        assert lifted(mapping) == {
            "A": {"cuda": {"inference": "org/repo@v3:L"}, "cpu": "org/repo@v2:L"}
        }
        with kernels.use_kernel_mapping(mapping, inherit_mapping=False):
            rules = ks.explain({}, LAYER(), device="cuda", mode="inference").layers[0].candidates
            registered = {str(each.rule.device): str(each.rule.kernel) for each in rules}
        assert registered == {"cuda": "org/repo@v3:L", "cpu": "org/repo@v2:L"}

    def test_everything_that_cannot_be_stated_at_once(self, locked_elsewhere: Any) -> None:
        class Own(LayerRepository):
            pass

        class Protocol:
            def load(self) -> Any: ...

        mapping = {
            "Good": {"cuda": hub()},
            "Function": {"cuda": FuncRepository("org/repo", func_name="f", version=1)},
            "OnDisk": {"cpu": {Mode.TRAINING: LocalFuncRepository(Path("x"), func_name="f")}},
            "Own": {"cuda": Own("org/repo", layer_name="L", version=1)},
            "Protocol": {"cuda": {Mode.INFERENCE: hub(), Mode.TRAINING: Protocol()}},
            "Locked": {"cuda": locked_elsewhere},
            "Callable": lambda *_: None,
            "PerDevice": {"cuda": lambda *_: None},
            "Never": {"cuda": {Mode.TORCH_COMPILE: hub(), Mode.INFERENCE: hub()}},
            "Text": {"cuda": {"inference": hub()}},
            ("RMSNorm", "MLP"): {"cuda": hub()},
            "Without": hub(),
            "Named": {"hip": hub()},
            "Invalid": {"cuda": hub(version="1")},
        }
        with pytest.raises(ks.ConfigError) as caught:
            ks.from_kernels_mapping(mapping)
        told = {
            str(problem.route).removeprefix("kernel_mapping."): problem.code
            for problem in caught.value.diagnostics
        }
        assert len(told) == len(caught.value.diagnostics)
        (fusion,) = (route for route, code in told.items() if code == "fusion-not-supported")
        assert "RMSNorm" in fusion
        assert told == {
            "Function.cuda": "unsupported-repository",
            "OnDisk.cpu.training": "unsupported-repository",
            "Own.cuda": "unsupported-repository",
            "Protocol.cuda.training": "unsupported-repository",
            "Locked.cuda": "unsupported-repository",
            "Callable": "unsupported-repository",
            "PerDevice.cuda": "unsupported-repository",
            "Never.cuda": "never-selected-mode",
            "Text.cuda": "never-selected-mode",
            fusion: "fusion-not-supported",
            "Without": "invalid-entry",
            "Named.hip": "unknown-device",
            "Invalid.cuda.version": "invalid-version",
        }
        assert all(problem.help for problem in caught.value.diagnostics)

    @given(configs())
    def test_what_any_config_lowers_to(self, config: ks.KernelConfig) -> None:
        """Lifted it lowers to the same, and it is a file that says so."""
        config = ks.KernelConfig(dict(config.kernel_mapping))  # without a lock, which is not there
        try:
            mapping = ks.lower(config)
        except ks.LoweringError as error:
            # Lock files that are not there, and the like.
            lacking = {one.route.steps[1] for one in error.diagnostics}
            layers = config.kernel_mapping.items()
            some: Any = {name: entry for name, entry in layers if name not in lacking}
            mapping = ks.lower(ks.KernelConfig(some))
        lifted_config = ks.from_kernels_mapping(mapping)
        assert ks.lower(lifted_config) == mapping
        assert ks.loads(ks.dumps(lifted_config, format="yaml"), format="yaml") == lifted_config

    @pytest.mark.parametrize(
        ("key", "words"),
        [
            (Mode.TORCH_COMPILE, "`Mode.TORCH_COMPILE`"),
            ("inference", "the text `inference`"),
            (ks.ModeName.INFERENCE, "the text `inference`"),
            (None, "a `NoneType`"),
        ],
    )
    def test_what_is_no_mode(self, key: Any, words: str) -> None:
        with pytest.raises(ks.ConfigError) as caught:
            lifted({"A": {"cuda": {key: hub()}}})
        (problem,) = caught.value.diagnostics
        assert problem.message == f"kernels never selects {words} as a mode"

    @pytest.mark.parametrize(
        ("properties", "code"),
        [
            ((True, 90), "invalid-capability"),
            ((-1, 90), "invalid-capability"),
            ((-1, sys.maxsize), "invalid-capability"),
            ((75, 10**6), "invalid-capability"),
        ],
    )
    def test_bounds_that_kernels_takes(self, properties: Any, code: str) -> None:
        mapping = {"A": {Device("cuda", CUDAProperties(*properties)): hub()}}
        ((told, _),) = refusals(lifted, mapping)
        assert told == code

    def test_ranges_between_which_kernels_picks_at_random(self) -> None:
        mapping = {
            "A": {
                Device("cuda", CUDAProperties(80, 90)): hub(),
                Device("cuda", CUDAProperties(85, 95)): hub(),
            }
        }
        assert [code for code, _ in refusals(lifted, mapping)] == ["overlapping-capability"]

    @pytest.mark.parametrize("mapping", [None, "org/repo:L", [], theirs({})])
    def test_no_mapping(self, mapping: Any) -> None:
        with pytest.raises(TypeError, match="`mapping` must be a mapping of kernels"):
            ks.from_kernels_mapping(mapping)

    def test_inherit_mapping(self) -> None:
        assert ks.from_kernels_mapping({}) == ks.KernelConfig({})
        alone = ks.from_kernels_mapping({}, inherit_mapping=False)
        assert alone == ks.KernelConfig({}, inherit_mapping=False)


@pytest.fixture
def locked_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LockedLayerRepository:
    """A repository whose lock file kernels finds by itself.

    It looks in what is installed with the package of its caller, which is always kernels' own.
    """
    folder = tmp_path / "locked-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: locked\nVersion: 1\n")
    (folder / "kernels.lock").write_text(LOCK, encoding="utf-8")
    (folder / "top_level.txt").write_text("kernels\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return LockedLayerRepository("org/repo", layer_name="L")


def layer(name: str) -> Any:
    return type(name, (torch.nn.Linear,), {"kernel_layer_name": name})


def LAYER() -> Any:  # noqa: N802
    return layer("A")(2, 2).eval()


class TestTransformers:
    def test_before_its_use(self) -> None:
        mapping = {
            "Plain": "org/repo:L",
            "Off": "",
            "Version": ("org/repo:L", {"version": 2, "revision": None}),
            "Trusted": ("org/repo:L", {"revision": "main", "trust_remote_code": True}),
            "Defaults": ("org/repo:L", {"version": None, "trust_remote_code": None}),
            "Devices": {
                "cuda": "org/repo:L",
                "rocm": ("org/repo:L", {"version": 3}),
                "xpu": "",
            },
        }
        assert taken_over(mapping) == {
            "Plain": "org/repo:L",
            "Off": "original",
            "Version": {"kernel": "org/repo:L", "version": 2},
            "Trusted": {"kernel": "org/repo:L", "revision": "main", "trust_remote_code": True},
            "Defaults": "org/repo:L",
            "Devices": {
                "cuda": "org/repo:L",
                "rocm": {"kernel": "org/repo:L", "version": 3},
                "xpu": "original",
            },
        }

    @pytest.mark.parametrize("compiled", [False, True])
    @pytest.mark.parametrize("training", [False, True])
    def test_after_its_use(
        self, monkeypatch: pytest.MonkeyPatch, *, training: bool, compiled: bool
    ) -> None:
        """transformers rewrites the mapping: what is left of it lowers to what was rewritten."""
        monkeypatch.setattr("transformers.utils.kernel_config.infer_device", lambda _: "cuda")
        used = theirs({"A": ("org/repo:L", {"version": 2}), "B": {"cuda": "org/b:L"}, "C": {}})
        model = torch.nn.Sequential(layer("A")(2, 2), layer("B")(2, 2)).train(training)
        used.create_compatible_mapping(model, compile=compiled)
        config = ks.from_transformers(used)
        assert ks.lower(config) == used.kernel_mapping
        mode = ("training" if training else "inference") + ("_torch_compile" if compiled else "")
        assert config.model_dump()["kernel_mapping"] == {
            "A": {"cuda": {mode: "org/repo@v2:L"}},
            "B": {"cuda": {mode: "org/b@v1:L"}},
        }

    def test_local_kernels_before_and_after(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("transformers.utils.kernel_config.infer_device", lambda _: "cuda")
        mapping = {"A": "/abs/norm:L", "B": "kernels/norm:L"}
        before = theirs(dict(mapping), use_local_kernel=True)
        assert ks.from_transformers(before).model_dump() == {
            "kernel_mapping": {"A": "/abs/norm:L", "B": "./kernels/norm:L"},
            "inherit_mapping": False,
        }
        after = theirs(dict(mapping), use_local_kernel=True)
        after.create_compatible_mapping(torch.nn.Linear(2, 2).eval())
        assert ks.lower(ks.from_transformers(after)) == after.kernel_mapping
        # What it makes of the same texts half-way, and then fails on itself.
        halfway = {"A": ("/abs/norm:L", {"version": 1, "trust_remote_code": False})}
        assert taken_over(halfway, use_local_kernel=True) == {"A": "/abs/norm:L"}
        stated = {"A": ("/abs/norm:L", {"version": 2})}
        ((code, route),) = refusals(lambda it: taken_over(it, use_local_kernel=True), stated)
        assert (code, route) == ("misplaced-option", "kernel_mapping.A.version")

    def test_inherit_mapping(self) -> None:
        assert ks.from_transformers(theirs({})) == ks.KernelConfig({})
        for options in (
            {"inherit_mapping": False},
            {"inherit_mapping": None},
            {"use_local_kernel": True},
        ):
            assert not ks.from_transformers(theirs({}, **options)).inherit_mapping

    def test_update_kernel(self) -> None:
        config = theirs({"A": "org/repo:L"})
        config.update_kernel("org/b", "B", "L", "cuda", Mode.TRAINING, revision="x", version=None)
        config.update_kernel("org/c", "C", "L", "cuda", Mode.TORCH_COMPILE)
        ((code, route),) = refusals(ks.from_transformers, config)
        assert (code, route) == ("never-selected-mode", "kernel_mapping.C.cuda")
        del config.kernel_mapping["C"]
        assert ks.from_transformers(config).model_dump()["kernel_mapping"] == {
            "A": "org/repo:L",
            "B": {"cuda": {"training": "org/b@x:L"}},
        }

    def test_fusions_and_what_transformers_takes_without_a_word(self) -> None:
        key = (("RMSNorm", "model.layers.*.norm"), ("MLP", "model.layers.*.mlp"))
        mapping = {
            key: "org/repo:L",
            "A": "a:b/c",
            "B": "org/repo:",
            "C": ("org/repo:L", {"version": "1"}),
            "D": ("org/repo:L", {"version": 1, "revision": "x"}),
            "E": {"cuda": "a/b/c:L"},
        }
        codes = [code for code, _ in refusals(taken_over, mapping)]
        assert codes == [
            "fusion-not-supported",
            "invalid-kernel-reference",
            "invalid-kernel-reference",
            "invalid-version",
            "conflicting-pins",
            "invalid-kernel-reference",
        ]

    @pytest.mark.parametrize("mapping", [[], "org/repo:L", 5])
    def test_a_mapping_of_another_kind(self, mapping: Any) -> None:
        with pytest.raises(ks.ConfigError) as caught:
            taken_over(mapping)
        assert [one.code for one in caught.value.diagnostics] == ["invalid-kernel-mapping"]

    @pytest.mark.parametrize("value", [None, {}, ks.KernelConfig({}), transformers.KernelConfig])
    def test_another_object(self, value: Any) -> None:
        with pytest.raises(TypeError, match="must be a `KernelConfig` of transformers, not"):
            ks.from_transformers(value)

    def test_one_of_ours(self) -> None:
        """What our adapter is made of is had back, not read from the mapping that it merges."""

        class Adapter(transformers.KernelConfig):
            source = ks.KernelConfig({"A": {"cpu": "org/repo:L"}})

        assert ks.from_transformers(Adapter({"B": "org/b:L"})) == Adapter.source

    def test_an_empty_text_in_a_config_of_ours_stays_a_mistake(self) -> None:
        for entry in ("", {"cuda": ""}):
            with pytest.raises(ks.ConfigError) as caught:
                ks.check({"RMSNorm": entry})
            (problem,) = caught.value.diagnostics
            assert problem.code == "invalid-kernel-reference"
            assert problem.help == "to keep the model's own forward write `original`"


THE_WHOLE_TABLE = """
import kernel_schema as ks, transformers
from tests.integrations.test_lifting import assert_there_and_back
from transformers.integrations.hub_kernels import get_kernel_mapping_transformers
config = assert_there_and_back(get_kernel_mapping_transformers())
print(transformers.__version__, len(config.kernel_mapping))
"""


@pytest.mark.slow
def test_the_whole_table_of_5_24_with_kernels_relabelled(unpacked: Path) -> None:
    done = run_code(THE_WHOLE_TABLE, first_on_path=unpacked)
    assert done.stdout.split() == ["5.24.0", "28"]
