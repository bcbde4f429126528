"""Files that cost a reader, a check or a command far more than their size, unless it is bounded."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING

from kernel_schema import DeviceType, ModeName

if TYPE_CHECKING:
    from collections.abc import Callable


def many(head: str, piece: Callable[[int], str], tail: str = "") -> Callable[[int], str]:
    """A text of any size: numbered pieces between a head and a tail."""

    def build(size: int) -> str:
        pieces = [head]
        size -= len(head) + len(tail)
        for number in count():
            size -= len(next_piece := piece(number))
            if size < 0:
                return "".join((*pieces, tail))
            pieces.append(next_piece)
        raise AssertionError

    return build


def long(piece: str, head: str, tail: str) -> Callable[[int], str]:
    """A text of any size that repeats a piece."""
    return lambda size: head + piece * ((size - len(head) - len(tail)) // len(piece)) + tail


def layer(head: str, tail: str = "") -> tuple[str, str]:
    """What stands around pieces in JSON that are something under one layer."""
    return f'{{"kernel_mapping":{{"RMSNorm":{head}', f"{tail}}}}}"


def in_json(head: str, piece: Callable[[int], str], tail: str) -> Callable[[int], str]:
    start, end = layer(head, tail)
    return many(start, piece, end)


def long_value(piece: str, before: str = "", behind: str = "") -> Callable[[int], str]:
    return long(piece, f'{{"kernel_mapping":{{"RMSNorm":"{before}', f'{behind}"}}}}')


DEVICES = [device.value for device in DeviceType]
MODES = [mode.value for mode in ModeName]
KEY = "K" * 1000
OPTION = '"kernel":"o/r:L"'
EVERYWHERE = json.dumps({device: dict.fromkeys(MODES, "o/r:L") for device in DEVICES})


def ranges(name: str, kernel: str = "o/r:L") -> Callable[[int], str]:
    """Valid ranges of one layer, no two alike: nested ones, and one for each capability."""

    def piece(number: int) -> str:
        nested = f'{{"max_capability":{9998 - number // 2},"kernel":"{kernel}"}}'
        single = '{"min_capability":%d,"max_capability":%d,"kernel":"%s"}'
        if number >= 19_000:
            return " "
        return f",{single % (number // 2, number // 2, kernel) if number % 2 else nested}"

    head = f'{{"kernel_mapping":{{"{name}":{{"cuda":[{{"kernel":"{kernel}"}}'
    return many(head, piece, "]}}}")


VALID: dict[str, Callable[[int], str]] = {
    "plain-layers.yaml": many("kernel_mapping:\n", lambda i: f"  L{i}: o/r:L\n"),
    "distinct-ranges.json": ranges("RMSNorm"),
    "other-ranges.json": ranges("RMSNorm", "o/r:M"),
    "ranges-below-a-long-name.json": ranges(KEY),
    "other-ranges-below-a-long-name.json": ranges(KEY, "o/r:M"),
    "long-names.json": in_json('"o/r:L"', lambda i: f',"{KEY[:990]}{i}":"o/r:L"', ""),
    "devices-and-modes.json": in_json('"o/r:L"', lambda i: f',"L{i}":{EVERYWHERE}', ""),
    "trusted.json": in_json(f'{{{OPTION},"trust_remote_code":["a/b"', lambda i: f',"a/b{i}"', "]}"),
    "long-layer.json": long_value("L", "o/r:"),
    "long-revision.json": long_value("a/.", "o/r@", ":L"),
    "comments.yaml": many("kernel_mapping: {}\n", lambda _: "#\n"),
    "long-comment.yaml": long(" #", "kernel_mapping: {} #", ""),
}
"""Configs that are valid, by file name."""

WRONG: dict[str, Callable[[int], str]] = {
    # Mistakes of one kind, as many as there is room for.
    "null-layers.yaml": many("kernel_mapping:\n", lambda i: f"  L{i}:\n"),
    "null-keys.yaml": many("", lambda i: f"L{i}:\n"),
    "null-ranges.yaml": many("kernel_mapping:\n  L:\n    cuda:\n", lambda _: "    -\n"),
    "numbers-as-ranges.json": in_json('{"cuda":[0', lambda _: ",0", "]}"),
    "numbers-as-layers.json": in_json("0", lambda i: f',"{i}":0', ""),
    "numbers-as-publishers.json": in_json(
        f'{{{OPTION},"trust_remote_code":[0', lambda _: ",0", "]}"
    ),
    "unknown-options.json": in_json(f"{{{OPTION}", lambda i: f',"x{i:05}":0', "}"),
    "unknown-devices.json": in_json('{"cuda":"o/r:L"', lambda i: f',"cdua{i:05}":"o/r:L"', "}"),
    "unknown-modes.json": in_json(
        '{"training":"o/r:L"', lambda i: f',"trainin{i:05}":"o/r:L"', "}"
    ),
    "unknown-tables.json": in_json(
        "0", lambda i: f',"L{i}":' + json.dumps({f"modell{i:05}_{j:02}": 0 for j in range(20)}), ""
    ),
    "wrong-references.yaml": many("kernel_mapping:\n", lambda i: f"  L{i}: o r:L\n"),
    "layers-at-the-top.yaml": many("", lambda i: f"L{i:05}: o/r:L\n"),
    "equal-ranges.json": in_json(f'{{"cuda":[{{{OPTION}}}', lambda _: f",{{{OPTION}}}", "]}"),
    "missing-kernels.json": in_json('"./no:L"', lambda i: f',"L{i}":"./no/{i}:L"', ""),
    "missing-locks.json": in_json(
        '"o/r:L"', lambda i: f',"L{i}":{{{OPTION},"lockfile":"l{i}"}}', ""
    ),
    "mistakes-on-one-line.json": in_json("0", lambda i: f',"漢{i}":"o r:L"', ""),
    # Mistakes below a key that every one of them repeats.
    "mistakes-below-a-long-key.json": lambda size: (
        f'{{"kernel_mapping":{{"{"K" * (size // 2)}":{{"cuda":[0{",0" * (size // 4 - 30)}]}}}}}}'
    ),
    "ranges-below-a-long-key.json": lambda size: ranges("K" * (size // 2))(size),
    "long-keys.json": in_json('"o/r:L"', lambda i: f',"{KEY}{i}":"o/r:L"', ""),
    # Texts that cannot be read.
    "equal-keys.yaml": many("", lambda _: "L:\n"),
    "equal-keys.json": in_json("0", lambda _: ',"L":0', ""),
    "aliases.yaml": many("a: &a o/r:L\nkernel_mapping:\n", lambda i: f"  L{i}: *a\n"),
    "aliases-of-aliases.yaml": many(
        "a0: &a0 [x, x]\n",
        lambda i: f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}]\n" if i < 64 else "#\n",
        "kernel_mapping: {L: *a64}\n",
    ),
    "open-lists.yaml": long("[", "kernel_mapping: ", ""),
    "open-lists.json": long("[", '{"kernel_mapping": ', ""),
    "lists-in-a-list.yaml": long("[],", "kernel_mapping: {L: [", "]}"),
    "lists-of-tables.yaml": long("{a: {b: [{c: 1}]}},", "kernel_mapping: {L: {cuda: [", "]}}"),
    "dotted-keys.toml": many("[kernel_mapping]\n", lambda i: f'a{i}.cuda.training = "o r:L"\n'),
    "headers.toml": many("", lambda i: f"[kernel_mapping.a{i}]\n"),
    "arrays.toml": many("", lambda _: "[[kernel_mapping.L.cuda]]\n"),
    # One long value.
    "long-colons.json": long_value("o/r:"),
    "long-dots.json": long_value("a.-", "", "/r:L"),
    "long-path.json": long_value("a/../", "./", ":L"),
    "long-words.yaml": long("a:", "kernel_mapping:\n  L: ", "\n"),
    "long-address.json": long_value("a/", "https://huggingface.co/"),
    "long-blanks.json": long_value(" ", "", "x"),
    "long-lock.json": in_json(f'{{{OPTION},"lockfile":"', lambda _: "x/", '"}'),
    "long-schema.json": long("x", '{"$schema":"', '","kernel_mapping":{"L":1}}'),
}
"""Files in which something is wrong, by name."""
