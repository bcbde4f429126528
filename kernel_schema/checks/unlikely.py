"""Is anything stated that is right as it stands, and was hardly meant?"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import Diagnostic, Repair, Route, Severity
from kernel_schema.paths import is_directory
from kernel_schema.schema.references import KEPT, NEWEST, HubRef, LocalRef
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    LOWEST_LIKELY,
    MODE_NAMES,
    RANGE_KEYS,
    SPEC_KEYS,
    is_every_device,
)
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.choice.situation import Situation
    from kernel_schema.schema.ranges import Capabilities

# A kernel version as other tools write it: kernels takes all of these for names in git.
_NUMBER: Final = re.compile(r"(?:V|v(?=0[0-9]))?([0-9]{1,3})(?:\.0)?")


def unlikely_capabilities(situation: Situation) -> Iterator[Diagnostic]:
    """Bounds below every GPU that there is: `unlikely-capability`."""
    told: set[Route] = set()
    for rule in situation.ranged:
        bounds = rule.capabilities
        if not (_is_unlikely(bounds.lowest) or _is_unlikely(bounds.highest)):
            continue
        # That of the range, above a mode.
        steps = rule.route.steps
        steps = steps if isinstance(steps[-1], int) else steps[:-1]
        for key, bound in zip(RANGE_KEYS, (bounds.lowest, bounds.highest), strict=True):
            route = Route((*steps, key))
            if _is_unlikely(bound) and route not in told:
                told.add(route)
                yield Diagnostic(
                    "unlikely-capability",
                    f"`{key}: {bound}` means capability {bound / 10}, which no GPU has",
                    route,
                    f"capability {bound}.0 is written {10 * bound}"
                    if bound > 1
                    else "leave it out: capability 9.0 is written 90",
                    Severity.WARNING,
                    repair=Repair("replace", 10 * bound, safe=_is_certain(bounds))
                    if bound > 1
                    else Repair("remove", safe=False),
                )


def _is_unlikely(bound: int) -> bool:
    return 0 < bound < LOWEST_LIKELY


def _is_certain(bounds: Capabilities) -> bool:
    """Whether both bounds, put right, are a range still, and are no more than one digit now."""
    low, high = (
        10 * bound if _is_unlikely(bound) else bound for bound in (bounds.lowest, bounds.highest)
    )
    unlikely = filter(_is_unlikely, (bounds.lowest, bounds.highest))
    return low <= high and all(bound < 10 for bound in unlikely)


def unlikely_revisions(situation: Situation) -> Iterator[Diagnostic]:
    """Revisions that look like versions: `unlikely-revision`."""
    for rule, kernel in situation.on_hub:
        if kernel.revision is None:
            continue
        help_text, repair = "nothing stands for the newest version: write its number", None
        if match := _NUMBER.fullmatch(kernel.revision):
            help_text = f"did you mean `@v{int(match[1])}`?"
            repair = _instead(HubRef(kernel.repo_id, kernel.layer_name, int(match[1])))
        elif kernel.revision.lower() not in NEWEST:
            continue
        yield Diagnostic(
            "unlikely-revision",
            f"{quote(kernel.revision)} is the name of a branch or tag, and no version",
            rule.route,
            help_text,
            Severity.WARNING,
            repair=repair,
        )


def _instead(reference: HubRef | LocalRef) -> Repair:
    return Repair("replace", str(reference), safe=False)


def unlikely_layer_names(situation: Situation) -> Iterator[Diagnostic]:
    """Names that were to stand for several layers, or for no layer: `unlikely-layer-name`.

    Where a model is there, it is told that this does not register them.
    """
    if situation.layers is not None:
        return
    for layer_name in situation.by_layer:
        no_other = _no_other(layer_name)
        if no_other is None:
            continue
        help_text, repair = _WHAT_TO_NAME[no_other], None
        last = layer_name.rpartition(".")[2]
        if no_other is _NO_PATH and last[0].isupper() and last not in situation.by_layer:
            help_text = f"did you mean {quote(last)}?"
            repair = Repair("rename", last, safe=False)
        message = f"{quote(layer_name)} is the name of a layer here, and {no_other}"
        route = Route(("kernel_mapping", layer_name), at_key=True)
        yield Diagnostic(
            "unlikely-layer-name", message, route, help_text, Severity.WARNING, repair=repair
        )


@lru_cache(maxsize=KEPT)
def _no_other(layer_name: str) -> str | None:
    """What the name of a layer is not, and was probably to be; None for most names."""
    if layer_name in _KINDS:
        return _KINDS[layer_name]
    if _PATTERN.search(layer_name) or is_every_device(layer_name):
        return _NO_OTHER
    return _NO_PATH if _PATH.fullmatch(layer_name) else None


_NO_OTHER: Final = "stands for no other"
_NO_PATH: Final = "no path of a module or class"
_KINDS: Final = {
    **dict.fromkeys(DEVICE_NAMES, "no device"),
    **dict.fromkeys(MODE_NAMES, "no mode"),
    **dict.fromkeys((*SPEC_KEYS, *RANGE_KEYS), "no key of an entry"),
}
# Of a shell or of regular expressions, and several names in one.
_PATTERN: Final = re.compile(r"[*^$|\\\[\],]")
_PATH: Final = re.compile(r"[A-Za-z_]\w*(?:\.\w+){2,}")
_LISTED: Final = "`kernel-schema layers` lists those of a model"
_WHAT_TO_NAME: Final = {
    **dict.fromkeys(_KINDS.values(), "name the layer first: `RMSNorm: {cuda: {training: ...}}`"),
    _NO_OTHER: f"name each layer: {_LISTED}",
    _NO_PATH: f"write the name that its class registers: {_LISTED}",
}


def folders_beside(situation: Situation) -> Iterator[Diagnostic]:
    """Repositories of the Hub that are folders here too: `ambiguous-kernel-reference`."""
    directory = situation.directory
    if directory is None:
        return
    is_here: dict[str, bool] = {}
    for rule, kernel in situation.on_hub:
        if kernel.states_pin:
            continue
        repo_id = kernel.repo_id
        if repo_id not in is_here:
            is_here[repo_id] = is_directory(os.path.join(directory, repo_id))  # noqa: PTH118 (fast)
        if is_here[repo_id]:
            on_disk = LocalRef(repo_id, kernel.layer_name)
            yield Diagnostic(
                "ambiguous-kernel-reference",
                f"{quote(repo_id)} is a folder here, and the kernel is looked for on the Hub",
                rule.route,
                f"for the folder write {quote(str(on_disk))}",
                Severity.WARNING,
                repair=_instead(on_disk),
            )
