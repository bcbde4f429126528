"""Graphs of files that extend one another, against what `extends` says in a few plain lines."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.diagnostics import Route
from kernel_schema.files.composition.bases import MAX_CHAIN
from kernel_schema.schema.vocabulary import DEVICE_NAMES
from tests.fuzz.configs import FORMATS

from .emitters import to_json, to_toml, to_yaml

if TYPE_CHECKING:
    from pathlib import Path

EMITTERS: dict[str, Any] = {"yaml": to_yaml, "json": to_json, "toml": to_toml}
LAYERS = ("A", "B", "cuda")
BROKEN = {
    "unknown-key": {"kernel_mapping": {}, "wide": 1},
    "unknown-device": {"kernel_mapping": {"A": {"hip": "o/r:L"}}},
    "invalid-kernel-reference": {"kernel_mapping": {"A": "nothing"}},
}


@dataclass
class File:
    """A file of a graph: where it is, what it holds, and the paths under `extends` it leads to."""

    path: str
    data: dict[str, Any]
    bases: list[str] = field(default_factory=list[str])
    wrong: str | None = None


def entry(random: Random, number: int) -> Any:
    """What stands for a layer, or on one device."""
    return random.choice(
        [
            "original",
            f"o/r{number}:L",
            f"./k{number}:L",
            {"kernel": f"o/r:L{number}", "lockfile": f"../k{number}.lock"},
            {"training": f"o/t{number}:L", "fallback": f"./f{number}:L"},
        ]
    )


def graph(random: Random, *, faults: bool) -> dict[str, File]:
    """Files by their paths, the last of which is the one to read."""
    files: dict[str, File] = {}
    for number in range(random.randint(1, 9)):
        folder = random.choice(["", "one/", "one/two/", "three/"])
        path = f"{folder}{number}.{random.choice([*EMITTERS])}"
        layers: dict[str, Any] = {}
        for name in random.sample(LAYERS, random.randint(0, len(LAYERS))):
            devices = random.sample(DEVICE_NAMES, random.choice([0, 0, 1, 2, len(DEVICE_NAMES)]))
            devices = {device: entry(random, number) for device in devices}
            layers[name] = devices or entry(random, number)
        data: dict[str, Any] = {"kernel_mapping": layers}
        if random.random() < 0.3:
            data["inherit_mapping"] = random.random() < 0.5
        if random.random() < 0.3:
            data["lockfile"] = random.choice(["", "./", "../"]) + f"{number}.lock"
        files[path] = File(path, data)
    ordered = list(files)
    for number, path in enumerate(ordered):
        file = files[path]
        earlier = ordered[:number]
        file.bases = random.sample(earlier, min(len(earlier), random.choice([0, 1, 1, 2, 3])))
        if faults and random.random() < 0.2:
            file.bases.insert(0, random.choice([*ordered, "nowhere.yaml", "one/two"]))
        if faults and random.random() < 0.1:
            file.wrong, data = random.choice([*BROKEN.items()])
            file.data = dict(data)
        extends = [spelt(random, base, path) for base in file.bases]
        if extends:
            single = len(extends) == 1 and random.random() < 0.5
            file.data = {"extends": extends[0] if single else extends, **file.data}
    return files


def spelt(random: Random, base: str, path: str) -> str:
    """The path of a base from the folder of a file, in one of the ways to write it."""
    relative = os.path.relpath(base, PurePosixPath(path).parent)
    return random.choice(["", "./", "gone/../"]) + relative


def write(folder: Path, files: dict[str, File], random: Random) -> str:
    """Write a graph; gives the path of the file to read."""
    for each in ("one/two", "three"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    for path, file in files.items():
        text = EMITTERS[path.rpartition(".")[2]](file.data, random).text
        (folder / path).write_text(text, encoding="utf-8", newline="")
    return str(folder / list(files)[-1])


def absolute(value: Any, folder: Path) -> Any:
    """An entry with its paths absolute."""
    if isinstance(value, dict):
        return {
            key: os.path.normpath(folder / item) if key == "lockfile" else absolute(item, folder)
            for key, item in value.items()
        }
    if not value.startswith("."):
        return value
    path, _, layer = value.partition(":")
    return f"{os.path.normpath(folder / path)}:{layer}"


def meaning(files: dict[str, File], path: str, root: Path) -> dict[tuple[str, str], Any]:
    """What a file says of each layer and device, and where: its bases in turn, then itself."""
    said: dict[tuple[str, str], Any] = {}
    for base in files[path].bases:
        said |= meaning(files, base, root)
    file = root / path
    for name, stated in files[path].data["kernel_mapping"].items():
        named = isinstance(stated, dict) and stated.keys() <= set(DEVICE_NAMES)
        for device in stated if named else DEVICE_NAMES:
            value = stated[device] if named else stated
            said[name, device] = absolute(value, file.parent), str(file)
    return said


def nearest(files: dict[str, File], path: str, key: str) -> tuple[str, Any] | None:
    """The nearest file that states a key, and how: row by row, in each the later first."""
    row = [path]
    while row:
        for each in row:
            if key in files[each].data:
                return each, files[each].data[key]
        row = [base for each in row for base in reversed(files[each].bases)]
    return None


def faults_of(files: dict[str, File], chain: tuple[str, ...]) -> set[str]:
    """The codes for what is wrong below the last file of a chain, itself included."""
    path = chain[-1]
    if path not in files:
        return {"missing-base"}
    if path in chain[:-1] or len(chain) > MAX_CHAIN:
        return {"invalid-extends"}
    wrong = files[path].wrong
    codes = {wrong} if wrong is not None else set[str]()
    return codes.union(*(faults_of(files, (*chain, base)) for base in files[path].bases))


def by_device(entry: Any) -> dict[str, Any]:
    """An entry of a config, for each device that it speaks of."""
    if isinstance(entry, dict) and entry.keys() <= set(DEVICE_NAMES):
        return entry
    return dict.fromkeys(DEVICE_NAMES, entry)


def hold(folder: Path, seed: int) -> None:
    """Read a random graph without faults, and hold it against what it means."""
    random = Random(seed)  # noqa: S311 (no secret)
    files = graph(random, faults=False)
    path, last = write(folder, files, random), list(files)[-1]
    if faults_of(files, (last,)):  # a chain that is too long
        with pytest.raises(ks.ConfigError, match="more than 8 files"):
            ks.read(path)
        return
    document, config = ks.read(path), ks.load(path)
    expected = meaning(files, last, folder)
    dumped = config.model_dump()
    merged = {
        (name, device): value
        for name, entry in dumped["kernel_mapping"].items()
        for device, value in by_device(entry).items()
    }
    assert merged == {place: value for place, (value, _) in expected.items()}
    for (name, device), (_, stated_in) in expected.items():
        span = document.locate(Route(("kernel_mapping", name, device)))
        assert os.path.normpath(span.file or path) == stated_in, (name, device)
    inherit = nearest(files, last, "inherit_mapping")
    assert config.inherit_mapping is (inherit is None or inherit[1])
    lock = nearest(files, last, "lockfile")
    if lock is not None:
        file, stated = lock
        assert config.lockfile == os.path.normpath((folder / file).parent / stated)
    for format in FORMATS:
        assert ks.loads(ks.dumps(config, format=format), format=format) == config


def break_one(folder: Path, seed: int) -> None:
    """Read a random graph with faults: each that is told is one that is there, in its file."""
    random = Random(seed)  # noqa: S311 (no secret)
    files = graph(random, faults=True)
    path, last = write(folder, files, random), list(files)[-1]
    faults = faults_of(files, (last,))
    if not faults:
        assert ks.load(path)
        return
    with pytest.raises(ks.ConfigError) as caught:
        ks.load(path)
    for each in caught.value.diagnostics:
        assert each.code in faults
        assert each.span is not None
        assert each.file is not None
        inside = os.path.relpath(each.file, folder)
        assert files[inside].wrong == each.code or each.code in {"invalid-extends", "missing-base"}
    # What is wrong elsewhere is nothing that this file could be mended of.
    fixed = ks.fix(path)
    own = [each.fix for each in caught.value.diagnostics if each.file == path]
    assert any(each is not None and each.safe for each in own) == bool(fixed.mended)


def mutate(folder: Path, seed: int) -> None:
    """Read a random graph of which a file holds something else: it is read, or refused in words."""
    random = Random(seed)  # noqa: S311 (no secret)
    files = graph(random, faults=True)
    path = write(folder, files, random)
    victim = folder / random.choice([*files])
    text = victim.read_bytes()
    for _ in range(random.randint(1, 4)):
        start = random.randrange(len(text) + 1)
        end = min(len(text), start + random.choice([0, 0, 1, 5, 50]))
        piece = random.choice(
            [b"", b"extends: ", b"[", b"}", b"&a ", b"*a ", b"\xff", b"\n", b"\0"]
        )
        text = text[:start] + piece + text[end:]
    victim.write_bytes(text)
    refused: tuple[ks.Diagnostic, ...] = ()
    try:
        ks.check(ks.read(path))
        ks.fix(path, unsafe=True)
    except ks.ConfigError as error:
        refused = error.diagnostics
    assert all(each.file is not None for each in refused)


CASES = [hold, break_one, mutate]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(6))
def test_a_few(case: Any, seed: int, tmp_path: Path) -> None:
    case(tmp_path, seed)


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("hundred", range(5))
def test_many(case: Any, hundred: int, tmp_path: Path) -> None:
    for seed in range(100 * hundred + 100, 100 * hundred + 200):
        folder = tmp_path / str(seed)
        folder.mkdir()
        case(folder, seed)
