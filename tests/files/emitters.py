"""Writers of YAML, JSON and TOML that take every freedom the format gives, and note where what is.

Each returns the text and, for every route, the offsets of the key and of the value in it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

Route = tuple["str | int", ...]


@dataclass
class Page:
    """A text that grows, and the places in it; `keys` lacks the root and the items of lists."""

    random: Random
    text: str = ""
    keys: dict[Route, tuple[int, int]] = field(default_factory=dict)
    values: dict[Route, tuple[int, int]] = field(default_factory=dict)

    def add(self, *choices: str) -> None:
        """Write one of these."""
        self.text += self.random.choice(choices)

    def key(self, route: Route, written: str) -> None:
        start = len(self.text)
        self.text += written
        self.keys.setdefault(route, (start, len(self.text)))

    def value(self, route: Route, written: str) -> None:
        start = len(self.text)
        self.text += written
        self.values[route] = (start, len(self.text))

    def maybe(self) -> bool:
        return self.random.random() < 0.5


def escaped(random: Random, text: str) -> str:
    """Text for between double quotes, some of it as escapes that all three formats know."""
    return "".join(
        json.dumps(char)[1:-1]
        if char in '"\\' or ord(char) < 32
        else f"\\u{ord(char):04x}"
        if 0x7F <= ord(char) <= 0x9F
        or char in "\u2028\u2029\ufeff\ufffe\uffff"
        or (ord(char) < 0xD800 and random.random() < 0.1)
        else char
        for char in text
    )


def to_json(value: Any, random: Random) -> Page:
    page = Page(random)
    blanks = ("", "", " ", "\t", "\n", "\r\n", "\r", "  \n ")

    def write(value: Any, route: Route) -> None:
        start = len(page.text)
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            page.add("{" if isinstance(value, dict) else "[")
            page.add(*blanks)
            for number, (step, item) in enumerate(items):
                if number:
                    page.add(",")
                    page.add(*blanks)
                inner = (*route, step)
                if isinstance(value, dict):
                    page.key(inner, f'"{escaped(random, str(step))}"')
                    page.add(*blanks)
                    page.add(":")
                    page.add(*blanks)
                write(item, inner)
                page.add(*blanks)
            page.add("}" if isinstance(value, dict) else "]")
        elif isinstance(value, str):
            page.add(f'"{escaped(random, value)}"')
        else:
            page.add(json.dumps(value))
        page.values[route] = (start, len(page.text))

    page.add(*blanks)
    write(value, ())
    page.add(*blanks)
    return page


_PLAIN = re.compile(r"[A-Za-z_/\u00c0-\u024f\u4e00-\u4fff](?:[\w./@\u0300-\u036f-]|:(?=\w))*")
_WORDS = {"true", "false", "null", "True", "False", "Null", "TRUE", "FALSE", "NULL"}


class YamlPage(Page):
    """Writes YAML: blocks, and flow style from any depth on."""

    def scalar(self, value: Any, indent: int | None) -> str:
        """A scalar; `indent` is None where a text over several lines cannot stand."""
        if isinstance(value, str):
            return self.string(value, indent)
        if value is None:
            return self.random.choice(("null", "~", "Null", "NULL"))
        if isinstance(value, bool):
            return self.random.choice((str(value), str(value).lower(), str(value).upper()))
        if isinstance(value, float):
            return repr(value)
        words = [str(value)]
        if value >= 0:
            words += [f"+{value}", f"0{value}", f"{value:#x}", f"{value:#o}"]
        return self.random.choice(words)

    def string(self, text: str, indent: int | None) -> str:
        forms = [f'"{escaped(self.random, text)}"']
        if text.isprintable() and "\ufeff" not in text:
            forms.append("'" + text.replace("'", "''") + "'")
        if _PLAIN.fullmatch(text) and text not in _WORDS:
            forms += [text, text]
        lines = text.split("\n")
        if indent is not None and all(line.isprintable() and line.strip() for line in lines[:-1]):
            last = lines[-1]
            if len(lines) > 1 and (not last or (last.isprintable() and last.strip())):
                head = "|" if not last else "|-"
                body = lines if last else lines[:-1]
                if not body[0].startswith(" ") and "\ufeff" not in text:
                    pad = " " * (indent + 1)
                    forms.append(head + "".join(f"\n{pad}{line}" for line in body))
                    forms.append(forms[-1])
        return self.random.choice(forms)

    def flow(self, value: Any, route: Route) -> None:
        start = len(self.text)
        blanks = ("", " ", "\n ", "\t", " # c:\n  ")
        if isinstance(value, dict | list):
            opening, closing = "{}" if isinstance(value, dict) else "[]"
            self.add(opening)
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for step, item in items:
                self.add(*blanks)
                inner = (*route, step)
                if isinstance(value, dict):
                    self.key(inner, self.string(str(step), None))
                    self.add(": ", " : ", ":\t", ":\n  ")
                self.flow(item, inner)
                self.add(*blanks)
                self.add(",")
            self.add(*blanks)
            self.add(closing)
        else:
            self.add(self.scalar(value, None))
        self.values[route] = (start, len(self.text))

    def end_line(self) -> None:
        self.add("\n", "\n", " # a: b\n", "\n\n", "\n# c\n", "\n   \n")

    def block(self, value: Any, route: Route, indent: int) -> None:
        """A value behind `key:` or `-`, line break included."""
        if not isinstance(value, dict | list) or not value or self.random.random() < 0.3:
            self.add(" ", "  ", "\n" + " " * (indent + 1))
            start = len(self.text)
            if isinstance(value, dict | list):
                self.flow(value, route)
                self.end_line()
            else:
                written = self.scalar(value, indent)
                self.value(route, written)
                self.add("\n") if "\n" in written else self.end_line()
            assert self.values[route][0] == start
            return
        self.end_line()
        self.lines(value, route, indent + self.random.choice((1, 2, 4)))

    def lines(self, value: Any, route: Route, indent: int) -> None:
        start = -1
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            self.text += " " * indent
            start = len(self.text) if start < 0 else start
            inner = (*route, step)
            if isinstance(value, dict):
                self.key(inner, self.string(str(step), None))
                self.add(":", " :")
            else:
                self.add("-")
            self.block(item, inner, indent)
        last = max(end for place, (_, end) in self.values.items() if place[: len(route)] == route)
        self.values[route] = (start, last)


def to_yaml(value: Any, random: Random) -> Page:
    page = YamlPage(random)
    page.add("", "# head\n", "---\n", "--- # head\n", "%YAML 1.2\n---\n", "\n\n")
    if isinstance(value, dict | list) and value and page.maybe():
        page.lines(value, (), random.choice((0, 0, 2)))
    else:
        page.flow(value, ())
        page.add("", "\n", " # c\n")
    if page.text.endswith("\n"):
        page.add("", "", "...\n", "\n# c\n")
    return page


@dataclass
class TomlPage(Page):
    """Writes TOML: tables with headers, with dotted keys, in braces; tables in lists as well."""

    style: dict[Route, str] = field(default_factory=dict)

    def name(self, key: str) -> str:
        forms = [f'"{escaped(self.random, key)}"']
        if re.fullmatch(r"[A-Za-z0-9_-]+", key):
            forms += [key, key]
        if key.isprintable() and "'" not in key:
            forms.append(f"'{key}'")
        return self.random.choice(forms)

    def inline(self, value: Any, route: Route) -> None:
        start = len(self.text)
        if isinstance(value, dict):
            self.add("{")
            for number, (step, item) in enumerate(value.items()):
                self.add("," if number else "")
                self.add("", " ", "\t")
                self.pair((*route, step), 1, item)
            self.add("", " ")
            self.add("}")
        elif isinstance(value, list):
            blanks = ("", " ", "\n", " # c]\n", "\r\n\t")
            self.add("[")
            for number, item in enumerate(value):
                self.add(*blanks)
                self.inline(item, (*route, number))
                self.add(*blanks)
                self.add("," if number < len(value) - 1 or self.maybe() else "")
            self.add(*blanks)
            self.add("]")
        else:
            self.text += self.scalar(value)
        self.values[route] = (start, len(self.text))

    def scalar(self, value: Any) -> str:
        if isinstance(value, str):
            forms = [f'"{escaped(self.random, value)}"']
            lines = value.split("\n")
            inside = "\n".join(escaped(self.random, line) for line in lines)
            forms.append(f'"""{self.random.choice(("", chr(10)))}{inside}"""')
            if inside.startswith("\n"):
                forms[-1] = f'"""\n{inside}"""'
            if value.isprintable() and "'" not in value:
                forms += [f"'{value}'", f"'''{value}'''"]
            return self.random.choice(forms)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return repr(value)
        words = [str(value)]
        if value >= 0:
            words += [f"+{value}", f"{value:_}", f"{value:#x}", f"{value:#o}", f"{value:#b}"]
        return self.random.choice(words)

    def pair(self, route: Route, depth: int, value: Any) -> None:
        """`key = value`, the key being the last `depth` steps of the route."""
        starts = []
        for index in range(len(route) - depth + 1, len(route) + 1):
            if starts:
                self.add(".", " . ", ".\t")
            starts.append(len(self.text))
            self.key(route[:index], self.name(str(route[index - 1])))
        self.add("=", " = ", "\t=\t")
        self.inline(value, route)
        # A table that is named on the way begins behind its name, in the first line that names it.
        for place, start in enumerate(starts[1:]):
            outer = route[: len(route) - depth + 1 + place]
            self.values.setdefault(outer, (start, len(self.text)))

    def pairs(self, table: dict[str, Any], route: Route, depth: int) -> int:
        """What of a table stands in lines of its own; where the last of them ends, or -1."""
        end = -1
        for key, value in table.items():
            inner = (*route, key)
            if self.is_section(inner, value):
                continue
            if isinstance(value, dict) and value and self.style[inner] == "dotted":
                end = max(end, self.pairs(value, inner, depth + 1))
            else:
                self.add("", "  ", "# c\n")
                self.pair(inner, depth, value)
                end = len(self.text)
                self.end_line()
        return end

    def end_line(self) -> None:
        self.add("\n", "\r\n", " # c = [\n", "\n\n", "\t\n")

    def is_section(self, route: Route, value: Any) -> bool:
        return bool(value) and self.style.get(route) == "section"

    def plan(self, value: Any, route: Route, *, inside: bool) -> None:
        """Choose a style for each table; what is inside dotted keys or braces has no sections."""
        tables = isinstance(value, dict) or (
            isinstance(value, list) and all(isinstance(item, dict) for item in value)
        )
        if route and tables:
            styles = ["inline", "dotted"] if isinstance(value, dict) else ["inline"]
            self.style[route] = self.random.choice([*styles, *([] if inside else ["section"] * 2)])
        inside = inside or bool(route and tables and self.style[route] != "section")
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            inner = (*route, step)
            if isinstance(value, list) and tables and not inside:
                self.style[inner] = "section"
                for key, below in item.items():
                    if isinstance(below, dict | list):
                        self.plan(below, (*inner, key), inside=False)
            elif isinstance(item, dict | list):
                self.plan(item, inner, inside=inside or isinstance(value, list))

    def header(self, route: Route, brackets: str) -> tuple[int, int]:
        names = [place for place in range(1, len(route) + 1) if isinstance(route[place - 1], str)]
        start = len(self.text)
        self.text += "[" * len(brackets)
        spots = []
        for number, place in enumerate(names):
            self.add("." if number else "", " . " if number else " ")
            begin = len(self.text)
            self.text += self.name(str(route[place - 1]))
            spots.append((route[:place], begin, len(self.text)))
        self.add("", " ")
        self.text += "]" * len(brackets)
        end = len(self.text)
        for outer, key_start, key_end in spots:
            self.keys.setdefault(outer, (key_start, key_end))
            self.values.setdefault(outer, (start, end))
        self.end_line()
        return start, end

    def sections(self, table: dict[str, Any], route: Route) -> None:
        for key, value in table.items():
            inner = (*route, key)
            if not self.is_section(inner, value):
                continue
            if isinstance(value, list):
                for number, item in enumerate(value):
                    place = (*inner, number)
                    start, end = self.header(inner, "[[")
                    end = max(end, self.pairs(item, place, 1))
                    self.values[place] = (start, end)
                    self.values[inner] = (self.values[inner][0], end)
                    self.sections(item, place)
                continue
            own = any(not self.is_section((*inner, name), item) for name, item in value.items())
            if own or self.maybe():
                for outer in (self.keys, self.values):
                    outer.pop(inner, None)
                start, end = self.header(inner, "[")
                self.values[inner] = (start, max(end, self.pairs(value, inner, 1)))
            self.sections(value, inner)


def to_toml(value: dict[str, Any], random: Random) -> Page:
    page = TomlPage(random)
    page.plan(value, (), inside=False)
    page.add("", "# head = 1\n", "\n\n")
    page.pairs(value, (), 1)
    page.sections(value, ())
    return page
