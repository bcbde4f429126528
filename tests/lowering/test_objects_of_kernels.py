"""Objects of kernels in a config: modes and devices are keys, the rest gets its spelling told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import kernels
import pytest
from kernels import (
    CUDAProperties,
    Device,
    LayerRepository,
    LocalLayerRepository,
    LockedLayerRepository,
    Mode,
    ROCMProperties,
)

import kernel_schema as ks


@pytest.fixture(autouse=True)
def _never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of a repository asks the network; that of the others is not asked for either."""

    def refuse(self: object) -> str:
        pytest.fail(f"asked a {type(self).__name__} for its text")

    for cls in (LayerRepository, LocalLayerRepository, LockedLayerRepository):
        monkeypatch.setattr(cls, "__str__", refuse)


def problems_of(entry: Any) -> list[tuple[str, str, str | None]]:
    """Code, route and help of what is wrong, which is the same in both ways to hand it over."""
    with pytest.raises(ks.ConfigError) as caught:
        ks.check({"A": entry})
    with pytest.raises(ValueError, match="validation error") as raised:
        ks.KernelConfig({"A": entry})
    assert str(raised.value)
    return [(found.code, str(found.route), found.help) for found in caught.value.diagnostics]


class TestKeys:
    @pytest.mark.parametrize("mode", ks.ModeName)
    def test_each_mode(self, mode: ks.ModeName) -> None:
        flags = Mode.FALLBACK
        if mode is not ks.ModeName.FALLBACK:
            first, *compiled = mode.kernels_name.split("|")
            flags = Mode[first] | Mode.TORCH_COMPILE if compiled else Mode[first]
        ours: Any = {mode: "o/r:L"}
        theirs: Any = {flags: "o/r:L"}
        assert ks.ModeMapping(theirs) == ks.ModeMapping(ours)
        for wrap in (lambda table: table, lambda table: {"cuda": table}):
            config = ks.KernelConfig({"A": wrap(theirs)})
            assert config == ks.KernelConfig({"A": wrap(ours)})
            assert ks.loads(ks.dumps(config, format="yaml"), format="yaml") == config

    @pytest.mark.parametrize("device", ks.DeviceType)
    def test_each_device(self, device: ks.DeviceType) -> None:
        theirs: Any = {Device(device.value): {Mode.TRAINING: "o/r:L"}}
        ours: Any = {device: {"training": "o/r:L"}}
        assert ks.DeviceMapping(theirs) == ks.DeviceMapping(ours)
        assert ks.KernelConfig({"A": theirs}) == ks.KernelConfig({"A": ours})

    def test_modes_beside_bounds(self) -> None:
        entry: Any = {"min_capability": 90, Mode.INFERENCE: "o/r:L"}
        ours: Any = {"min_capability": 90, "inference": "o/r:L"}
        listed = ks.KernelConfig({"A": {"cuda": [entry]}})
        assert listed == ks.KernelConfig({"A": {"cuda": [ours]}})
        ((code, route, _),) = problems_of({"cuda": [entry, entry]})
        assert (code, route) == ("overlapping-capability", "kernel_mapping.A.cuda[1]")

    def test_a_mode_that_kernels_never_selects(self) -> None:
        ((code, route, help_text),) = problems_of({Mode.TORCH_COMPILE: "o/r:L"})
        assert (code, route) == ("unknown-mode", "kernel_mapping.A.torch_compile")
        assert help_text == "did you mean `inference_torch_compile`?"

    @pytest.mark.parametrize(
        ("device", "spelling"),
        [
            (
                Device("cuda", CUDAProperties(75, 89)),
                "`cuda: [{min_capability: 75, max_capability: 89, kernel: ...}]`",
            ),
            (
                Device("cuda", CUDAProperties(90, sys.maxsize)),
                "`cuda: [{min_capability: 90, kernel: ...}]`",
            ),
            (
                Device("rocm", ROCMProperties(0, 94)),
                "`rocm: [{max_capability: 94, kernel: ...}]`",
            ),
        ],
    )
    def test_a_device_with_a_range_has_another_spelling(
        self, device: Device, spelling: str
    ) -> None:
        for table in ({device: "o/r:L"}, {"cpu": "original", device: "o/r:L"}):
            ((code, _, help_text),) = problems_of(table)
            assert code == "misplaced-capability"
            assert help_text == f"write the device as a list: {spelling}"

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("cuda", Device("cuda")),
            (Device("cuda"), "cuda"),
            (ks.ModeName.TRAINING, Mode.TRAINING),
            (Mode.FALLBACK, "fallback"),
        ],
    )
    def test_nothing_is_lost_where_both_stand(self, first: Any, second: Any) -> None:
        ((code, _, help_text),) = problems_of({first: "o/r:L", second: "o/r:M"})
        assert (code, help_text) == ("duplicate-key", "remove one of the two")


@pytest.fixture(scope="module")
def lockfile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("locks") / "kernels.lock"
    commit = "0123456789abcdef0123456789abcdef01234567"
    dependency = '{"repo-id": "org/repo", "version": 1}'
    text = f'[{{"dependency": {dependency}, "lock": {{"commit": "{commit}"}}}}]'
    path.write_text(text, encoding="utf-8")
    return path


class TestRepositories:
    @pytest.mark.parametrize(
        ("repository", "spelling"),
        [
            (LayerRepository("org/repo", layer_name="L", version=2), '"org/repo@v2:L"'),
            (LayerRepository("org/repo", layer_name="L", revision="main"), '"org/repo@main:L"'),
            (
                LayerRepository("o/r", layer_name="L", version=1, trust_remote_code=True),
                '{"kernel": "o/r@v1:L", "trust_remote_code": True}',
            ),
            (
                LayerRepository("o/r", layer_name="L", version=1, trust_remote_code=["o/r"]),
                '{"kernel": "o/r@v1:L", "trust_remote_code": ["o/r"]}',
            ),
            (LocalLayerRepository(Path("/kernels/norm"), layer_name="L"), '"/kernels/norm:L"'),
            (LocalLayerRepository(Path("norm/build"), layer_name="L"), '"./norm/build:L"'),
        ],
    )
    @pytest.mark.parametrize(
        "wrap",
        [
            lambda value: value,
            lambda value: {"cuda": value},
            lambda value: {Mode.INFERENCE: value},
            lambda value: {"cuda": {Mode.INFERENCE: value}},
            lambda value: {"kernel": value},
            lambda value: {"cuda": [{"min_capability": 80, "kernel": value}]},
            lambda value: (value, {"version": 1}),
        ],
    )
    def test_the_spelling_that_serves(self, repository: Any, spelling: str, wrap: Any) -> None:
        ((code, _, help_text),) = problems_of(wrap(repository))
        assert code == "invalid-kernel-reference"
        assert help_text == f"write `{spelling}`"
        # It does serve: what it spells is a config.
        ks.KernelConfig({"A": eval(spelling)})  # noqa: S307 (a literal of this test)

    def test_a_locked_one(self, lockfile: Path) -> None:
        repository = LockedLayerRepository("org/repo", layer_name="L", lockfile=lockfile)
        ((_, _, help_text),) = problems_of(repository)
        assert help_text == f'write `{{"kernel": "org/repo:L", "lockfile": "{lockfile}"}}`'

    def test_a_class_that_derives_from_one(self) -> None:
        class Own(LayerRepository):
            pass

        ((_, _, help_text),) = problems_of(Own("org/repo", layer_name="L", version=1))
        assert help_text == 'write `"org/repo@v1:L"`'

    def test_as_a_key(self) -> None:
        repository: Any = LayerRepository("org/repo", layer_name="L", version=1)
        for mapping in ({repository: "o/r:L"}, {"A": {repository: "o/r:L"}}):
            with pytest.raises(ks.ConfigError):
                ks.check(mapping)
            with pytest.raises(ValueError, match="validation error"):
                ks.KernelConfig(mapping)

    def test_the_mapping_of_kernels_itself(self) -> None:
        mapping: Any = ks.lower({"A": {"cpu": "org/repo:L"}})
        with pytest.raises(ks.ConfigError) as caught:
            ks.check(mapping)
        (problem,) = caught.value.diagnostics
        assert str(problem.route) == "kernel_mapping.A.cpu.fallback"
        assert problem.help == 'write `"org/repo@v1:L"`'


@pytest.mark.parametrize(
    ("key", "help_text"),
    [
        (("RMSNorm", "MLP"), "give each layer a kernel of its own: `RMSNorm` and `MLP`"),
        (
            (("RMSNorm", "model.layers.*.norm"), ("MLP", "model.layers.*.mlp")),
            "give each layer a kernel of its own: `RMSNorm` and `MLP`",
        ),
        ((1, ()), "give each layer a kernel of its own"),
        ((), "give each layer a kernel of its own"),
    ],
)
def test_a_fusion(key: Any, help_text: str) -> None:
    mapping: Any = {key: "org/repo:L"}
    with pytest.raises(ks.ConfigError) as caught:
        ks.check(mapping)
    with pytest.raises(ValueError, match="cannot be fused"):
        ks.KernelConfig(mapping)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.help) == ("fusion-not-supported", help_text)


def test_kernels_has_the_attributes_that_are_spelt() -> None:
    """They are private there: without one, a spelling would be less than it says."""
    repository = kernels.LayerRepository("org/repo", layer_name="L", version=1)
    assert {"_repo_id", "_version", "_revision", "_trust_remote_code"} <= vars(repository).keys()
    assert "_repo_path" in vars(LocalLayerRepository(Path("x"), layer_name="L"))
