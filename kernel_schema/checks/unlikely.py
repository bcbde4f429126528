"""Is anything stated that is right as it stands, and was hardly meant?"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import Diagnostic, Repair, Route, Severity
from kernel_schema.paths import is_directory
from kernel_schema.schema.references import NEWEST, HubRef, LocalRef
from kernel_schema.schema.vocabulary import LOWEST_LIKELY, RANGE_KEYS
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.choice.situation import Situation
    from kernel_schema.schema.ranges import Capabilities

# A kernel version as other tools write it: kernels takes all of these for names in git.
_NUMBER: Final = re.compile(r"V?(0|[1-9][0-9]{0,2})")


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
                    f"capability {bound}.0 is written {10 * bound}",
                    Severity.WARNING,
                    repair=Repair("replace", 10 * bound, safe=_is_certain(bounds)),
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
