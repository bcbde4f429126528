"""Anchors of YAML (`&name`), what aliases (`*name`) stand for, and where both are.

An alias gives the value of its anchor, never a copy. Whoever walks over a config visits that value
once for each alias: what all aliases together stand for is limited, so that this is no more than
what a large file costs.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.files.parsed import MAX_DEPTH, Findings, Value, items
from kernel_schema.files.text.nodes import Node
from kernel_schema.wording import Suggester, listing, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.routes import Step

MAX_REPEATED: Final = 50_000
"""How many keys and values the aliases of a file may stand for, 100 characters counting as one."""

_MOST_SHOWN: Final = 8


class _Anchor(NamedTuple):
    """What an alias stands for: the value, and where it is among the places of the text.

    `size` is how many keys and values are in it, `levels` how many lists and tables stand inside
    one another; `aside` has what is wrong with it, if it stands outside of the config.
    """

    value: Value
    spot: int
    size: int
    levels: int
    aside: Aside | None


class Aside(Findings):
    """The problems of a value that counts only if an alias brings it into the config."""

    counts = False

    def __init__(self, whole: Findings) -> None:
        super().__init__(whole.text)
        self.lines = whole.lines


class Anchors:
    """The anchors of one text as far as it was read, and the places of its aliases."""

    def __init__(self) -> None:
        # By their spots, as `Places` has them: where the anchor of an alias is, and where a
        # `&name` stands.
        self.targets: dict[int, int] = {}
        self.signs: dict[int, tuple[int, int]] = {}
        self._named: dict[str, _Anchor | None] = {}
        # In the config, and beside it.
        self._repeated = Counter[bool]()

    def begin(self, name: str) -> None:
        """An anchor whose value is still to come: no alias inside of it can stand for it."""
        self._named[name] = None

    def keep(self, name: str, value: Value, spot: int, findings: Findings) -> None:
        """The value of an anchor, of which `findings` has the problems."""
        aside = findings if isinstance(findings, Aside) else None
        self._named[name] = _Anchor(value, spot, *_measured(value), aside)

    def forget(self, name: str) -> None:
        """An anchor in a key that is no text: what is in it has no place."""
        self._named.pop(name, None)

    def value(
        self, name: str, spot: int, depth: int, findings: Findings, at: tuple[int, int]
    ) -> Value:
        """What an alias in the config stands for; where it stands for nothing, it is noted."""
        anchor = self._named.get(name)
        written = quote(f"&{name}")
        if anchor is None:
            message = f"there is no anchor {written} before this alias"
            before = f"write {written} before the value that is meant"
            help_text = f"{before}, or quote text that starts with `*`"
            if name in self._named:
                message = f"this alias stands inside of what it stands for, {written}"
                help_text = "write out what is meant"
            elif (nearest := Suggester(list(self._named)).closest(name)) is not None:
                help_text = f"did you mean {quote(f'*{nearest}')}?"
            findings.add("yaml-alias", *at, message, help_text)
            return None
        beside = isinstance(findings, Aside)
        self._repeated[beside] += anchor.size
        if self._repeated[beside] > MAX_REPEATED:
            message = f"up to here aliases stand for more than {MAX_REPEATED} keys and values"
            if beside and anchor.aside:  # it was so before
                findings.adopt(anchor.aside)
            elif not beside or not findings:
                findings.add("yaml-alias", *at, message, "let aliases stand for less")
            if not beside:
                raise findings.error()
            return None  # it counts where an alias brings it in
        if depth + anchor.levels > MAX_DEPTH:
            findings.too_deep(*at)
        if anchor.aside is not None and anchor.aside is not findings:
            findings.adopt(anchor.aside)
        self.targets[spot] = anchor.spot
        return anchor.value


def _measured(value: Value) -> tuple[int, int]:
    """How many keys and values a value is, and how many levels it has."""
    size = 1 + len(value) // 100 if isinstance(value, str) else 1
    if not isinstance(value, (dict, list)):
        return size, 0
    levels = 0
    for key, item in items(value).items():
        below = _measured(item)
        size += below[0] + isinstance(key, str) + len(str(key)) // 100
        levels = max(levels, below[1])
    return size, levels + 1


def note_merge(findings: Findings, mapping: Mapping[str, Value], start: int) -> None:
    """Note a `<<` that should bring keys into a table, and which they are."""
    merged = mapping["<<"]
    sources = merged if isinstance(merged, list) else [merged]
    if not sources or not all(isinstance(source, dict) for source in sources):
        return  # a key like any other
    keys = dict.fromkeys(str(key) for source in sources for key in items(source))
    lacking = [key for key in keys if key not in mapping]
    help_text = "remove it: there is a key here for each that it would bring in"
    if lacking:
        more = f" and {len(lacking) - _MOST_SHOWN} more" if len(lacking) > _MOST_SHOWN else ""
        noun, each = ("key", "") if len(lacking) == 1 else ("keys", "each ")
        shown = listing(lacking[:_MOST_SHOWN], "and")
        help_text = f"write the {noun} {shown}{more} here, {each}with its value or an alias for it"
    message = "nothing is merged with `<<`: what counts in a table stands in it"
    findings.add("yaml-merge", start, start + 2, message, help_text)


class Places(NamedTuple):
    """Where the keys and values of a text are.

    Their starts and ends follow one another in the order of the text; the index of a start is a
    spot. `ends` has, by the spot of a list or table, the spot behind all that is in it.
    """

    spans: list[int]
    ends: dict[int, int]
    anchors: Anchors


class Place(Node):
    """The place of one value. What is in it is looked for when asked for: few places ever are.

    Through an alias it is the place of what the alias stands for.
    """

    __slots__ = ("_alias", "_places", "_spot", "_value")

    def __init__(self, value: Value, places: Places, spot: int = 0) -> None:
        self._spot = places.anchors.targets.get(spot, spot)
        super().__init__(places.spans[self._spot], places.spans[self._spot + 1])
        self._value, self._places, self._alias = value, places, spot

    @property
    def identity(self) -> int:
        """The same for two places of one value: what is changed in one is in the other."""
        return self._spot

    @property
    def sign(self) -> tuple[int, int] | None:
        """Where the `&name` of the value stands, if it has one."""
        return self._places.anchors.signs.get(self._spot)

    @property
    def written(self) -> tuple[int, int]:
        """Where the value is written: for an alias, that."""
        start, end = self._places.spans[self._alias : self._alias + 2]
        return start, end

    def under(self, step: Step) -> Node | None:
        """The place of what stands under a key or list position, if there is such a thing."""
        if not self.children:
            spans, ends, _ = self._places
            spot, keyed = self._spot + 2, 2 * isinstance(self._value, dict)
            for key, value in items(self._value).items():
                spot += keyed
                node = self.children[key] = Place(value, self._places, spot)
                if keyed:
                    node.key_start, node.key_end = spans[spot - 2 : spot]
                spot = ends.get(spot, spot + 2)
        return self.children.get(step)
