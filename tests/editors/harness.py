"""Drives the four language services over all cases at once, and remembers what they said."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kernel_schema.cli.headers import with_header
from kernel_schema.files.read import read_text
from kernel_schema.json_schemas.export import for_layers, json_schema
from kernel_schema.json_schemas.shipped import render
from tests.corpus.cases import cases
from tests.editors.cursors import CURSORS, IN_ONE_MODEL, LAYERS
from tests.editors.mistakes import MISTAKES
from tests.editors.node import HERE, run_node
from tests.json_schema.documents import readers
from tests.json_schema.test_export import FILES

if TYPE_CHECKING:
    from kernel_schema.diagnostics import Span
    from kernel_schema.files.document import Format
    from tests.editors.cursors import Cursor
    from tests.editors.mistakes import Mistake

SERVICES: dict[str, Format] = {"json": "json", "yaml": "yaml", "taplo": "toml", "tombi": "toml"}
SCHEMA = "./kernel-config.schema.json"
ONE_MODEL = "./model.schema.json"
BIGGER_FILE = "./training.schema.json"
IN_A_BIGGER_FILE = "mistake: in a bigger file"
# What stands in the second stage would be wrong in a config.
BIGGER: dict[str, str] = {
    "json": """{
  "lr": 1,
  "stages": [
    {"kernels": {"kernel_mapping": {"SiLU": {"hip": "org/repo:SiLU"}}}},
    {"kernels": {"kernel_mapping": 5}}
  ]
}
""",
    "yaml": """\
lr: 1
stages:
  - kernels: {kernel_mapping: {SiLU: {hip: "org/repo:SiLU"}}}
  - kernels: {kernel_mapping: 5}
""",
    "toml": """\
lr = 1
[[stages]]
kernels.kernel_mapping.SiLU.hip = "org/repo:SiLU"
[[stages]]
kernels.kernel_mapping = 5
""",
}
GOLDEN = HERE / "golden"


def text_of(mistake: Mistake, written: str) -> str | None:
    """A mistake in a format, header included; None where the format cannot say it."""
    if written == "json":
        return with_header(json.dumps(mistake.data, indent=2) + "\n", "json", SCHEMA)
    if written == "yaml":
        dumped = yaml.safe_dump(mistake.data, sort_keys=False)
        return with_header(dumped, "yaml", SCHEMA)
    if "null" in json.dumps(mistake.data):
        return None
    return with_header(_toml(mistake.data), "toml", SCHEMA)


def _toml(data: dict[str, Any]) -> str:
    """Layers as keys of one table, what they hold inline."""
    lines: list[str] = []
    for key, value in sorted(data.items(), key=lambda item: isinstance(item[1], dict)):
        if not isinstance(value, dict):
            lines.append(f"{key} = {_inline(value)}")
            continue
        lines.append(f"[{key}]")
        lines += [f"{_key(below)} = {_inline(item)}" for below, item in value.items()]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if key.isidentifier() else json.dumps(key)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value)


def place_of(mistake: Mistake, text: str, written: str) -> list[Span]:
    """Where a mistake is: its key, its value, or, where something is missing, both."""
    parsed = readers()[written](text)
    located = parsed.locate(mistake.route)
    assert mistake.at == "table" or parsed.sub(mistake.route) is not None, mistake.route
    spans = {"key": [located.key], "value": [located.value]}
    found = spans.get(mistake.at, [located.key, located.value])
    return [span for span in found if span is not None]


def entry_of(mistake: Mistake, text: str, written: str) -> list[Span]:
    """The key and the value of a mistake, and of the table that holds it, but of no whole file."""
    parsed = readers()[written](text)
    own, table = parsed.locate(mistake.route), parsed.locate(mistake.route[:-1])
    spans = [own.key, own.value, table.key]
    # A layer is as far out as "its table" goes: what holds the layers is most of the file.
    spans += [table.value] if len(mistake.route) > 2 else []
    return [span for span in spans if span is not None]


@cache
def said() -> dict[str, dict[str, Any]]:
    """What each service says of each document: `{service: {name: {diagnostics, at}}}`."""
    documents = {service: _documents(written) for service, written in SERVICES.items()}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        shutil.copy(FILES["editor"], root / SCHEMA)
        (root / ONE_MODEL).write_text(render(for_layers(LAYERS)))
        (root / BIGGER_FILE).write_text(render(json_schema(at="stages[0].kernels")))
        results = _drive(root, documents, {})
        text = json.dumps(results).replace(root.as_uri(), "ROOT").replace(str(root), "ROOT")
    return {
        service: {result["name"]: result for result in found}
        for service, found in json.loads(text).items()
    }


def said_where_registered(
    texts: dict[str, dict[str, str]], settings: dict[str, Any], tombi: str
) -> dict[str, dict[str, list[str]]]:
    """What each service says of files by their names, `{service: {name: messages}}`.

    Args:
        texts: For each service its files.
        settings: Those of VS Code.
        tombi: What stands in `tombi.toml`.
    """
    documents = {
        service: [
            {"name": name, "file": name, "text": text, "positions": []}
            for name, text in files.items()
        ]
        for service, files in texts.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        shutil.copy(FILES["editor"], root / SCHEMA)
        here = (root / SCHEMA).as_uri()
        # The services are asked without a network.
        address = json_schema()["$id"]
        (root / "tombi.toml").write_text(tombi.replace(address, here), encoding="utf-8")
        local = json.loads(json.dumps(settings).replace(address, here))
        results = _drive(root, documents, local)
    return {
        service: {
            result["name"]: [found["message"] for found in result["diagnostics"]]
            for result in results[service]
        }
        for service in texts
    }


def _drive(root: Path, documents: dict[str, Any], settings: dict[str, Any]) -> Any:
    job = {
        "root": root.as_uri(),
        "tombi": str(_tombi()),
        "settings": settings,
        "documents": documents,
    }
    return run_node(HERE / "driver" / "drive.cjs", job)


def _tombi() -> Path:
    """The command that the wheel of tombi installs."""
    return Path(sys.executable).with_name("tombi.exe" if sys.platform == "win32" else "tombi")


def _documents(written: Format) -> list[dict[str, Any]]:
    texts: dict[str, tuple[str, list[dict[str, int]]]] = {}
    for mistake in MISTAKES:
        text = text_of(mistake, written)
        if text is not None:
            texts[f"mistake: {mistake}"] = text, []
    texts[IN_A_BIGGER_FILE] = with_header(BIGGER[written], written, BIGGER_FILE), []
    for cursor in CURSORS:
        texts[f"cursor: {cursor}"] = marked_text(cursor, written)
    for cursor in IN_ONE_MODEL:
        texts[f"model: {cursor}"] = marked_text(cursor, written, ONE_MODEL)
    for name, text in valid_files(written).items():
        texts[f"valid: {name}"] = text, []
    return [
        {"name": name, "file": f"{index}.{written}", "text": text, "positions": positions}
        for index, (name, (text, positions)) in enumerate(texts.items())
    ]


def valid_files(written: str) -> dict[str, str]:
    """The valid files of the corpus in a format, with the header that `attach` gives them."""
    files: dict[str, str] = {}
    for case in cases("valid"):
        text, found = read_text(case.path)
        # Editors keep the byte order mark to themselves.
        if found == written and case.name != "pyproject.toml":
            files[case.name] = with_header(text.removeprefix("\ufeff"), found, SCHEMA)
    return files


def marked_text(
    cursor: Cursor, written: str, schema: str = SCHEMA
) -> tuple[str, list[dict[str, int]]]:
    """The text of a cursor's file with its header, and the place of the cursor."""
    text: str = getattr(cursor, written)
    mark = text.index("|")
    text = text[:mark] + text[mark + 1 :]
    if written == "json":
        # The text is no JSON yet: what `attach` would read comes from a person here.
        key = f'"$schema": "{schema}"'
        inner = ", " if text[1:].strip("}") else ""
        text, mark = f"{{{key}{inner}{text[1:]}", mark + len(key) + len(inner)
    else:
        line = {
            "yaml": f"# yaml-language-server: $schema={schema}\n",
            "toml": f"#:schema {schema}\n",
        }[written]
        text, mark = f"{line}{text}\n", mark + len(line)
    line_number = text.count("\n", 0, mark)
    return text, [{"line": line_number, "character": mark - (text.rfind("\n", 0, mark) + 1)}]


def golden(service: str) -> dict[str, Any]:
    """What a service says, in the form in which it is kept: all but what nothing was said of."""
    kept: dict[str, Any] = {}
    for name, result in said()[service].items():
        if name.startswith("mistake: "):
            kept[name] = [
                f"{_shown(found['range'])} {found['message']}" for found in result["diagnostics"]
            ]
        elif name.startswith("cursor: "):
            (at,) = result["at"]
            # taplo offers every dotted key below, hundreds of them.
            offered = [
                label for label in at["completions"] if "." not in label[1:-1] or "/" in label
            ]
            kept[name] = {"offers": offered} if ": over" not in name else {"hover": at["hover"]}
    return kept


def _shown(where: list[int]) -> str:
    line, column, end_line, end_column = (number + 1 for number in where)
    return f"{line}:{column}-{end_line}:{end_column}"
