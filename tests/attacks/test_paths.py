"""A config names paths, and nothing but `kernelize` goes to other machines or users for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

import kernel_schema as ks
from kernel_schema.paths import home_path, is_network_path, names_a_user
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.lowering.subprocesses import run_code

NETWORK = [
    "//host.example/share/x",
    "\\\\host.example\\share\\x",
    "//?/UNC/host.example/share/x",
    "\\\\?\\UNC\\host.example\\share\\x",
    "\\\\.\\pipe\\x",
    "//./pipe/x",
    "\\\\host.example@SSL\\DavWWWRoot\\x",
]
# Valid for a lock file only: a reference starts in fewer ways.
ODD = ["/\\host.example\\share\\x", "\\/host.example/share/x", "\\??\\UNC\\host.example\\x"]
NEAR = [
    "/host/share",
    "./host//x",
    "C:\\host",
    "C:/host",
    "host//share",
    ".\\\\host",
    "~//host",
    "\\x",
]


@pytest.mark.parametrize("path", [*NETWORK, *ODD])
def test_what_is_on_another_machine(path: str) -> None:
    assert is_network_path(path)
    entries: dict[str, Any] = {"B": {"kernel": "org/repo:L", "lockfile": path}}
    if path in NETWORK:
        entries["A"] = f"{path}:L"
    config = ks.KernelConfig(entries)
    assert ks.check(config) == ()
    for format in ("yaml", "json", "toml"):
        assert ks.loads(ks.dumps(config, format=format), format=format) == config


@pytest.mark.parametrize("path", NEAR)
def test_what_is_not(path: str) -> None:
    assert not is_network_path(path)
    assert not is_network_path(str(home_path(path)))


# Every way in which Python asks the system for a path: `os.stat` raises no audit event.
TRACER = """
    import os, sys, io, json, contextlib
    asked = []
    def note(path):
        with contextlib.suppress(TypeError):
            text = os.fsdecode(path) if not isinstance(path, int) else ""
            if "host.example" in text or "~" in text:
                asked.append(text)
    def watched(function):
        def watch(path=".", *arguments, **options):
            note(path)
            return function(path, *arguments, **options)
        return watch
    for name in ("stat", "lstat", "access", "open", "scandir", "listdir", "readlink"):
        setattr(os, name, watched(getattr(os, name)))
    sys.addaudithook(lambda event, values: event == "open" and note(values[0]))
    import pwd
    def looked_up(name):
        asked.append(f"user {name}")
        raise KeyError(name)
    pwd.getpwnam = looked_up

    import kernel_schema as ks
    from kernel_schema.cli.main import main
    def quietly(call):
        with contextlib.suppress(ks.KernelSchemaError), contextlib.redirect_stdout(io.StringIO()):
            call()
"""
COMMANDS = """
    for command in (
        ["check", FILE], ["check", FILE, "--model", MODEL], ["convert", FILE, "--to", "json"],
        ["diff", FILE, FILE], ["diff", FILE, FILE, "--model", MODEL], ["attach", FILE],
        ["explain", FILE, "--model", MODEL],
        ["explain", FILE, "--model", MODEL, "--layer", "RMSNorm"],
    ):
        quietly(lambda: main(command))
    from kernel_schema.demo.model import build_model
    model = build_model()
    for config in (ks.load(FILE), ks.read(FILE)):
        quietly(lambda: ks.check(config, model))
        quietly(lambda: ks.explain(config, model))
        quietly(lambda: ks.lower(config, device="cpu"))
        quietly(lambda: ks.use_kernel_config(config).__enter__())
    config = ks.load(FILE)
    quietly(lambda: config.create_compatible_mapping(model))
    quietly(lambda: config.sanitize_kernel_mapping(model))
    quietly(lambda: (hash(config), repr(config), config.digest(), ks.dump(config, FILE)))
    assert not asked, sorted(set(asked))[:9]
"""


def written(path: Any, local: list[str], locks: list[str]) -> str:
    """A config file that names these paths; its path as Python."""
    layers: dict[str, Any] = {f"L{index}": f"{one}:Norm" for index, one in enumerate(local)}
    layers["RMSNorm"] = {"cpu": dict.fromkeys(("inference", "training"), f"{local[0]}:Norm")}
    for index, one in enumerate(locks):
        layers[f"K{index}"] = {"kernel": "org/repo:Norm", "lockfile": one}
    file = path / "kernels.json"
    file.write_text(json.dumps({"kernel_mapping": layers}))
    return f"    FILE, MODEL = {str(file)!r}, 'kernel_schema.demo.model:build_model'\n"


@pytest.mark.slow
class TestNothingIsAskedFor:
    @pytest.fixture(autouse=True)
    def _needed(self) -> None:
        pytest.importorskip("kernels")
        pytest.importorskip("pwd")

    def test_on_other_machines(self, tmp_path: Any) -> None:
        run_code(TRACER + written(tmp_path, NETWORK, [*NETWORK, *ODD]) + COMMANDS)

    def test_in_homes_of_other_users(self, tmp_path: Any) -> None:
        users = [f"~user{index}" for index in range(50)]
        run_code(TRACER + written(tmp_path, users, [f"{user}/k.lock" for user in users]) + COMMANDS)

    def test_but_by_kernelize(self, tmp_path: Any) -> None:
        # What the tests above see nothing of is seen where it happens.
        code = """
            from kernel_schema.demo.model import build_model
            options = {"ignore": ["unregistered-layer"]}
            quietly(lambda: ks.kernelize(build_model(), ks.load(FILE), **options))
            assert set(asked) == {"//host.example/k.lock"}, asked
        """
        setup = written(tmp_path, ["//host.example/norm"], ["//host.example/k.lock"])
        run_code(TRACER + setup + _indented(code))


def _indented(code: str) -> str:
    return code.replace("\n            ", "\n    ")


class TestHomes:
    def test_our_own_is_found(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        for path in ("~/norm", "~//norm", "~\\norm"):
            assert home_path(path) == tmp_path / "norm"
        assert home_path("~") == home_path("~/") == tmp_path
        # Where home is the root of all, `~//host` must not become the name of a machine.
        monkeypatch.setenv("HOME", "/")
        assert str(home_path("~//host/x")) == "/host/x"

    @pytest.mark.parametrize(
        "path", ["~root", "~root/norm", "~root\\norm", "~nosuchuser/norm", "~ /x"]
    )
    def test_that_of_others_is_not(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert names_a_user(path)
        config = ks.KernelConfig(
            {"A": f"{path}:L", "B": {"kernel": "org/repo:L", "lockfile": path}}
        )
        assert ks.loads(ks.dumps(config, format="toml"), format="toml") == config
        found = ks.check(config)
        assert [one.code for one in found] == ["missing-local-kernel", "missing-lockfile"]
        assert {one.help for one in found} == {"write the folder out"}

    def test_not_even_where_a_folder_has_that_name(
        self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        write_kernel_repository(tmp_path / "~bob" / "norm", [KernelLayer("L", "x")])
        (tmp_path / "~bob" / "k.lock").touch()
        config = {"A": "~bob/norm:L", "B": {"kernel": "org/repo:L", "lockfile": "~bob/k.lock"}}
        found = ks.check(ks.KernelConfig(config))
        assert [one.code for one in found] == ["missing-local-kernel", "missing-lockfile"]
        assert ks.check(ks.KernelConfig({"A": "./~bob/norm:L"})) == ()

    def test_load_and_dump_leave_it(self, tmp_path: Any) -> None:
        file = tmp_path / "kernels.yaml"
        file.write_text("kernel_mapping: {A: '~nosuchuser/norm:L'}\n")
        config = ks.load(file)
        reference = config.kernel_mapping["A"]
        assert isinstance(reference, ks.LocalRef)
        assert reference.path == "~nosuchuser/norm"
        ks.dump(config, file)
        assert ks.load(file) == config

    def test_what_would_run_it_says_so(self) -> None:
        pytest.importorskip("kernels")
        from kernel_schema.demo.model import build_model

        for entry, code in (
            ("~root/norm:Norm", "missing-local-kernel"),
            ({"kernel": "org/repo:Norm", "lockfile": "~root/k.lock"}, "missing-lockfile"),
        ):
            config = ks.KernelConfig({"RMSNorm": entry})
            choices: list[dict[str, Any]] = [{}, {"ignore": [code]}]
            for options in choices:
                with pytest.raises(ks.KernelSchemaError) as caught:
                    ks.kernelize(build_model(), config, **options)
                (found,) = caught.value.diagnostics
                assert (found.code, found.help) == (code, "write the folder out")
            with pytest.raises(ks.LoweringError, match="write the folder out"):
                ks.lower(config, device="cpu")

    @pytest.mark.parametrize("spec", ["~nosuchuser", "~nosuchuser/model", "~root"])
    def test_of_models(self, spec: str, capsys: pytest.CaptureFixture[str]) -> None:
        from kernel_schema.cli.main import main

        assert main(["layers", "--model", spec]) == 2
        assert "write the folder out" in capsys.readouterr().err


def test_lower_leaves_locks_on_other_machines_to_kernelize() -> None:
    pytest.importorskip("kernels")
    config = ks.KernelConfig({"A": {"kernel": "org/repo:L", "lockfile": "//host.example/k.lock"}})
    with pytest.raises(ks.LoweringError) as caught:
        ks.lower(config, device="cpu")
    (found,) = caught.value.diagnostics
    assert found.code == "unusable-lockfile"
    assert found.message == "the lock file `//host.example/k.lock` is on another machine"
