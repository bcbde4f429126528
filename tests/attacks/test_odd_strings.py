"""Strings and numbers of classes of their own, as numpy and enums have them, end as plain ones."""

from __future__ import annotations

import pickle
from enum import Enum, IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Liar(str):
    """A string that says of itself what it is not."""

    __slots__ = ()

    def __str__(self) -> str:
        return "org/evil"

    def strip(self, *_: object) -> str:  # type: ignore[override]
        return ""

    def isprintable(self) -> bool:
        return True


class Numbers(IntEnum):
    ONE = 1


def member(text: str) -> str:
    word: Any = Enum("Word", {"TEXT": text}, type=str)
    return word.TEXT


def of_numpy(text: str) -> str:
    return pytest.importorskip("numpy").str_(text)


KINDS = (Liar, member, of_numpy)
each_kind = pytest.mark.parametrize("s", KINDS, ids=lambda kind: kind.__name__)


def config_of(s: Callable[[str], str]) -> ks.KernelConfig:
    """A config of which every string and number is odd."""
    table = {s("kernel"): s("org/repo:L"), s("revision"): s("main")}
    return ks.KernelConfig.model_validate(
        {
            s("$schema"): s("./k.json"),
            s("kernel_mapping"): {
                s("A"): table | {s("trust_remote_code"): [s("org/repo")]},
                s("B"): {
                    s("cuda"): [{s("min_capability"): Numbers.ONE, s("kernel"): s("original")}],
                    s("cpu"): {s("inference"): s("./x:L")},
                },
                s("C"): s("original"),
                s("D"): (s("org/repo:L"), {s("version"): Numbers.ONE}),
                s("E"): {s("kernel"): s("org/repo:L"), s("lockfile"): s("./x.lock")},
                s("F"): ks.HubRef(s("org/repo"), s("L"), revision=s("main")),
                s("G"): ks.LocalRef(s("./x"), s("L")),
            },
        }
    )


def values(node: Any) -> Iterator[Any]:
    """Everything in plain data, keys included."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from values(value)
    elif isinstance(node, list):
        for item in node:
            yield from values(item)
    else:
        yield node


@each_kind
def test_nothing_of_them_is_kept(s: Callable[[str], str], tmp_path: Path) -> None:
    config = config_of(s)
    assert config == config_of(str)
    assert config.digest() == config_of(str).digest()
    assert {type(value) for value in values(config.model_dump())} == {str, int}
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 (our own)
    for format in ("yaml", "json", "toml"):
        spelt: Any = s(format)
        text = ks.dumps(config, format=spelt)
        assert text == ks.dumps(config_of(str), format=format)
        assert ks.loads(text, format=format) == config
        path = s(str(tmp_path / f"kernels.{format}"))
        ks.dump(config, path)
        assert ks.load(path) == ks.load(Path(str.__str__(path)))


@each_kind
def test_parts_by_themselves(s: Callable[[str], str]) -> None:
    spec = ks.KernelSpec(
        kernel=s("org/repo:L"), revision=s("main"), trust_remote_code=[s("org/repo")]
    )
    hub = ks.HubRef(s("org/repo"), s("L"), revision=s("main"))
    local = ks.LocalRef(s("x"), s("L"))
    parts = [spec.revision, *spec.trust_remote_code, hub.repo_id, hub.layer_name, hub.revision]  # type: ignore[misc]
    parts += [local.path, local.layer_name, ks.KernelSpec(kernel="o/r:L", lockfile=s("k")).lockfile]
    assert {type(part) for part in parts} == {str}
    assert (str(hub), str(local)) == ("org/repo@main:L", "./x:L")


@each_kind
@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"kernel": "org/repo:L", "revision": "a b"}, "invalid-revision"),
        ({"kernel": "org/repo:L", "lockfile": "\n"}, "invalid-lockfile"),
        ({"kernel": "org/repo:L", "trust_remote_code": ["a b"]}, "invalid-trust-remote-code"),
        ({"kernel": "org/repo:L", "trust_remote_code": "a b"}, "invalid-trust-remote-code"),
        ({"kernel": "a b"}, "invalid-kernel-reference"),
        ("a b", "invalid-kernel-reference"),
        ({"a b": "org/repo:L"}, "unknown-key"),
    ],
)
def test_wrong_ones_are_told(s: Callable[[str], str], entry: Any, code: str) -> None:
    def odd(node: Any) -> Any:
        if isinstance(node, dict):
            return {s(key): odd(value) for key, value in node.items()}
        return list(map(odd, node)) if isinstance(node, list) else s(node)

    for made in (str, s):
        with pytest.raises(ValueError, match=code) as caught:
            ks.KernelConfig({made("A"): odd(entry)})
        (found,) = ks.ConfigError.from_validation_error(caught.value).diagnostics  # type: ignore[arg-type]
        assert found.code == code
