"""How single values look in the exported JSON Schema: markers that stand beside the types.

A marker goes into an `Annotated` type, next to the validator that rules at run time, and gives
pydantic the node to write. Descriptions, examples and the messages that editors show live here,
each with the pattern or the bounds that it explains.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from kernel_schema.schema.lines import MAX_LENGTH
from kernel_schema.schema.patterns import (
    ENTRY,
    KERNEL,
    LAYER_NAME,
    LOCKFILE,
    REPO_ID,
    REVISION,
    SCHEMA_URI,
    anchored,
)
from kernel_schema.schema.references import MAX_VERSION
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    MAX_CAPABILITY,
    MODE_NAMES,
    ORIGINAL,
)
from kernel_schema.wording import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

Profile = Literal["editor", "plain"]
Keywords = dict[str, Any]

# What editors understand and strict validators refuse.
_VENDOR: Final = frozenset(
    {"doNotSuggest", "enumDescriptions", "errorMessage", "patternErrorMessage"}
)


@dataclass(frozen=True, slots=True)
class Export:
    """What one export writes.

    Args:
        written: Writes the node of a type.
        profile: `editor` with the keywords that only editors understand, `plain` without.
        layers: The layers of one model with their descriptions; None for any model.
        definitions: Takes the nodes that several places refer to.
    """

    written: Callable[[CoreSchema], Keywords]
    profile: Profile
    layers: Mapping[str, str] | None
    definitions: dict[str, Keywords]


_EXPORT: ContextVar[Export | None] = ContextVar("export", default=None)


@contextmanager
def exporting(export: Export) -> Generator[None]:
    """Write every node inside for this export."""
    token = _EXPORT.set(export)
    try:
        yield
    finally:
        _EXPORT.reset(token)


def current() -> Export | None:
    """The export that is being written; None where pydantic writes a schema of its own."""
    return _EXPORT.get()


def for_editors() -> bool:
    """Whether the export that is being written is for editors."""
    export = current()
    return export is not None and export.profile == "editor"


def node(**keywords: Any) -> Keywords:
    """A node of the schema, without what the profile does not take.

    >>> node(type="integer", errorMessage="a version is an integer")
    {'type': 'integer'}
    """
    if for_editors():
        return keywords
    kept = {key: value for key, value in keywords.items() if key not in _VENDOR}
    return kept | ({"items": node(**kept["items"])} if "items" in kept else {})


def shared(name: str, written: Keywords) -> Keywords:
    """A reference to a node that several places share, or the node itself."""
    export = current()
    if export is None:
        return written
    export.definitions.setdefault(name, written)
    return {"$ref": f"#/definitions/{name}"}


class Node:
    """The node for a type, in place of what pydantic would derive from it.

    Args:
        name: Its name among the definitions; None writes it in place.
        keywords: The keywords of JSON Schema, those that only editors understand included.
    """

    def __init__(self, name: str | None = None, **keywords: Any) -> None:
        self._name = name
        self._keywords = keywords

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Keywords:
        del core_schema, handler  # what the validator takes is said here, not derived
        return self.written()

    def written(self) -> Keywords:
        """The node, or a reference to it."""
        written = node(**self._keywords)
        return written if self._name is None else shared(self._name, written)


_FORMS: Final = (
    "`org/repo:layer_name`, `org/repo@v1:layer_name`, `org/repo@revision:layer_name` "
    "or `./path:layer_name`"
)
_OPTION: Final[Keywords] = {"doNotSuggest": True}

KERNEL_NODE: Final = Node(
    "kernel",
    description="The kernel: a layer of a kernel repository on the Hub, written "
    "`org/repo:layer_name`, or on disk, written `./path:layer_name`. `@v1` behind the repository "
    "states a kernel version, any other `@...` a git revision.",
    type="string",
    pattern=anchored(KERNEL),
    errorMessage=f"a kernel is written {_FORMS}",
    examples=[
        "kernels-community/activation:SiLU",
        "kernels-community/activation@v1:SiLU",
        "./kernels/norm:MyNorm",
    ],
    **_OPTION,
)
RANGE_KERNEL_NODE: Final = Node(
    "kernel_or_original",
    description="The kernel for this capability range, written `org/repo:layer_name` or "
    "`./path:layer_name`; or `original`, which keeps the model's own forward.",
    type="string",
    pattern=anchored(ENTRY),
    errorMessage=f"a kernel is written {_FORMS}; `original` keeps the model's own forward",
    examples=["kernels-community/activation:SiLU", ORIGINAL],
    **_OPTION,
)
ENTRY_NODE: Final = Node(
    type="string",
    pattern=anchored(ENTRY),
    errorMessage=f"a kernel is written {_FORMS}; `original` keeps the model's own forward",
    examples=[
        "kernels-community/activation:SiLU",
        "kernels-community/activation@v1:SiLU",
        "./kernels/norm:MyNorm",
        ORIGINAL,
    ],
)
"""A string in place of an entry; `tables` makes it a part of a larger node."""

VERSION_NODE: Final = Node(
    "version",
    description="Kernel version. Without any of `@...`, `version`, `revision` and `lockfile`, "
    "version 1 is meant.",
    type="integer",
    minimum=0,
    maximum=MAX_VERSION,
    errorMessage=f"a version is an integer from 0 to {MAX_VERSION}, without quotes",
    examples=[1],
    **_OPTION,
)
REVISION_NODE: Final = Node(
    "revision",
    description="Git branch, tag or commit of the kernel repository, in place of a version.",
    type="string",
    pattern=anchored(REVISION),
    errorMessage="a revision is a string of letters, digits, `_`, `.`, `/` and `-`",
    examples=["main"],
    **_OPTION,
)
LOCKFILE_NODE: Final = Node(
    "lockfile",
    description="Lock file of the kernels library that pins the repository, relative to this file.",
    type="string",
    pattern=anchored(LOCKFILE),
    errorMessage="`lockfile` is the path of a lock file, on one line",
    examples=["./kernels.lock"],
    **_OPTION,
)
TRUST_NODE: Final = Node(
    "trust_remote_code",
    description="Whether to run code of publishers that the Hub does not vouch for: `true`, "
    "`false`, or the repository ids for which to do so.",
    type=["boolean", "array"],
    items={
        "description": "A repository whose code may run, written `org/repo`.",
        "type": "string",
        "pattern": anchored(REPO_ID),
        "errorMessage": "a repository id is written `org/repo`",
    },
    minItems=1,
    errorMessage="`trust_remote_code` is true, false or a list of at least one repository id",
    default=False,
    examples=[True, ["org/repo"]],
    **_OPTION,
)
LOW_NODE: Final = Node(
    "min_capability",
    description="Lowest compute capability of the range, included; 90 means 9.0. Left out, "
    "nothing bounds the range below.",
    type="integer",
    minimum=0,
    maximum=MAX_CAPABILITY,
    errorMessage=f"a capability is an integer from 0 to {MAX_CAPABILITY}, and 90 means 9.0",
    examples=[75, 80, 90, 100],
    **_OPTION,
)
HIGH_NODE: Final = Node(
    "max_capability",
    description="Highest compute capability of the range, included; 89 means 8.9. Left out, "
    "nothing bounds the range above.",
    type="integer",
    minimum=0,
    maximum=MAX_CAPABILITY,
    errorMessage=f"a capability is an integer from 0 to {MAX_CAPABILITY}, and 89 means 8.9",
    examples=[79, 89, 99],
    **_OPTION,
)
ORIGINAL_NODE: Final = Node(type="string", const=ORIGINAL)

SCHEMA_URI_NODE: Final = Node(
    description="Where an editor finds the JSON Schema of this file: a URL, or a path relative "
    "to the file.",
    type="string",
    pattern=anchored(SCHEMA_URI),
    maxLength=MAX_LENGTH,
    errorMessage=f"`$schema` is a URL or a path, on one line of at most {MAX_LENGTH} characters",
    examples=["./kernel-config.schema.json"],
)
INHERIT_NODE: Final = Node(
    description="Whether layers and devices that are not named here keep the kernels of the "
    "mapping that is active in the kernels library.",
    type="boolean",
    errorMessage="`inherit_mapping` is true or false, without quotes",
)
LAYER_NAME_NODE: Final = Node(
    type="string",
    pattern=anchored(LAYER_NAME),
    maxLength=MAX_LENGTH,
    errorMessage="a layer name is not empty, has no white space at its ends and no control "
    f"characters, and is no longer than {MAX_LENGTH} characters",
    doNotSuggest=True,
)

DEVICE_TEXTS: Final[dict[str, str]] = {
    "cpu": "The CPU.",
    "cuda": "NVIDIA GPUs. Also takes a list of compute capability ranges.",
    "mps": "Apple GPUs, through Metal.",
    "neuron": "AWS Trainium and Inferentia, through Neuron.",
    "npu": "Ascend NPUs.",
    "rocm": "AMD GPUs. Also takes a list of compute capability ranges.",
    "tpu": "Google TPUs.",
    "xpu": "Intel GPUs.",
}
MODE_TEXTS: Final[dict[str, str]] = {
    "inference": "When the model runs in evaluation mode.",
    "training": "When the model runs in training mode; also in evaluation mode, where no "
    "`inference` is named.",
    "inference_torch_compile": "When the model runs in evaluation mode under `torch.compile`.",
    "training_torch_compile": "When the model runs in training mode under `torch.compile`.",
    "fallback": "Any mode that is not named. It does not mean: when loading fails.",
}
DEVICES_NODE: Final = Node(
    type="string",
    enum=list(DEVICE_NAMES),
    enumDescriptions=[DEVICE_TEXTS[device] for device in DEVICE_NAMES],
    errorMessage=f"beside a device only devices can stand: {listing(DEVICE_NAMES, 'and')}; "
    "put kernels, options and modes inside a device",
    description="A device.",
)
MODES_NODE: Final = Node(
    type="string",
    enum=list(MODE_NAMES),
    enumDescriptions=[MODE_TEXTS[mode] for mode in MODE_NAMES],
    errorMessage=f"beside a mode only modes can stand: {listing(MODE_NAMES, 'and')}",
    description="A mode.",
)
