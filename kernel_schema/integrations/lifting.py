"""From the mappings of transformers and kernels, which hold repository objects, to a config.

A repository is never asked for its text: kernels would ask the network for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import ConfigError, Diagnostic, Route
from kernel_schema.files.document import Document
from kernel_schema.files.read import config_of
from kernel_schema.lowering.inherited import place_of
from kernel_schema.lowering.upstream import kernel_of, lockfile_of
from kernel_schema.schema.arguments import is_of, mode_name, wrong_argument
from kernel_schema.schema.models import KernelConfig, read_config
from kernel_schema.schema.ranges import EVERY_CAPABILITY, Capabilities
from kernel_schema.schema.references import HubRef, is_local, read_kernel_ref
from kernel_schema.schema.rules import LocalKernel
from kernel_schema.schema.vocabulary import MODE_NAMES, ORIGINAL, ModeName
from kernel_schema.typeguards import is_list, is_table, is_tuple
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.codes import Code
    from kernel_schema.schema.rules import Kernel

_KEEP_REGISTERED: Final = (
    "leave it out here, and register it with `kernels.register_kernel_mapping`: a config with "
    "`inherit_mapping: true` keeps it for the layers and devices that it does not name"
)
_MODES: Final = (
    "use `kernels.Mode.INFERENCE` or `TRAINING`, each also `| kernels.Mode.TORCH_COMPILE`, or "
    "`kernels.Mode.FALLBACK`"
)
_OF_TRANSFORMERS: Final = {"version": 1, "trust_remote_code": False}
"""The options that transformers itself puts beside a kernel, local ones too."""


def from_transformers(kernel_config: Any) -> KernelConfig:
    """Take over the `KernelConfig` of transformers.

    Args:
        kernel_config: A `transformers.KernelConfig`, before its use or after it, when its mapping
            holds repositories for one device and mode; or what `as_transformers` gives.

    Returns:
        A config that means the same to kernels. An empty text, by which transformers' documentation
        keeps a layer as it is, becomes `original`.

    Raises:
        ConfigError: With everything in it that no config can state: `fusion-not-supported`,
            `unsupported-repository`, `never-selected-mode`, or a mistake of the format.
        TypeError: If it is something else.

    >>> import transformers
    >>> theirs = transformers.KernelConfig({"A": ("org/repo:L", {"version": 2}), "B": ""})
    >>> from_transformers(theirs).model_dump()
    {'kernel_mapping': {'A': {'kernel': 'org/repo:L', 'version': 2}, 'B': 'original'}}
    """
    if not is_of(kernel_config, "transformers", "KernelConfig"):
        raise wrong_argument("kernel_config", kernel_config, "a `KernelConfig` of transformers")
    source = getattr(kernel_config, "source", None)
    if isinstance(source, (KernelConfig, Document)):
        return config_of(source)
    local = bool(kernel_config.use_local_kernel)
    return lift(
        kernel_config.kernel_mapping,
        use_local_kernel=local,
        # As transformers' `kernelize` takes the two.
        inherit_mapping=bool(kernel_config.inherit_mapping) and not local,
    )


def from_kernels_mapping(mapping: Any, *, inherit_mapping: bool = True) -> KernelConfig:
    """Take over a mapping of kernels, as `kernels.register_kernel_mapping` takes it.

    Args:
        mapping: `{layer: {device: repository}}`, or `{layer: {device: {Mode: repository}}}`;
            devices may be a `kernels.Device` with a range of capability.
        inherit_mapping: As for `KernelConfig`.

    Returns:
        A config that lowers to an equal mapping. Where two keys mean one device and range, the last
        counts, as in kernels.

    Raises:
        ConfigError: As `from_transformers` does.
        TypeError: If `mapping` is no mapping.

    >>> from kernels import LayerRepository, Mode
    >>> silu = LayerRepository("org/repo", layer_name="Silu", version=3)
    >>> from_kernels_mapping({"SiLU": {"cuda": {Mode.INFERENCE: silu}}}).model_dump()
    {'kernel_mapping': {'SiLU': {'cuda': {'inference': 'org/repo@v3:Silu'}}}}
    """
    if not is_table(mapping):
        raise wrong_argument("mapping", mapping, "a mapping of kernels: `{layer: {device: ...}}`")
    return lift(mapping, inherit_mapping=inherit_mapping)


def lift(
    mapping: Any, *, use_local_kernel: bool = False, inherit_mapping: bool = True
) -> KernelConfig:
    """A mapping of transformers or kernels, or of both, as a config; raises a `ConfigError`.

    With `use_local_kernel` a text names a folder, also where it is written like a repository.
    """
    lifting = _Lifting(use_local_kernel=use_local_kernel)
    value = {"kernel_mapping": lifting.layers(mapping) if is_table(mapping) else mapping}
    if inherit_mapping is not True:
        value["inherit_mapping"] = inherit_mapping
    config = read_config(value)
    mistakes = [] if isinstance(config, KernelConfig) else config
    if lifting.problems or not isinstance(config, KernelConfig):
        raise ConfigError([*lifting.problems, *mistakes])
    return config


def read_blank(entry: Any) -> Any:
    """An entry of transformers; an empty text, which there keeps a layer as it is, is `original`.

    >>> read_blank(""), read_blank("org/repo:L")
    ('original', 'org/repo:L')
    """
    return ORIGINAL if isinstance(entry, str) and not entry else entry


def written(kernel: Kernel) -> Any:
    """A kernel as a config states it: as one text where that says it all.

    >>> from kernel_schema import HubKernel
    >>> written(HubKernel("org/repo", "L", revision="main")), written(HubKernel("o/r", "L", 1))
    ('org/repo@main:L', 'o/r@v1:L')
    >>> written(HubKernel("org/repo", "L", revision="v1"))
    {'kernel': 'org/repo:L', 'revision': 'v1'}
    """
    if isinstance(kernel, LocalKernel):
        return str(kernel)
    pins = {"version": kernel.version, "revision": kernel.revision, "lockfile": kernel.lockfile}
    ref = read_kernel_ref(text := str(replace(kernel, commit=None)))
    if isinstance(ref, HubRef) and (ref.version, ref.revision) == (kernel.version, kernel.revision):
        table: dict[str, Any] = {"kernel": text}
    else:
        table = {"kernel": f"{kernel.repo_id}:{kernel.layer_name}"}
        table |= {option: pin for option, pin in pins.items() if pin is not None}
    if trust := kernel.trust_remote_code:
        table["trust_remote_code"] = list(trust) if is_tuple(trust) else trust
    return text if table == {"kernel": text} else table


def mode_table(by_mode: Mapping[str, Any]) -> Any:
    """Kernels by mode; the kernel itself where it serves every mode."""
    return by_mode[ModeName.FALLBACK] if [*by_mode] == [ModeName.FALLBACK] else by_mode


def device_table(by_device: Mapping[str, Mapping[Capabilities, Any]]) -> dict[str, Any]:
    """Entries by device and range of capability, in the form of a config.

    >>> device_table(
    ...     {"cuda": {Capabilities(90): "org/repo:L"}, "cpu": {Capabilities(): "original"}}
    ... )
    {'cuda': [{'min_capability': 90, 'kernel': 'org/repo:L'}], 'cpu': 'original'}
    """
    return {device: _ranges(entries) for device, entries in by_device.items()}


def _ranges(entries: Mapping[Capabilities, Any]) -> Any:
    if [*entries] == [EVERY_CAPABILITY]:
        return entries[EVERY_CAPABILITY]
    ranges: list[dict[str, Any]] = []
    for capabilities, entry in entries.items():
        bounds: dict[str, Any] = {}
        if capabilities.lowest != 0:
            bounds["min_capability"] = capabilities.lowest
        if capabilities.bounded_above:
            bounds["max_capability"] = capabilities.highest
        ranges.append(bounds | (entry if isinstance(entry, dict) else {"kernel": entry}))
    return ranges


class _Lifting:
    """Reads one mapping. What is plain data in it stays as it is: the grammar judges that."""

    def __init__(self, *, use_local_kernel: bool) -> None:
        self.problems: list[Diagnostic] = []
        self._local = use_local_kernel

    def layers(self, mapping: Mapping[Any, Any]) -> dict[Any, Any]:
        lifted: dict[Any, Any] = {}
        for layer_name, entry in mapping.items():
            if not isinstance(layer_name, str):
                lifted[layer_name] = ORIGINAL  # a fusion, say: the key is what is wrong
            elif is_table(entry):
                # Without a device kernels registers nothing.
                if devices := self._devices(layer_name, entry):
                    lifted[layer_name] = devices
            elif _is_plain(entry):
                lifted[layer_name] = self._plain(entry)
            elif callable(entry):
                self._refuse(entry, layer_name)
            else:
                self._note(
                    "invalid-entry",
                    f"{_class_of(entry)} cannot stand for a layer: there kernels takes devices",
                    "name the device: `{'cuda': ...}`",
                    layer_name,
                )
        return lifted

    def _devices(self, layer_name: str, entries: Mapping[Any, Any]) -> dict[str, Any]:
        # As kernels does: what was there for a device and range is replaced as a whole.
        last: dict[Any, dict[Capabilities, Any]] = {}
        for key, entry in entries.items():
            device, capabilities = place_of(key)
            last.setdefault(device, {})[capabilities] = entry
        lifted: dict[Any, dict[Capabilities, Any]] = {}
        for device, by_range in last.items():
            for capabilities, entry in by_range.items():
                steps = (layer_name, str(device))
                value = self._modes(entry, steps) if is_table(entry) else self._kernel(entry, steps)
                if value is not None:
                    lifted.setdefault(device, {})[capabilities] = value
        return device_table(lifted)

    def _modes(self, entries: Mapping[Any, Any], steps: tuple[str, ...]) -> Any:
        """Kernels by mode; None where there are some and none can be stated."""
        by_mode: dict[str, Any] = {}
        for key, entry in entries.items():
            name = mode_name(key)
            if name not in MODE_NAMES and (name is not None or not _is_plain(entry)):
                key_text = f"the text {quote(key)}" if isinstance(key, str) else _class_of(key)
                self._note(
                    "never-selected-mode",
                    f"kernels never selects {quote(str(key)) if name else key_text} as a mode",
                    _MODES,
                    *steps,
                )
                continue
            mode = key if name is None else name
            value = self._kernel(entry, (*steps, str(mode)))
            if value is not None:
                by_mode[mode] = value
        if not entries:
            return ORIGINAL  # no mode, so that the model's own forward stays
        return mode_table(by_mode) if by_mode else None

    def _kernel(self, entry: Any, steps: tuple[str, ...]) -> Any:
        """A single kernel; None for one that no config can state."""
        if _is_plain(entry):
            return self._plain(entry)
        if not _is_layer_repository(entry):
            return self._refuse(entry, *steps)
        if is_of(entry, "kernels", "LockedLayerRepository") and lockfile_of(entry) is None:
            return self._note(
                "unsupported-repository",
                f"this {quote(type(entry).__name__)} has no lock file of its own: kernels looks "
                "for one in the package that builds it",
                "build it with `lockfile=`",
                *steps,
            )
        return written(kernel_of(entry))

    def _plain(self, entry: Any) -> Any:
        """A text, or transformers' text with options."""
        options: Any = {}
        if is_tuple(entry) and len(entry) == 2 and is_table(entry[1]):
            # None is no option there.
            entry, options = entry[0], {k: v for k, v in entry[1].items() if v is not None}
        entry = read_blank(entry)
        if not isinstance(entry, str) or entry == ORIGINAL:
            return entry
        if self._local:
            entry = entry if is_local(entry) else f"./{entry}"
            stated = options.items()
            options = {key: value for key, value in stated if _OF_TRANSFORMERS.get(key) != value}
        return {"kernel": entry, **options} if options else entry

    def _refuse(self, repository: Any, *steps: str) -> None:
        what = _class_of(repository)
        if is_of(repository, "kernels", *_FUNCTIONS):
            why = f"{what} is a function of a kernel, and a config names layers"
        elif callable(repository):
            why = "a callable picks a kernel when kernelize runs, and a config states which it is"
        else:
            why = f"what {what} loads is decided by its own code, and cannot be stated"
        self._note("unsupported-repository", why, _KEEP_REGISTERED, *steps)

    def _note(self, code: Code, message: str, help_text: str, *steps: str) -> None:
        self.problems.append(
            Diagnostic(code, message, Route(("kernel_mapping", *steps)), help_text)
        )


_FUNCTIONS: Final = ("FuncRepository", "LocalFuncRepository", "LockedFuncRepository")
_LAYERS: Final = ("LayerRepository", "LocalLayerRepository", "LockedLayerRepository")


def _is_layer_repository(value: Any) -> bool:
    """Whether it is a layer's repository of kernels, or one that the adapter made of it."""
    package = str(type(value).__module__).partition(".")[0]
    return package in {"kernels", "kernel_schema"} and is_of(value, "kernels", *_LAYERS)


def _class_of(value: Any) -> str:
    return f"a {quote(type(value).__name__)}"


def _is_plain(value: Any) -> bool:
    """Whether it is data, and no object that loads or picks a kernel."""
    return is_tuple(value) or is_list(value) or not (hasattr(value, "load") or callable(value))
