"""Hypothesis strategies for whole configs, as plain data (what a file holds) and as `KernelConfig`.

Everything that is drawn here is valid: `config_data`, `layer_entries`, `device_tables`, ... give
the dicts, lists, strings and numbers of a file, `configs` the config that they make, and `spoken`
the same data in the words of Python users: enum members, parsed references, tuples and models.
"""

from __future__ import annotations

import string
import sys
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from kernel_schema.schema.models import (
    CapabilityEntry,
    DeviceMapping,
    KernelConfig,
    KernelSpec,
    ModeMapping,
)
from kernel_schema.schema.ranges import Capabilities
from kernel_schema.schema.references import LocalRef, parse_kernel_ref
from kernel_schema.schema.vocabulary import (
    CAPABILITY_DEVICES,
    DEVICE_NAMES,
    MODE_NAMES,
    ORIGINAL,
    DeviceType,
    ModeName,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_WORD = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=8)
_IDENTIFIER = _WORD.map(lambda word: f"_{word}" if word[0].isdigit() else word)
# Names that a config, pydantic or the grammar itself uses too: a layer may be called like that.
_TRICKY_NAMES = (
    "[key]",
    "devices",
    "entry",
    "kernel",
    "kernel_mapping",
    "modes",
    "original",
    "other",
    "ranges",
    "root",
    "string",
    "$schema",
    "cuda",
    "inference",
    "0",
    "a.b",
    'a "b" c',
    "größe",
)
_BOUNDS: SearchStrategy[int | None] = st.sampled_from(
    (None, 0, 1, 70, 75, 80, 86, 89, 90, 100, 121, 9999)
)


@cache
def layer_names() -> SearchStrategy[str]:
    """Names under `kernel_mapping`: mostly identifiers, and every other text that is allowed."""
    anything = st.text(
        st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12
    )
    return st.one_of(
        _IDENTIFIER,
        st.sampled_from(_TRICKY_NAMES),
        anything.map(str.strip).filter(bool),
    )


# Made once, as all strategies here: hypothesis validates a new one each time that it is drawn from.
_WORDS = st.lists(_WORD, min_size=1, max_size=3)
_SEPARATORS = st.sampled_from(("-", ".", "-.", ".-", "-.-", ".-."))


@cache
@st.composite
def _repo_parts(draw: DrawFn) -> str:
    words = draw(_WORDS)
    return words[0] + "".join(f"{draw(_SEPARATORS)}{word}" for word in words[1:])


@cache
def repo_ids() -> SearchStrategy[str]:
    """Repository ids of the Hub, with their organisation."""
    ids = st.builds("{}/{}".format, _repo_parts(), _repo_parts())
    return ids.filter(lambda repo_id: not repo_id.endswith(".git"))


@cache
def revisions() -> SearchStrategy[str]:
    """Git revisions, versions excepted."""
    chosen = st.sampled_from(("main", "v01", "v1.0", "refs/pr/1", "release/2-x", "0a1b2c3"))
    drawn = st.text(string.ascii_letters + string.digits + "_./-", min_size=1, max_size=12)
    return st.one_of(chosen, drawn.filter(lambda text: not text.removeprefix("v").isdigit()))


@cache
def hub_refs(*, pinned: bool | None = None) -> SearchStrategy[str]:
    """References to kernels on the Hub, with or without a pin in them."""
    bare = st.builds("{}:{}".format, repo_ids(), _IDENTIFIER)
    pin = st.integers(0, 999_999_999).map(lambda version: f"v{version}") | revisions()
    with_pin = st.builds("{}@{}:{}".format, repo_ids(), pin, _IDENTIFIER)
    return {True: with_pin, False: bare, None: bare | with_pin}[pinned]


@cache
def local_refs() -> SearchStrategy[str]:
    """References to kernels on disk."""
    starts = st.sampled_from(("/", "./", "../", ".\\", "..\\", "~", "~/", "C:\\", "c:/"))
    # No control characters, and nothing that cannot be written to a file.
    path = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
    return st.builds("{}{}:{}".format, starts, path, _IDENTIFIER)


@cache
def kernel_refs() -> SearchStrategy[str]:
    """References of both kinds."""
    return hub_refs() | local_refs()


_PINS: dict[str, SearchStrategy[Any]] = {
    "version": st.integers(0, 999_999_999),
    "revision": revisions(),
    "lockfile": st.sampled_from(("kernels.lock", "./a b/kernels.lock", "/k.lock")),
}
_TRUST = st.booleans() | st.lists(repo_ids(), min_size=1, max_size=3)


@cache
@st.composite
def kernel_specs(draw: DrawFn) -> dict[str, Any]:
    """Kernels with options."""
    if draw(st.integers(0, 3)) == 0:
        return {"kernel": draw(local_refs())}
    in_reference = draw(st.booleans())
    table: dict[str, Any] = {"kernel": draw(hub_refs(pinned=in_reference))}
    if not in_reference:
        pin = draw(st.sampled_from((None, *_PINS)))
        table |= {pin: draw(_PINS[pin])} if pin is not None else {}
    if draw(st.booleans()):
        table["trust_remote_code"] = draw(_TRUST)
    keys = draw(st.permutations(list(table)))
    return {key: table[key] for key in keys}


@cache
def mode_tables() -> SearchStrategy[dict[str, Any]]:
    """Kernels by mode."""
    modes = st.sampled_from(MODE_NAMES)
    return st.dictionaries(modes, kernel_refs() | kernel_specs(), min_size=1, max_size=3)


@cache
def capability_bounds(most: int = 4) -> SearchStrategy[list[dict[str, int]]]:
    """The bounds of ranges that may stand in one list: any that kernels can tell apart."""
    pairs: SearchStrategy[list[tuple[int | None, int | None]]] = st.lists(
        st.tuples(_BOUNDS, _BOUNDS), min_size=1, max_size=most
    )
    return pairs.map(_without_clashes).filter(bool)


def _without_clashes(pairs: list[tuple[int | None, int | None]]) -> list[dict[str, int]]:
    kept: list[Capabilities] = []
    bounds: list[dict[str, int]] = []
    for low, high in pairs:
        own = Capabilities(low or 0, sys.maxsize if high is None else high)
        clashes = any(own.width == other.width and own.overlaps(other) for other in kept)
        if own.lowest <= own.highest and not clashes:
            kept.append(own)
            named = {"min_capability": low, "max_capability": high}
            bounds.append({key: bound for key, bound in named.items() if bound is not None})
    return bounds


_RANGE_ENTRIES = st.just({"kernel": ORIGINAL}) | kernel_specs() | mode_tables()


@cache
@st.composite
def capability_lists(draw: DrawFn) -> list[dict[str, Any]]:
    """Capability ranges of one device."""
    return [bounds | draw(_RANGE_ENTRIES) for bounds in draw(capability_bounds())]


_DEVICES = st.lists(st.sampled_from(DEVICE_NAMES), min_size=1, max_size=4, unique=True)
_WITHOUT_RANGES = st.just(ORIGINAL) | kernel_refs() | kernel_specs() | mode_tables()
_WITH_RANGES = _WITHOUT_RANGES | capability_lists()


@cache
@st.composite
def device_tables(draw: DrawFn) -> dict[str, Any]:
    """What runs on each device."""
    return {
        device: draw(_WITH_RANGES if device in CAPABILITY_DEVICES else _WITHOUT_RANGES)
        for device in draw(_DEVICES)
    }


@cache
def layer_entries() -> SearchStrategy[Any]:
    """Everything that may stand for a layer."""
    return st.one_of(
        st.just(ORIGINAL), kernel_refs(), kernel_specs(), mode_tables(), device_tables()
    )


def kernel_mappings(
    names: SearchStrategy[str] | None = None, entries: SearchStrategy[Any] | None = None
) -> SearchStrategy[dict[str, Any]]:
    """What may stand under `kernel_mapping`."""
    return st.dictionaries(names or layer_names(), entries or layer_entries(), max_size=4)


def config_data(
    mapping: SearchStrategy[dict[str, Any]] | None = None,
) -> SearchStrategy[dict[str, Any]]:
    """Whole configs, as a file holds them."""
    return st.fixed_dictionaries(
        {"kernel_mapping": mapping or kernel_mappings()},
        optional={
            "$schema": st.sampled_from(("./kernel-config.schema.json", "https://a.example/s")),
            "lockfile": st.sampled_from(("kernels.yaml.lock", "./a b/k.lock", "/k.lock")),
            "inherit_mapping": st.booleans(),
        },
    )


def configs(
    mapping: SearchStrategy[dict[str, Any]] | None = None,
) -> SearchStrategy[KernelConfig]:
    """Whole configs."""
    return config_data(mapping).map(KernelConfig.model_validate)


@st.composite
def spoken(draw: DrawFn, mapping: dict[str, Any]) -> dict[str, Any]:
    """A `kernel_mapping` that was drawn as plain data, as Python users may write it too."""
    return {name: _speak(draw, entry) for name, entry in mapping.items()}


def _speak(draw: DrawFn, data: Any) -> Any:
    if isinstance(data, str):
        return _speak_string(draw, data)
    if isinstance(data, list):
        # The only lists of the grammar that are spoken: capability ranges.
        items = [CapabilityEntry(**item) if draw(st.booleans()) else item for item in data]
        return draw(st.sampled_from((items, tuple(items))))
    if not isinstance(data, dict):
        return data
    if "kernel" in data:
        return _speak_spec(draw, data)
    table = {_speak_key(draw, key): _speak(draw, value) for key, value in data.items()}
    models = {DeviceMapping: DEVICE_NAMES, ModeMapping: MODE_NAMES}
    for model, names in models.items():
        if set(data) <= set(names) and draw(st.booleans()):
            return model(table)
    return table


def _speak_string(draw: DrawFn, text: str) -> Any:
    if text == ORIGINAL or not draw(st.booleans()):
        return text
    ref = parse_kernel_ref(text)
    if isinstance(ref, LocalRef) and str(PurePosixPath(ref.path)) == ref.path:
        return LocalRef(PurePosixPath(ref.path), ref.layer_name)
    return ref


def _speak_key(draw: DrawFn, key: str) -> Any:
    members = {**DeviceType.__members__, **ModeName.__members__}
    return draw(st.sampled_from((key, members.get(key.upper(), key))))


def _speak_spec(draw: DrawFn, table: dict[str, Any]) -> Any:
    spoken_table = table | {"kernel": _speak_string(draw, table["kernel"])}
    options = {key: value for key, value in spoken_table.items() if key != "kernel"}
    form = draw(st.sampled_from(("table", "model", "tuple")))
    if form == "model":
        return KernelSpec(**spoken_table)
    return (spoken_table["kernel"], options) if form == "tuple" else spoken_table
