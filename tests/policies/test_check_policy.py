"""What a policy does not allow is told, whatever the judged say; what nothing tells neither is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main
from kernel_schema.codes import catalogue
from kernel_schema.policies.in_force import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMITS = [f"{index:040x}" for index in range(9)]
DEP = ks.LockedKernel(ks.Pin("dep-org/dep", 1), COMMITS[1], "GPL-3.0")
USES = ks.LockedKernel(
    ks.Pin("our-org/uses", 1),
    COMMITS[2],
    "MIT",
    trusted_publisher=True,
    layers=("L",),
    kernel_depends=(DEP.pin,),
)
NORM = ks.LockedKernel(
    ks.Pin("our-org/norm", 1), COMMITS[3], "apache-2.0", trusted_publisher=True, layers=("L",)
)
OTHER = ks.LockedKernel(ks.Pin("other/gdn", 1), COMMITS[4], None, layers=("Gdn",))
USES_REF, NORM_REF = "our-org/uses@v1:L", "our-org/norm@v1:L"
OPEN = {"inherit_mapping": True}


@pytest.fixture
def locked(tmp_path: Path) -> Callable[..., ks.KernelConfig]:
    def locked(mapping: Any, *kernels: ks.LockedKernel, **options: Any) -> ks.KernelConfig:
        path = tmp_path / "kernels.yaml.lock"
        lock = ks.Lock(kernels or (USES, DEP, NORM), options.pop("inherits", None))
        path.write_text(lock.dumps(), encoding="utf-8")
        stated: dict[str, Any] = {"inherit_mapping": False, **options}
        return ks.KernelConfig(mapping, lockfile=path, **stated)

    return locked


def found(config: Any, **policy: Any) -> list[str]:
    return [problem.code for problem in ks.check_policy(config, ks.Policy(**policy))]


def messages(config: Any, **policy: Any) -> list[str]:
    return [problem.message for problem in ks.check_policy(config, ks.Policy(**policy))]


def config(mapping: Any, **options: Any) -> ks.KernelConfig:
    stated: dict[str, Any] = {"inherit_mapping": False, **options}
    return ks.KernelConfig(mapping, **stated)


class TestPublishers:
    @pytest.mark.parametrize(
        "entry",
        [
            "our-orgs/norm:L",
            "Our-Org/norm:L",
            "our_org/norm@main:L",
            {"kernel": "stranger/norm:L", "version": 3},
            ("stranger/norm:L", {"revision": "main", "trust_remote_code": True}),
            {"cuda": [{"min_capability": 90, "training": "stranger/norm:L"}]},
            {"kernel": "stranger/norm:L", "lockfile": "./kernels.lock"},
            {"kernel": "stranger/norm:L", "trust_remote_code": ["our-org/norm"]},
        ],
    )
    def test_all_forms_of_an_entry(self, entry: Any) -> None:
        assert found(config({"A": entry}), publishers=("our-org",)) == ["forbidden-publisher"]

    def test_those_that_are_allowed(self) -> None:
        entries = {"A": "our-org/x:L", "B": "original", "C": {"cpu": "our-org/y@main:L"}}
        assert found(config(entries), publishers=("our-org",)) == []
        assert found(config(entries), publishers=()) == ["forbidden-publisher"] * 2

    def test_a_pull_request_is_of_whoever_opened_it(self) -> None:
        entries = {"A": "our-org/x@refs/pr/1:L"}
        assert found(config(entries), publishers=("our-org",)) == ["forbidden-publisher"]
        assert found(config(entries), repositories=("our-org/x",)) == ["forbidden-publisher"]

    def test_of_dependencies_which_are_named_as_such(self, locked: Any) -> None:
        (message,) = messages(locked({"A": USES_REF}), publishers=("our-org",))
        expected = "`dep-org/dep@v1`, on which `our-org/uses@v1` depends, is of a publisher"
        assert message.startswith(expected)

    def test_a_dependency_that_is_not_locked(self, locked: Any) -> None:
        half = locked({"A": USES_REF}, USES)
        assert found(half, publishers=("our-org",)) == ["forbidden-publisher"]
        assert found(half, require_lock=True) == ["kernel-not-pinned"]


class TestRepositories:
    @pytest.mark.parametrize(
        ("pattern", "allowed"),
        [
            ("our-org/*", True),
            ("our-org/norm", True),
            ("*/norm", True),
            ("our-org/Norm", False),
            ("our-*g/n?rm", True),
            ("our/*", False),
            ("our-org/nor", False),
        ],
    )
    def test_patterns(self, pattern: str, *, allowed: bool) -> None:
        codes = found(config({"A": "our-org/norm:L"}), repositories=(pattern,))
        assert codes == [] if allowed else codes == ["forbidden-repository"]

    def test_a_star_ends_at_the_slash(self) -> None:
        assert not ks.Policy(repositories=("our-org*/norm",)).allows_repository("our-org/x")
        assert not ks.Policy(repositories=("our/*",)).allows_repository("our-org/norm")


class TestLocks:
    def test_what_is_not_locked(self, locked: Any) -> None:
        assert found(config({"A": NORM_REF}), require_lock=True) == ["kernel-not-pinned"]
        assert found(locked({"A": NORM_REF, "B": USES_REF}), require_lock=True) == []
        moved = locked({"A": "our-org/norm@v2:L"})
        assert found(moved, require_lock=True) == ["kernel-not-pinned"]
        unlocked = config({"A": f"our-org/norm@{COMMITS[3]}:L"})
        assert found(unlocked, require_lock=True) == ["kernel-not-pinned"]

    def test_a_lock_of_the_kernels_library_is_none(self) -> None:
        entry = {"kernel": "our-org/norm:L", "lockfile": "./kernels.lock"}
        (message,) = messages(config({"A": entry}), require_lock=True)
        assert "holds no hashes" in message

    def test_a_lock_that_cannot_be_used_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "x.lock").write_text("{}", encoding="utf-8")
        for path in (tmp_path / "x.lock", tmp_path / "none.lock", "//server/share/x.lock"):
            broken = config({"A": NORM_REF}, lockfile=str(path))
            assert found(broken, require_lock=True) == ["kernel-not-pinned"]

    def test_licences(self, locked: Any) -> None:
        allowed = {"licenses": ("Apache-2.0", "MIT")}
        assert found(locked({"A": NORM_REF}), **allowed) == []
        (message,) = messages(locked({"A": USES_REF}), **allowed)
        expected = "`dep-org/dep@v1`, on which `our-org/uses@v1` depends, has the licence `GPL-3.0`"
        assert message.startswith(expected)
        stated_none = locked({"A": "other/gdn@v1:Gdn"}, OTHER)
        assert found(stated_none, **allowed) == ["forbidden-license"]
        assert found(config({"A": NORM_REF}), **allowed) == ["forbidden-license"]

    @pytest.mark.parametrize(
        ("stated", "allowed"),
        [
            ("MIT AND Apache-2.0", True),
            ("MIT AND GPL-3.0", False),
            ("GPL-3.0 OR MIT", True),
            ("(GPL-3.0 OR MIT)", False),
            ("MIT-0", False),
            ("MITAND", False),
        ],
    )
    def test_licences_together(self, stated: str, *, allowed: bool) -> None:
        assert ks.Policy(licenses=("MIT", "Apache-2.0")).allows_license(stated) == allowed

    def test_trusted_publishers(self, locked: Any) -> None:
        wanted = {"require_trusted_publisher": True}
        assert found(locked({"A": NORM_REF}), **wanted) == []
        assert found(locked({"A": USES_REF}), **wanted) == ["untrusted-publisher"]
        assert found(config({"A": NORM_REF}), **wanted) == ["untrusted-publisher"]


class TestOptions:
    @pytest.mark.parametrize("trust", [True, ["our-org/norm"], ("our-org/norm",)])
    def test_trust_remote_code(self, trust: Any) -> None:
        entry = {"kernel": "our-org/norm:L", "trust_remote_code": trust}
        code = ["forbidden-trust-remote-code"]
        assert found(config({"A": entry}), trust_remote_code=False) == code
        pair = ("our-org/norm:L", {"trust_remote_code": trust})
        assert found(config({"A": pair}), trust_remote_code=False) == code
        assert found(config({"A": pair}), publishers=("our-org",)) == []

    def test_kernels_on_disk(self) -> None:
        local = config({"A": "/cache/kernels--evil--x/snapshots/0:L"})
        assert found(local) == []
        assert found(local, local_kernels=False) == ["forbidden-local-kernel"]
        # Whose it is, and what, cannot be told: it is free only where the policy says so.
        assert found(local, publishers=("our-org",)) == ["forbidden-local-kernel"]
        assert found(local, publishers=("our-org",), local_kernels=True) == []

    def test_inheriting(self, locked: Any) -> None:
        inheriting = ks.KernelConfig({"A": NORM_REF})
        code = ["forbidden-inherited-kernels"]
        assert found(inheriting) == []
        assert found(inheriting, inherit_mapping=False) == code
        assert found(inheriting, publishers=("our-org",)) == code
        assert found(inheriting, publishers=("our-org",), inherit_mapping=True) == []

    def test_what_is_inherited_and_locked_is_judged(self, locked: Any) -> None:
        def inheriting(**options: Any) -> ks.KernelConfig:
            kernels = (NORM, OTHER)
            return locked({"A": NORM_REF}, *kernels, inherits="transformers", **options)

        known = inheriting(inherit_mapping=True)
        (message,) = messages(known, publishers=("our-org",))
        assert message.startswith("`other/gdn@v1`, which is inherited, is of a publisher")
        assert found(known, publishers=("our-org", "other"), require_lock=True) == []
        assert found(known, trust_remote_code=False) == ["forbidden-trust-remote-code"]
        assert found(known, inherit_mapping=False) == ["forbidden-inherited-kernels"]
        assert found(inheriting(), publishers=("our-org",)) == []


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text("publishers: [our-org]\n", encoding="utf-8")
    write(tmp_path / "kernels.yaml", "stranger/x:L")
    return tmp_path


def write(path: Path, kernel: str, rest: str = "") -> None:
    text = f"inherit_mapping: false\nkernel_mapping:\n  A: {kernel}\n{rest}"
    path.write_text(text, encoding="utf-8")


CHECK = ["check", "kernels.yaml", "--policy", "policy.yaml"]
TOLD = "kernels.yaml:3:6: error[forbidden-publisher]: `stranger/x@v1` is of a publisher"


@pytest.mark.usefixtures("workplace")
class TestCommand:
    def test_tells_and_fails(self, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(CHECK) == 1
        assert TOLD in capsys.readouterr().out
        write(workplace / "kernels.yaml", "our-org/x:L")
        assert main(CHECK) == 0

    @pytest.mark.parametrize(
        "options",
        [
            ["--ignore", "forbidden-*"],
            ["--off", "forbidden-publisher"],
            ["--warn", "forbidden-publisher"],
            ["--select", "unknown-device"],
            ["--exit-zero"],
        ],
    )
    def test_whatever_options_say(
        self, options: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*CHECK, *options]) == 1
        assert TOLD in capsys.readouterr().out

    @pytest.mark.parametrize(
        "setting",
        [
            'off = ["forbidden-*"]',
            'ignore = ["forbidden-publisher"]',
            'warn = ["forbidden-publisher"]',
            "select = []",
            'exclude = ["kernels.yaml"]',
            'exclude = ["*"]',
        ],
    )
    @pytest.mark.parametrize("named", ["kernels.yaml", "."])
    def test_whatever_settings_beside_it_say(
        self, workplace: Path, setting: str, named: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = f"[tool.kernel-schema.check]\n{setting}\n"
        (workplace / "pyproject.toml").write_text(text, encoding="utf-8")
        assert main(["check", named, "--policy", "policy.yaml"]) == 1
        assert TOLD in capsys.readouterr().out

    def test_settings_that_are_wrong_end_it(self, workplace: Path) -> None:
        text = "[tool.kernel-schema.check]\nexclud = []\n"
        (workplace / "pyproject.toml").write_text(text, encoding="utf-8")
        assert main(CHECK) == 2

    def test_whatever_comments_say(
        self, workplace: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        comment = "stranger/x:L  # kernel-schema: ignore[forbidden-publisher]"
        write(workplace / "kernels.yaml", comment)
        assert main(CHECK) == 1
        out = capsys.readouterr().out
        assert TOLD in out
        assert "`forbidden-publisher` is a matter of the policy: it cannot be left out" in out

    def test_however_much_else_is_found(
        self, workplace: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rest = "".join(f"  L{index}: ./none:L\n" for index in range(1100))
        write(workplace / "kernels.yaml", "stranger/x:L", rest)
        assert main([*CHECK, "-q", "--output-format", "concise"]) == 1
        assert TOLD in capsys.readouterr().out

    def test_of_what_a_base_says(self, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write(workplace / "base.yaml", "stranger/x:L")
        text = "extends: base.yaml\nkernel_mapping: {}\n"
        (workplace / "kernels.yaml").write_text(text, encoding="utf-8")
        assert main(CHECK) == 1
        assert f"base.{TOLD[8:]}" in capsys.readouterr().out

    def test_of_what_is_right_of_a_broken_file(
        self, workplace: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(workplace / "kernels.yaml", "stranger/x:L", "  B: 1\n")
        assert main(CHECK) == 1
        assert TOLD in capsys.readouterr().out

    def test_while_it_only_shows_what_it_would_mend(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*CHECK, "--diff"]) == 1
        assert TOLD in capsys.readouterr().err
        assert main([*CHECK, "--fix"]) == 1

    def test_by_the_environment_too(self, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (workplace / "lax.yaml").write_text("publishers: [stranger]\n", encoding="utf-8")
        monkeypatch.setenv(VARIABLE, "policy.yaml")
        assert main(["check", "kernels.yaml"]) == 1
        assert main(["check", "kernels.yaml", "--policy", "lax.yaml"]) == 1
        monkeypatch.delenv(VARIABLE)
        assert main(["check", "kernels.yaml", "--policy", "lax.yaml"]) == 0

    @pytest.mark.parametrize("text", ["publisher: [our-org]\n", None])
    def test_without_a_policy_that_can_be_read_nothing_is_checked(
        self, workplace: Path, text: str | None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (workplace / "policy.yaml").unlink()
        if text is not None:
            (workplace / "policy.yaml").write_text(text, encoding="utf-8")
        assert main(CHECK) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith("policy.yaml:1:1: error" if text else "policy.yaml: error")

    def test_in_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([*CHECK, "--output-format", "json"]) == 1
        assert "forbidden-publisher" in json.dumps(json.loads(capsys.readouterr().out))


class TestExamples:
    """The examples of the catalogue, under a policy that says nothing but what each is about."""

    POLICIES: ClassVar[dict[str, Any]] = {
        "forbidden-inherited-kernels": {"inherit_mapping": False},
        "forbidden-license": {"licenses": ("MIT",)},
        "forbidden-local-kernel": {"local_kernels": False},
        "forbidden-publisher": {"publishers": ("our-org",), **OPEN},
        "forbidden-repository": {"repositories": ("our-org/norm",), **OPEN},
        "forbidden-trust-remote-code": {"trust_remote_code": False},
        "kernel-not-pinned": {"require_lock": True, **OPEN},
    }

    @pytest.mark.parametrize("name", POLICIES)
    def test_of_configs(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        code = catalogue()[name]
        lock = ks.Lock(
            tuple(
                ks.LockedKernel(
                    ks.Pin(f"our-org/{named}", 1), COMMITS[0], licence, layers=("Norm",)
                )
                for named, licence in (("norm", "MIT"), ("mit", "MIT"), ("gpl", "GPL-3.0"))
            )
        )
        (tmp_path / "kernels.yaml.lock").write_text(lock.dumps(), encoding="utf-8")
        policy = dict(self.POLICIES[name])
        header = "lockfile: kernels.yaml.lock\n" if name == "forbidden-license" else ""
        if name == "forbidden-license":
            policy |= OPEN
        for text, expected in ((code.wrong, [name]), (code.right, [])):
            (tmp_path / "kernels.yaml").write_text(header + text, encoding="utf-8")
            assert found("kernels.yaml", **policy) == expected

    def test_of_policies(self, tmp_path: Path) -> None:
        code = catalogue()["invalid-policy"]
        (tmp_path / "policy.yaml").write_text(code.wrong, encoding="utf-8")
        with pytest.raises(ks.PolicyError) as caught:
            ks.read_policy(tmp_path / "policy.yaml")
        assert [problem.code for problem in caught.value.diagnostics] == ["invalid-policy"]
        (tmp_path / "policy.yaml").write_text(code.right, encoding="utf-8")
        ks.read_policy(tmp_path / "policy.yaml")

    def test_of_all(self) -> None:
        stated = {name for name, code in catalogue().items() if code.stage == "policy"}
        # The last two are of the Hub: tests/hub/test_live_policy.py.
        others = {"invalid-policy", "kernel-too-new", "unsigned-kernel"}
        assert {*self.POLICIES} | others == stated
