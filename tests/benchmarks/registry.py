"""All claims, and how one is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.benchmarks import commands, lowering, reading, validating
from tests.benchmarks.results import Ratio, peer_of
from tests.benchmarks.timing import Spread, in_turn

if TYPE_CHECKING:
    from tests.benchmarks.claims import Claim
    from tests.benchmarks.timing import Effort

CLAIMS: Final[tuple[Claim, ...]] = (
    *commands.CLAIMS,
    *reading.CLAIMS,
    *validating.CLAIMS,
    *lowering.CLAIMS,
)
GROUPS: Final = tuple(dict.fromkeys(claim.group for claim in CLAIMS))


def measure(claim: Claim, effort: Effort) -> Ratio:
    """Run both sides of a claim in turn."""
    with claim.prepare(effort) as pair:
        ours, theirs = in_turn([pair.ours, pair.theirs], effort, claim.clock)
    ratios = [own / max(other, 1e-9) / pair.units for own, other in zip(ours, theirs, strict=True)]
    return Ratio(
        claim=claim.name,
        peer=peer_of(claim),
        clock=claim.clock,
        target=claim.target,
        rounds=len(ratios),
        ours=Spread.of(ours),
        theirs=Spread.of(theirs),
        ratio=Spread.of(ratios),
    )
