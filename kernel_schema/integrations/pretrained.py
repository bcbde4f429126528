"""From a `config.json`, in a directory or on the Hub, to a model, without weights or with them."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.integrations.sealed import sealed
from kernel_schema.integrations.specs import ModelSpecError, explained, imported
from kernel_schema.paths import is_directory, read_at_most
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from kernel_schema.model.types import Module

_CONFIG: Final = "config.json"
_MAX_BYTES: Final = 10_000_000
_AUTO_MAP: Final = "auto_map"
_TRUST: Final = (
    "pass --trust-remote-code (in Python trust_remote_code=True) to run it, if you trust it"
)


def build_pretrained(spec: str, *, trust_remote_code: bool, weights: bool = False) -> Module:
    """Build the model that a `config.json` describes, in a directory or on the Hub: meta device.

    With `weights` it is on the CPU, in the dtype that the file states; its weights are those of the
    directory, of safetensors, or else drawn, the same ones each time.

    Attention and experts are those of transformers itself (`eager`), whatever it asks for: which
    layers a model registers does not depend on them, and others may be kernels of the Hub. For a
    directory the network is never touched; without `trust_remote_code` the Hub is asked for the
    `config.json` and for nothing else.
    """
    imported("torch", "kernel-schema[torch]")
    imported("transformers", "kernel-schema[transformers]")
    local = is_directory(spec)
    stated, described = _read(Path(spec, _CONFIG) if local else _downloaded(spec))
    network = trust_remote_code and not local
    with _told(stated, network=network, code=trust_remote_code), ExitStack() as stack:
        folder = spec
        if not trust_remote_code:
            # transformers sees the file that we have seen, and no other.
            folder = stack.enter_context(_copied(described, spec))
        loaded = spec if local and weights and has_weights(spec) else None
        return _built(
            folder,
            stated,
            trust_remote_code=trust_remote_code,
            device="cpu" if weights else "meta",
            weights=loaded,
        )


def has_weights(spec: str) -> bool:
    """Whether a directory holds weights that are read without running anything."""
    return is_directory(spec) and any(Path(spec).glob("*.safetensors"))


def _downloaded(spec: str) -> Path:
    hub: Any = import_module("huggingface_hub")
    with explained("there is no such directory, and the Hub gives no config.json for it"):
        return Path(hub.hf_hub_download(spec, _CONFIG))


@contextmanager
def _copied(stated: Any, spec: str) -> Generator[str]:
    """A folder with nothing but a `config.json`; messages name the spec in its place."""
    with TemporaryDirectory() as folder:
        Path(folder, _CONFIG).write_text(json.dumps(stated), encoding="utf-8")
        with explained("transformers cannot build it", {folder: spec}):
            yield folder


def _read(file: Path) -> tuple[Mapping[str, Any], Any]:
    """What a `config.json` states, and that without what leads to code."""
    with explained("its config.json cannot be read"):
        raw = read_at_most(file, _MAX_BYTES)
        if len(raw) > _MAX_BYTES:
            raise ModelSpecError(f"its config.json is larger than {_MAX_BYTES} bytes")
        stated: Any = json.loads(raw)
        described: Any = _without_code(stated)
    if not is_table(stated):
        raise ModelSpecError("its config.json holds no JSON object")
    if "configuration_files" in described:
        raise ModelSpecError("its config.json refers to other files, in `configuration_files`")
    return stated, described


def _without_code(value: Any) -> Any:
    """A value of JSON without `auto_map` at any depth: there transformers looks for code."""
    if is_table(value):
        return {key: _without_code(part) for key, part in value.items() if key != _AUTO_MAP}
    return [_without_code(part) for part in value] if is_list(value) else value


@contextmanager
def _told(stated: Mapping[str, Any], *, network: bool, code: bool) -> Generator[None]:
    """Seal what is done, and say of a failure what may be behind it."""
    with sealed(network=network, code=code) as seal:
        try:
            with explained("transformers cannot build it"):
                yield
        except ModelSpecError as error:
            message = str(error)
            if seal.refused:
                message = f"building it {seal.refused[0]}"
                named = ", ".join(islice(_repositories(stated), 3))
                if named:
                    message += f": its config.json has to say in full what stands for {named}"
            if _AUTO_MAP in stated and not code:
                own = f"it comes with code of its own, in {quote(_AUTO_MAP)}: {_TRUST}"
                message = f"{own}; without it, {message}"
            raise ModelSpecError(message) from error


def _repositories(value: Any, key: str = "") -> Iterator[str]:
    """The values in JSON that may be repositories of the Hub, for messages."""
    if is_table(value):
        for name, part in value.items():
            yield from _repositories(part, name)
    elif is_list(value):
        for part in value:
            yield from _repositories(part, key)
    elif isinstance(value, str) and ("/" in value or key == "backbone"):
        yield quote(f"{key}: {value}")


def _built(
    folder: str,
    stated: Mapping[str, Any],
    *,
    trust_remote_code: bool,
    device: str,
    weights: str | None,
) -> Module:
    torch: Any = import_module("torch")
    transformers: Any = import_module("transformers")
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
    for part in _configs(config, transformers.PreTrainedConfig, set()):
        # What transformers keeps to itself: every spelling ends there.
        for implementation in ("_attn_implementation", "_experts_implementation"):
            setattr(part, implementation, "eager")
    architectures = [name for name in stated.get("architectures") or () if isinstance(name, str)]
    build = _own_class(stated, architectures) if trust_remote_code else None
    build = build or _known_class(architectures) or transformers.AutoModel.from_config
    with torch.device("meta" if weights is not None else device), torch.random.fork_rng([]):
        torch.manual_seed(0)
        # In evaluation, as `from_pretrained` gives it.
        model = build(config).eval()
    if weights is not None:
        untyped: Any = model
        return untyped.from_pretrained(
            weights, config=config, local_files_only=True, use_safetensors=True
        )
    return model if device == "meta" or config.dtype is None else model.to(config.dtype)


def _configs(value: Any, kind: type, seen: set[int]) -> Iterator[Any]:
    """A config and those in it, wherever a model keeps them."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, kind):
        yield value
        value = value.__dict__
    for part in _parts(value):
        yield from _configs(part, kind, seen)


def _parts(value: Any) -> Iterable[Any]:
    """What a value of JSON holds."""
    if is_table(value):
        return value.values()
    return value if is_list(value) else ()


def _own_class(stated: Mapping[str, Any], architectures: list[str]) -> Callable[[Any], Any] | None:
    """What builds the model from the code that it comes with, if it comes with any."""
    references: dict[str, Any] = {
        auto: reference
        for auto, reference in stated.get(_AUTO_MAP, {}).items()
        if auto.startswith("AutoModel") and isinstance(reference, str)
    }
    if not references:
        return None
    classes = {auto: reference.rpartition(".")[2] for auto, reference in references.items()}
    auto = next(
        (auto for auto, cls in classes.items() if cls in architectures), next(iter(classes))
    )
    auto_class: Any = getattr(import_module("transformers"), auto)
    return partial(auto_class.from_config, trust_remote_code=True)


def _known_class(architectures: list[str]) -> Callable[[Any], Any] | None:
    """The first architecture that is a model of transformers."""
    transformers: Any = import_module("transformers")
    named = (getattr(transformers, name, None) for name in architectures)
    kind = transformers.PreTrainedModel
    return next((cls for cls in named if isinstance(cls, type) and issubclass(cls, kind)), None)
