"""Every help in the corpus is right: what it says is done, and its finding must be gone.

Where a repair does it, that is made, and the help has to name what it writes. Everything else is
done by `EDITS`, a table from the words of a help to what a user makes of them, word for word: in
the text, or in what the file holds, which is then written as JSON. A help that leaves a choice
gives several results; one of them has to be right. `DECISIONS` are helps that nobody can follow
without knowing more than the file.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import pytest

import kernel_schema as ks
from kernel_schema.codes import Stage, catalogue
from kernel_schema.files.parsed import LineIndex
from kernel_schema.files.repair import edited
from kernel_schema.schema.vocabulary import (
    CONFIG_KEYS,
    DEVICE_NAMES,
    MODE_NAMES,
    RANGE_KEYS,
    SPEC_KEYS,
)
from tests.corpus.cases import FOLDERS, Case, cases, inside
from tests.fuzz.configs import FORMATS
from tests.json_schema.documents import readers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_schema.files.document import Format

DECISIONS = {
    "paths of bases start at the folder of the file": "which file is meant",
    "write a path from that folder": "which file is meant",
    "give one of them other bounds, or write both as modes": "which bounds, or which modes",
    "give each layer a kernel of its own": "which kernels",
    "name each layer": "which layers a model has",
    "write the name that its class registers": "which layers a model has",
    "put `kernel` inside": "which device, or what the others are for",
    "each repository is named": "which repositories of a publisher",
    "name the layer first": "which layer",
    "write it all in one place": "a string and a table cannot both be meant",
    "change `id` in ": "another file",
    "kernels chooses by what torch is built for": "the build of a kernel",
    "kernels refuses it as it loads": "a file of a kernel",
    "kernels takes a kernel whose arguments": "which other kernel",
    "the flags `has_backward` and `can_torch_compile`": "the code of a kernel",
    "relative paths start at the working directory": "where the kernel is",
    "write it with `kernels lock`": "another file",
    "let aliases stand for less": "which of them",
    "write out what is meant": "what is meant",
    "check what is made of the template": "what is filled in",
    "keep one of the two sides": "which of them",
    "write the folder out": "where another user's home is",
    "save it as UTF-8": "which encoding it has",
    "It registers `": "which of the model's layers is meant",
    "the class `Attention` is in the model but": "which of the model's layers is meant",
    "variables are not expanded": "what stands in a variable",
    "register them under different names": "the code of the model",
    "set `kernel_layer_name` on its class": "the code of the model",
    "call .train() or .eval()": "the code that uses the model",
    "name the device to keep what is inherited": "for which devices",
}
# Of what is no text, a help can only say that it should be.
TEXTS = [case for case in cases(*FOLDERS[1:]) if not case.name.startswith("not-utf8")]
STAGES = get_args(Stage)
_QUOTED = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"[\w$-]+")


class Place(NamedTuple):
    """Where a help is followed.

    Args:
        text: The file, without a byte order mark.
        format: Its format.
        diagnostic: What was found.
        words: The words of the help that are in backticks.
    """

    text: str
    format: Format
    diagnostic: ks.Diagnostic
    words: tuple[str, ...]

    @property
    def start(self) -> int:
        """The offset at which the finding begins."""
        span = self.diagnostic.span
        return 0 if span is None else LineIndex(self.text).offset(span.line, span.column)

    @property
    def end(self) -> int:
        """The offset at which it ends."""
        span = self.diagnostic.span
        return 0 if span is None else LineIndex(self.text).offset(span.end_line, span.end_column)

    @property
    def shown(self) -> str:
        """What it points at."""
        return self.text[self.start : self.end]

    @property
    def line(self) -> tuple[int, int]:
        """The line in which it begins, with its end."""
        after = self.text.find("\n", self.start)
        begin = self.text.rfind("\n", 0, self.start) + 1
        return begin, len(self.text) if after < 0 else after + 1

    @property
    def steps(self) -> tuple[Any, ...]:
        """The keys that lead to it."""
        return self.diagnostic.route.steps

    def put(self, new: str, start: int | None = None, end: int | None = None) -> Result:
        """The text with something in the place of what is pointed at, or of another stretch."""
        start, end = self.start if start is None else start, self.end if end is None else end
        return Result(self.text[:start] + new + self.text[end:], self.format)


class Result(NamedTuple):
    """What a file holds once a help is followed, and where the config is in it."""

    text: str
    format: Format
    at: str | None = None


def holder(value: Any, steps: tuple[Any, ...]) -> Any:
    """What stands at a route."""
    for step in steps:
        value = value[step]
    return value


def in_data(change: Callable[[Any, Place], Any]) -> Any:
    """An edit of what the file holds."""

    def edit(place: Place) -> list[Result]:
        value: Any = copy.deepcopy(readers()[place.format](place.text).value)
        changed = change(value, place)
        text = json.dumps(value if changed is None else changed, default=str)
        # JSON is YAML; of TOML, the same in another format has to be right too.
        at = "tool.kernel-schema" if "tool" in value else None
        return [Result(text, "json" if place.format == "toml" else place.format, at)]

    return edit


def in_text(change: Callable[[Place], Result | list[Result]]) -> Any:
    """An edit of the text."""

    def edit(place: Place) -> list[Result]:
        made = change(place)
        return [made] if isinstance(made, Result) else made

    return edit


def put_value(value: Any, place: Place, new: Any) -> None:
    """Write another value."""
    *up, last = place.steps
    holder(value, tuple(up))[last] = new


def put_word(value: Any, place: Place) -> None:
    """Write the first word in backticks, as a value."""
    put_value(value, place, place.words[0])


def without_empty(value: Any, steps: tuple[Any, ...]) -> None:
    """Take out the tables that say nothing any more, up from one."""
    while len(steps) > 1 and set(holder(value, steps)) <= set(RANGE_KEYS):
        del holder(value, steps[:-1])[steps[-1]]
        steps = steps[:-1]


def repaired(value: Any, place: Place) -> Any:
    """What `repair` says, where no edit of the text can do it."""
    repair = place.diagnostic.repair
    assert repair is not None
    steps = place.steps[: len(place.steps) - repair.up]
    if not steps:
        return repair.value
    *up, last = steps
    if repair.action == "replace":
        holder(value, tuple(up))[last] = repair.value
    elif repair.action == "rename":
        renamed(value, place, repair.value)
    else:
        drop(value, place)
    return value


def with_options(value: Any, place: Place) -> None:
    """Write the first item of a list as a kernel with options."""
    put_value(value, place, {"kernel": holder(value, place.steps)[0], "version": 1})


def as_range(value: Any, place: Place) -> None:
    """Write a device as a list with one range: the bounds, beside what else it holds."""
    name = next(name for name in place.steps if name in DEVICE_NAMES)
    steps = place.steps[: place.steps.index(name)]
    table = holder(value, place.steps[:-1])
    bounds = {key: table.pop(key) for key in list(table) if key in RANGE_KEYS}
    holder(value, steps)[name] = [{**bounds, **holder(value, steps)[name]}]


def under_cuda(value: Any, place: Place) -> None:
    """Write a list with one range under a device."""
    *up, mode, bound = place.steps
    layer = holder(value, tuple(up))
    stated = layer[mode].pop(bound)
    holder(value, tuple(up[:-1]))[up[-1]] = {"cuda": [{bound: stated, **layer}]}


def without_list(value: Any, place: Place) -> None:
    """Write what is in a list in place of it."""
    steps = place.steps
    while not isinstance(holder(value, steps), list):
        steps = steps[:-1]
    *up, last = steps
    item = dict(holder(value, steps)[0])
    holder(value, tuple(up))[last] = {k: v for k, v in item.items() if k not in RANGE_KEYS}


def add_original(value: Any, place: Place) -> None:
    """Add an entry for a device."""
    entry = holder(value, place.steps)
    entry[place.words[0]] = "original"


def add_kernel(value: Any, place: Place) -> None:
    """Add `kernel`."""
    steps = place.steps[:-1] if place.steps[-1] == "kernel" else place.steps
    holder(value, steps)["kernel"] = "org/repo:layer_name"


def numbered(value: Any, place: Place) -> None:
    """Write a version as a number, in a reference or on its own."""
    old = holder(value, place.steps)
    reference = isinstance(old, str) and "@" in old
    put_value(value, place, re.sub(r"@\w+", "@v1", old) if reference else 1)


def drop(value: Any, place: Place) -> None:
    """Leave it out."""
    *up, last = place.steps
    del holder(value, tuple(up))[last]
    without_empty(value, tuple(up))


def move_up(value: Any, place: Place, depth: int) -> None:
    """Move a key to the table that `depth` steps lead to."""
    *up, last = place.steps
    holder(value, place.steps[:depth])[last] = holder(value, tuple(up)).pop(last)
    without_empty(value, tuple(up))


def no_layers(value: Any, place: Place) -> Any:
    """Write a config without layers."""
    del place
    return {**(value or {}), "kernel_mapping": {}}


def layers_under(value: Any, place: Place) -> Any:
    """Put layers under `kernel_mapping`."""
    del place
    known = {key: item for key, item in value.items() if key in CONFIG_KEYS}
    layers = {key: item for key, item in value.items() if key not in CONFIG_KEYS}
    return {**known, "kernel_mapping": layers}


def inside_of(value: Any, place: Place) -> None:
    """Put what stands beside a device or mode inside it."""
    *up, name = place.steps
    table = holder(value, tuple(up))
    rest = {key: table.pop(key) for key in list(table) if key in SPEC_KEYS}
    table[name] = rest


def modes_inside(value: Any, place: Place) -> None:
    """Put modes inside the table of the device that stands beside them."""
    table = holder(value, place.steps[:-1])
    modes = {key: table.pop(key) for key in list(table) if key in MODE_NAMES}
    device = next(key for key in table if key in DEVICE_NAMES)
    table[device] = modes


def options_inside(value: Any, place: Place) -> None:
    """Write the kernel of a device or mode as a table, with the options that stand beside it."""
    table = holder(value, place.steps[:-1])
    name = next(key for key in table if key in (*DEVICE_NAMES, *MODE_NAMES))
    others = [key for key in table if key not in (*DEVICE_NAMES, *MODE_NAMES)]
    options = {key: table.pop(key) for key in others}
    table[name] = {"kernel": table[name], **options}


def layers_first(value: Any, place: Place) -> None:
    """Turn `{device: {layer: ...}}` round."""
    *up, name = place.steps
    mapping = holder(value, tuple(up))
    for layer, entry in mapping.pop(name).items():
        mapping.setdefault(layer, {})[name] = entry


def layer_named(value: Any, place: Place) -> None:
    """Write the kernel that stands for all layers for one."""
    put_value(value, place, {"RMSNorm": holder(value, place.steps)})


def unwrapped(value: Any, place: Place) -> None:
    """Write what is in a table in place of it."""
    *up, wrapper = place.steps
    put_value(value, place._replace(diagnostic=at(place, up)), holder(value, tuple(up))[wrapper])


def at(place: Place, steps: Any) -> ks.Diagnostic:
    """What was found, as if it were found elsewhere."""
    return replace(place.diagnostic, route=ks.Route(tuple(steps)))


def turned_round(value: Any, place: Place) -> None:
    """Turn `{mode: {device: ...}}` round."""
    *up, mode, device = place.steps
    entry = holder(value, tuple(up))
    stated = entry[mode].pop(device)
    entry.setdefault(device, {})[mode] = stated
    if not entry[mode]:
        del entry[mode]


def bounded_as_told(value: Any, place: Place) -> None:
    """Write the bound that a help names into the range that it names."""
    told = re.search(r"`\W*(\w+)\W+(\d+)` for capability (\d+)", place.diagnostic.help or "")
    assert told is not None
    for entry in holder(value, place.steps[:-1]):
        if entry.get("min_capability", 0) == int(told[3]):
            entry[told[1]] = int(told[2])


def all_but(kept: str) -> Any:
    """Remove all pins but one."""

    def change(value: Any, place: Place) -> None:
        table = holder(value, place.steps)
        if not isinstance(table, dict):
            table = holder(value, place.steps[:-1])
        for word in place.words:
            if word == kept:
                continue
            if word.startswith("@"):
                table["kernel"] = table["kernel"].replace(word, "")
            else:
                table.pop(word)

    return in_data(change)


def one_pin(place: Place) -> Iterator[Result]:
    """Remove all pins but one, whichever."""
    for word in place.words:
        yield from all_but(word)(place)


def replaced_in(value: Any, place: Place, old: str, new: str) -> None:
    """Write something else for a part of a text, at the finding or right below it."""
    found = holder(value, place.steps)
    if isinstance(found, str):
        put_value(value, place, re.sub(old, new, found))
        return
    for key, item in found.items():
        if isinstance(item, str):
            found[key] = re.sub(old, new, item)


def under_the_mapping(value: Any, place: Place) -> None:
    """Put a layer under `kernel_mapping`."""
    value["kernel_mapping"][place.steps[-1]] = value.pop(place.steps[-1])


def key_for_each(value: Any, place: Place) -> None:
    """Write a key for each of several devices."""
    *up, last = place.steps
    table = holder(value, tuple(up))
    table.update(dict.fromkeys(place.words, table.pop(last)))


def renamed(value: Any, place: Place, name: str) -> None:
    """Give a key another name."""
    *up, last = place.steps
    table = holder(value, tuple(up))
    table[name] = table.pop(last)


def either_name(place: Place) -> Iterator[Result]:
    """Give a key one of the names in backticks."""
    for word in place.words:
        yield from in_data(partial(renamed, name=word))(place)


def elsewhere(place: Place) -> Iterator[Result]:
    """Pass `--at`."""
    for route in re.findall(r"`--at ('[^']+'|[^`]+)`|or `('[^']+')`", place.diagnostic.help or ""):
        yield Result(place.text, place.format, "".join(route).strip("'"))


def indented(place: Place) -> Iterator[Result]:
    """Indent a line as one of the lines above, or a bit more."""
    begin, end = place.line
    line = place.text[begin:end]
    above = place.text[:begin].splitlines()
    for width in {len(other) - len(other.lstrip(" ")) for other in above if other.strip()}:
        for more in (0, 2):
            yield place.put(" " * (width + more) + line.lstrip(" "), begin, end)


def without_one(place: Place) -> Iterator[Result]:
    """Remove a key that is there twice: in its line, in its brackets or down to the next header."""
    begin, end = place.line
    yield place.put("", begin, end)
    rest = re.compile(r"[^,}\]\n]*,?\s*").match(place.text, place.end)
    yield place.put("", place.start, place.end if rest is None else rest.end())
    header = place.text.find("\n[", begin)
    yield place.put("", begin, len(place.text) if header < 0 else header + 1)
    before = re.compile(r",\s*\Z").search(place.text, 0, place.start)
    if before and rest:
        yield place.put("", before.start(), rest.end())


def below_a_key(place: Place) -> Result:
    """Write a key above an item of a list, where that stands."""
    indentation = place.text[place.line[0] : place.start]
    return place.put(f"cuda:\n{indentation}", end=place.start)


def keys_written(place: Place) -> Result:
    """Write keys in place of a line."""
    begin, end = place.line
    line = place.text[begin:end]
    indentation = line[: len(line) - len(line.lstrip(" "))]
    return place.put("".join(f"{indentation}{key}: original\n" for key in place.words), begin, end)


def one_document(place: Place) -> Iterator[Result]:
    """Remove the line between two documents, or keep the first of them."""
    yield place.put("", *place.line)
    yield place.put("", place.start, len(place.text))


def quoted(place: Place) -> Iterator[Result]:
    """Quote the rest of the line, or what of it stands before the next comma or bracket."""
    rest = place.text[place.start : place.line[1]].rstrip()
    for value in (rest, re.split(r"[,\]}]", rest)[0]):
        yield place.put(json.dumps(value), place.start, place.start + len(value))


def quoted_key(place: Place) -> Result:
    """Put a key in quotes."""
    begin, end = place.line
    key = place.text[begin:end].partition("=")[0].strip()
    return place.put(f'"{key}"', begin, begin + len(key))


def in_one_line(place: Place) -> list[Result]:
    """Give what is in braces a header of its own, with a line for each key."""
    begin = place.line[0]
    end = place.text.find("}", place.start) % (len(place.text) + 1)  # or that of the file
    name = place.text[begin : place.start].partition("=")[0].strip()
    rows = place.text[place.start + 1 : end].replace(",\n", "\n").strip()
    header = re.findall(r"^\[(.*)\]", place.text[:begin], re.MULTILINE)
    path = ".".join((*header[-1:], name))
    return [place.put(f"[{path}]\n{rows}\n", begin, end + 1)]


# From the words of a help to what is done: the first that fits.
EDITS: dict[str, Any] = {
    r"a kernel is written `": in_data(put_word),
    r"a local kernel is written `": in_data(partial(put_value, new="./path:layer_name")),
    r"add an entry for `": in_data(add_original),
    r"name the device: `": in_data(under_cuda),
    r"write a kernel with options as `": in_data(with_options),
    r"write the device as a list": in_data(as_range),
    r"write the kernel without a list": in_data(without_list),
    r"add `\"?kernel\"?": in_data(add_kernel),
    r"add the layer, as in `": in_data(put_word),
    r"did you mean `\w+`\? it has ": in_data(
        lambda value, place: replaced_in(value, place, r"\w+\Z", place.words[0])
    ),
    r"did you mean `\[": in_text(
        lambda place: place.put(place.words[0].split(".")[-1].strip("[]"))
    ),
    r"end lines with a line feed": in_text(
        lambda place: place.put(re.sub("\r\n?", "\n", place.text), 0, len(place.text))
    ),
    r"give it a line of its own": in_text(lambda place: place.put("\n", end=place.start)),
    r"indent it ": indented,
    r"put it below a key of its own": in_text(below_a_key),
    r"this looks like": in_text(
        lambda place: Result(place.text, next(each for each in FORMATS if each in place.words[0]))
    ),
    r"remove the `- `": in_text(lambda place: place.put("", end=place.end + 1)),
    r"put text in quotes": in_text(lambda place: place.put(json.dumps(place.shown))),
    r"layers come first": in_data(layers_first),
    r"layers are keys: `\"?RMSNorm\"? ?[:=]": in_data(layer_named),
    r"leave `kernel` out, and write what it holds": in_data(unwrapped),
    r"turn them round": in_data(turned_round),
    r"add the organisation, as in `": in_data(put_word),
    r"write `.*, which says the same": in_data(bounded_as_told),
    r"leave the key out|remove the line": in_text(lambda place: place.put("", *place.line)),
    r"leave (it|the mode|.* beside it) out": in_data(drop),
    r"move `kernel_mapping` up, or pass `--at|pass `--at": elsewhere,
    r"move it up, (beside `kernel_mapping`|above the first header)": in_data(
        partial(move_up, depth=0)
    ),
    r"if it is a layer, move it up": in_data(partial(move_up, depth=1)),
    r"settings stand in": in_data(drop),
    r"move it up, to stand there": in_data(partial(move_up, depth=2)),
    r"put modes side by side": in_data(
        lambda value, place: move_up(value, place, len(place.steps) - 2)
    ),
    r"name (a|the) branch or tag without `refs/`": in_data(
        lambda value, place: replaced_in(value, place, r"(refs/(heads|tags|pr)/|pr/)\w+", "main")
    ),
    r"nothing stands for the newest version|versions are whole numbers": in_data(numbered),
    r"(write it in one line, )?or give it a header": in_one_line,
    r"put .* under it": in_data(layers_under),
    r"put it under `kernel_mapping`": in_data(under_the_mapping),
    r"only spaces indent": in_text(
        lambda place: place.put(place.text.replace("\u00a0", " "), 0, len(place.text))
    ),
    r"write a key for each": in_data(key_for_each),
    r"put `kernel` and its options inside": in_data(inside_of),
    r"put a key in quotes": in_text(quoted_key),
    r"put modes inside the table of a device": in_data(modes_inside),
    r"quote text that starts with|write the value out, or quote|.*or quote text that": quoted,
    r"write the path from there to a file": in_data(put_word),
    r"remove all but one of": one_pin,
    r"remove one of the two": without_one,
    r"remove the `---`": one_document,
    r"(.*: )?remove it": in_text(lambda place: place.put("")),
    r"replace the tab with spaces": in_text(
        lambda place: [place.put(" " * width * len(place.shown)) for width in (1, 2, 4, 8)]
    ),
    r"shorten it": in_text(lambda place: place.put(place.shown[:90] + place.shown[-1:] * 1)),
    r"write (.*`kernel_mapping: \{\}`|`\"kernel_mapping\": \{\}`|`\[kernel_mapping\]`)": in_data(
        no_layers
    ),
    r"write `\w+` or `\w+`, whichever it is": either_name,
    r"write a URL": in_data(partial(put_value, new="https://example.org/config.schema.json")),
    r"write a backslash twice": in_text(lambda place: place.put("\\\\", end=place.start + 1)),
    r"write a number in decimal digits, or put text": in_text(
        lambda place: [place.put(place.shown.lstrip("0")), place.put(f'"{place.shown}"')]
    ),
    r"write the character itself": in_text(lambda place: place.put("é")),
    r"write the (device|mode)'s kernel as a table": in_data(options_inside),
    r"write the keys? `": in_text(keys_written),
    r"did you mean `\*": in_text(lambda place: place.put(place.words[0])),
}


def findings(case: Case, result: Result) -> tuple[ks.Diagnostic, ...]:
    """What is wrong with a text in the place of a file of the corpus."""
    model = None
    with inside(case.folder):
        if case.needs_model:
            sys.path.insert(0, ".")
            model = import_module("model").build()
        text, format, at = result
        named = case.name if case.name.endswith(format) else f"{case.path.stem}.{format}"
        try:
            document = ks.loads_document(text, format=format, file=named, at=at)
        except ks.ConfigError as error:
            return error.diagnostics
        return ks.check(document, model)


def stage(diagnostic: ks.Diagnostic) -> int:
    """How early it is found."""
    return STAGES.index(catalogue()[diagnostic.code].stage)


def same(old: ks.Diagnostic, other: ks.Diagnostic) -> bool:
    """Whether it is still said of the same place: in a text, of the same line."""
    if old.code != other.code:
        return False
    if old.message == other.message and old.route.steps == other.route.steps:
        lines = [None if each.span is None else each.span.line for each in (old, other)]
        return stage(old) > 0 or lines[0] == lines[1]
    return bool(old.route.steps) and old.route == other.route


def left_by(old: ks.Diagnostic, before: tuple[ks.Diagnostic, ...], after: Any) -> list[str]:
    """What is still wrong after an edit, or wrong because of it.

    What could not be found before the file could be read, or was a config, was there before.
    """
    again = [each for each in after if same(old, each)]
    if len(again) < sum(same(old, each) for each in before):
        again = []
    known = {(each.code, each.message) for each in before}
    end = (old.span.end_line, old.span.end_column + 1) if old.span is not None else (0, 0)
    new = [
        each
        for each in after
        if (
            (each.code, each.message) not in known
            and stage(each) <= min(stage(old), STAGES.index("config"))
            and (stage(each) > 0 or each.span is None or (each.span.line, each.span.column) <= end)
        )
    ]
    return list(map(str, (*again, *new)))


def edits(place: Place) -> list[Result]:
    """What becomes of a file for which a help is followed."""
    help_text = place.diagnostic.help or ""
    if place.diagnostic.repair is not None:
        return in_data(repaired)(place)
    for words, edit in EDITS.items():
        if re.match(words, help_text):
            return list(edit(place))
    raise AssertionError(f"no edit is known for the help: {help_text}")


@pytest.mark.parametrize("case", TEXTS, ids=str)
def test_what_is_followed_helps(case: Case) -> None:
    if case.needs_model:
        pytest.importorskip("torch")
        pytest.importorskip("kernels")
    text = case.path.read_bytes().decode("utf-8")
    format: Format = next(each for each in FORMATS if case.name.endswith(each))
    before = findings(case, Result(text, format))
    for found in before:
        if not found.help or any(map(found.help.startswith, DECISIONS)):
            continue
        if found.fix is not None:
            written = {word for edit in found.fix.edits for word in _WORD.findall(edit.text)}
            assert all(word in found.help or word in text for word in written), found
            # What one repair makes wrong, those beside it may have to make right.
            every = [each.fix for each in before if each.fix is not None]
            made = [Result(edited(text, each)[0], format) for each in ([found.fix], every)]
        else:
            bare = text.removeprefix("\ufeff")
            made = edits(Place(bare, format, found, tuple(_QUOTED.findall(found.help))))
        wrong = [left_by(found, before, findings(case, each)) for each in made]
        assert not all(wrong), f"{found}\n{made[0].text}\n" + "\n".join(wrong[0])
