"""`kernel-schema server` as an editor has it: a real process, asked over its pipes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kernel_schema.cli.main import main
from kernel_schema.policies.in_force import VARIABLE
from kernel_schema.server.positions import EditedText
from tests.server.client import DIAGNOSTICS, Client, codes, edit, starts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("pygls")

WRONG = "kernel_mapping:\n  A: {hip: org/repo:L}\n  B: org/repo\n  C: org/repo@v1:L\n"


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One server for all tests of this file."""
    client = Client(tmp_path_factory.mktemp("a folder with ü"))
    client.start()
    yield client
    assert client.end() == 0
    assert client.errors == []


@pytest.fixture
def uri(editor: Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """A config of its own for each test."""
    stated = (editor.root / f"{request.node.name[:40]}.kernels.yaml").as_uri()
    yield stated
    editor.notify("textDocument/didClose", textDocument={"uri": stated})


class Checked:
    """What `kernel-schema check` tells of a file in the folder of the editor."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, path: Path) -> list[tuple[Any, ...]]:
        self._monkeypatch.chdir(path.parent)
        main(["check", "--output-format", "json", path.name])
        found = json.loads(self._capsys.readouterr().out)["diagnostics"]
        return [
            (each["line"], each["column"], each["severity"], each["code"], each["message"])
            for each in found
        ]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Checked:
    return Checked(monkeypatch, capsys)


def as_checked(
    text: str, diagnostics: list[dict[str, Any]], encoding: str = "utf-16"
) -> list[tuple[Any, ...]]:
    """What an editor was told, as `check` has it."""
    edited = EditedText(text, encoding)
    return [
        (
            *edited.place(tuple(each["range"]["start"].values())),
            "error" if each["severity"] == 1 else "warning",
            each["code"],
            each["message"].partition("\nhelp: ")[0],
        )
        for each in diagnostics
    ]


TEXTS = {
    "wrong.kernels.yaml": WRONG,
    "broken.kernels.yaml": "kernel_mapping:\n  A: [org/repo:L\n  B: x\n",
    "llama.kernels.yaml": "kernel_mapping:\n  '🦙🦙': {hip: org/repo:L}\n",
    "crlf.kernels.yaml": WRONG.replace("\n", "\r\n"),
    "old.kernels.yaml": WRONG.replace("\n", "\r"),
    "mark.kernels.json": '\ufeff{"kernel_mapping": {"A": {"hip": "org/repo:L"}}}',
    "lines.kernels.json": '{"kernel_mapping": {"A\u2028B": 1, "C\x85": {"hip": "org/repo:L"}}}',
    "wrong.kernels.toml": '[kernel_mapping]\nA = "org/repo"\nB.hip = "org/repo:L"\n',
    "pyproject.toml": '[project]\nname = "x"\n[tool.kernel-schema.kernel_mapping]\nA = "org"\n',
    "ranges.kernels.yaml": "kernel_mapping:\n  A:\n    cuda:\n"
    "    - {min_capability: 70, max_capability: 80, kernel: org/repo@v1:L}\n"
    "    - {min_capability: 75, max_capability: 85, kernel: org/other@v1:L}\n",
    "ignored.kernels.yaml": "kernel_mapping:\n"
    "  A: ./nowhere:L  # kernel-schema: ignore[missing-*]\n"
    "  B: ./nowhere:L\n  # kernel-schema: ignore[unknown-device]\n  C: org/repo@v1:L\n",
    "empty.kernels.yaml": "",
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_findings_are_those_of_check(editor: Client, checked: Checked, name: str) -> None:
    path = editor.root / name
    path.write_bytes(TEXTS[name].encode())
    told = editor.open(path.as_uri(), TEXTS[name], path.suffix[1:])
    assert as_checked(TEXTS[name], told) == checked(path) != []
    editor.notify("textDocument/didClose", textDocument={"uri": path.as_uri()})
    assert editor.wait(DIAGNOSTICS, uri=path.as_uri()) == {"uri": path.as_uri(), "diagnostics": []}


def test_columns_count_units_of_utf_16(editor: Client, uri: str) -> None:
    told = editor.open(uri, "kernel_mapping:\n  '🦙': {hip: org/repo:L}\n")
    assert (codes(told), starts(told)) == (["unknown-device"], [(1, 9)])
    assert told[0]["codeDescription"]["href"].endswith("schemas/codes.md#unknown-device")
    # Behind the llama, which is one character and two units.
    assert editor.change(uri, edit((1, 9), (1, 12), "rocm")) == []


def test_settings_of_the_project_count(editor: Client, checked: Checked) -> None:
    folder = editor.root / "settings"
    folder.mkdir()
    settings = folder / "pyproject.toml"
    settings.write_text('[tool.kernel-schema.check]\nwarn = ["missing-*"]\nexclude = ["old*"]\n')
    path = folder / "kernels.yaml"
    path.write_text("kernel_mapping: {A: ./nowhere:L}\n")
    told = editor.open(path.as_uri(), path.read_text())
    assert (codes(told), told[0]["severity"]) == (["missing-local-kernel"], 2)
    assert editor.open((folder / "old.kernels.yaml").as_uri(), WRONG) == []
    settings.write_text('[tool.kernel-schema.check]\nwran = ["missing-*"]\n')
    told = editor.write(path.as_uri(), path.read_text())
    assert codes(told) == ["invalid-setting"]
    assert told[0]["relatedInformation"][0]["location"]["uri"] == settings.as_uri()


def test_a_policy_counts(tmp_path: Path, checked: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, path = tmp_path / "policy.toml", tmp_path / "kernels.yaml"
    policy.write_text('repositories = ["org/*"]\n')
    text = "inherit_mapping: false\nkernel_mapping: {A: other/repo@v1:L}\n"
    path.write_text(text)
    monkeypatch.setenv(VARIABLE, str(policy))
    editor = Client(tmp_path)
    editor.start()
    allowed = editor.open(path.as_uri(), text)
    policy.write_text("repositories = 1\n")
    broken = codes(editor.write(path.as_uri(), text))
    policy.write_text('repositories = ["org/*"]\n')
    assert editor.end() == 0
    assert as_checked(text, allowed) == checked(path) != []
    assert broken != codes(allowed)
    assert broken
    assert editor.errors == []


def test_what_a_base_says_is_told_where_it_is_named(editor: Client) -> None:
    folder = editor.root / "bases"
    folder.mkdir()
    base, path = folder / "base.kernels.yaml", folder / "kernels.yaml"
    text = "extends: base.kernels.yaml\nkernel_mapping: {A: org/repo@v1:L}\n"
    assert codes(editor.open(path.as_uri(), text)) == ["missing-base"]
    base.write_text("kernel_mapping: {B: {hip: org/repo:L}}\n")
    editor.notify("workspace/didChangeWatchedFiles", changes=[{"uri": base.as_uri(), "type": 1}])
    (told,) = editor.wait(DIAGNOSTICS, uri=path.as_uri())["diagnostics"]
    assert (told["code"], starts([told])) == ("unknown-device", [(0, 0)])
    (related,) = told["relatedInformation"]
    assert related["location"]["uri"] == base.as_uri()
    assert related["location"]["range"]["start"] == {"line": 0, "character": 21}
    base.write_text("kernel_mapping: {B: {rocm: org/repo@v1:L}}\n")
    editor.notify("textDocument/didSave", textDocument={"uri": base.as_uri()})
    assert editor.wait(DIAGNOSTICS, uri=path.as_uri())["diagnostics"] == []


class TestWhatIsAConfig:
    @pytest.mark.parametrize(
        ("name", "language", "text", "expected"),
        [
            ("values.yaml", "yaml", "a: {hip: 1}\n", []),
            ("values.yaml", "yaml", WRONG, ["unknown-device"]),
            ("pyproject.toml", "toml", "[project]\nname = 1\n", []),
            ("notes.txt", "plaintext", WRONG, []),
            ("trainer.json", "json", '{\n "x": {\n      "kernel_mapping": 1}}', []),
        ],
    )
    def test_a_file(
        self, editor: Client, name: str, language: str, text: str, expected: list[str]
    ) -> None:
        told = editor.open((editor.root / name).as_uri(), text, language)
        assert [code for code in codes(told) if code in expected or not expected] == expected

    def test_a_text_without_a_file(self, editor: Client) -> None:
        told = editor.open("untitled:Untitled-1", WRONG)
        assert "unknown-device" in codes(told)
        json_text = '{"kernel_mapping": {"A": {"hip": "org/repo:L"}}}'
        assert codes(editor.open("untitled:Untitled-2", json_text, "json")) == ["unknown-device"]


class TestFixes:
    def test_what_is_certain_is_preferred_and_guesses_are_offered(
        self, editor: Client, uri: str
    ) -> None:
        editor.open(uri, "kernel_mapping:\n  A: {hip: org/repo@v1:L}\n  B: {cdua: org/repo@v1:L}\n")
        (certain,) = editor.actions(uri, 1)
        (guess,) = editor.actions(uri, 2)
        assert (certain["title"], certain["isPreferred"]) == ("Replace `hip` by `rocm`", True)
        assert (guess["title"], guess["isPreferred"]) == ("Replace `cdua` by `cuda`", False)
        assert [codes(each["diagnostics"]) for each in (certain, guess)] == [["unknown-device"]] * 2
        for action in (certain, guess):
            (change,) = action["edit"]["changes"][uri]
            left = editor.change(uri, {"range": change["range"], "text": change["newText"]})
        assert left == []

    def test_all_that_is_certain_at_once(self, editor: Client, uri: str) -> None:
        text = (
            "kernel_mapping:\n  A: {hip: org/repo@v1:L}\n  B: {'cuda:0': org/repo@v1:L}  # ours\n"
        )
        editor.open(uri, text)
        (action,) = editor.actions(uri, 0, ["source.fixAll"])
        assert action["kind"] == "source.fixAll.kernel-schema"
        (change,) = action["edit"]["changes"][uri]
        assert editor.change(uri, {"range": change["range"], "text": change["newText"]}) == []
        assert editor.actions(uri, 0, ["source.fixAll"]) == []
        assert editor.actions(uri, 0, ["refactor"]) == []


class TestCompletion:
    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("a.kernels.yaml", "kernel_mapping:\n  A:\n    cu|", {"cuda": "cuda: "}),
            ("b.kernels.yaml", "kernel_mapping:\n  A: {c|", {"cpu": "cpu: "}),
            ("c.kernels.yaml", "kernel_mapping: {A: {rocm: {|", {"training": "training: "}),
            ("d.kernels.yaml", "ker|", {"kernel_mapping": "kernel_mapping: "}),
            ("e.kernels.yaml", "kernel_mapping:\n  A: or|", {"original": "original"}),
            ("f.kernels.json", '{"kernel_mapping": {"A": {"c|', {"cuda": "cuda"}),
            ("g.kernels.json", '{"kernel_mapping": {"A": {|}}}', {"cuda": '"cuda": '}),
            ("h.kernels.toml", "[kernel_mapping.A]\nc|", {"cuda": "cuda = "}),
            ("i.kernels.toml", "[kernel_mapping.A.|", {"cuda": "cuda"}),
            ("pyproject.toml", "[tool.kernel-schema]\nk|", {"kernel_mapping": "kernel_mapping = "}),
        ],
    )
    def test_of_keys_and_values(
        self, editor: Client, name: str, text: str, expected: dict[str, str]
    ) -> None:
        place = (editor.root / name).as_uri()
        before, _, after = text.partition("|")
        editor.open(place, before + after, name.rpartition(".")[2])
        line = before.count("\n")
        items = editor.at("completion", place, line, len(before) - before.rfind("\n") - 1)
        written = {each["label"]: each["textEdit"]["newText"] for each in items}
        assert expected.items() <= written.items()

    def test_what_is_there_is_not_offered_again(self, editor: Client, uri: str) -> None:
        editor.open(uri, "kernel_mapping:\n  A:\n    cuda: original\n    \n")
        labels = [each["label"] for each in editor.at("completion", uri, 3, 4)]
        assert "cpu" in labels
        assert "cuda" not in labels

    def test_a_schema_gives_the_rest(self, editor: Client, uri: str) -> None:
        header = "# yaml-language-server: $schema=./kernel-config.schema.json\n"
        editor.open(uri, f"{header}kernel_mapping:\n  A:\n    c\n")
        assert editor.at("completion", uri, 3, 5) == []


def test_hover_tells_what_runs_where(editor: Client, uri: str) -> None:
    editor.open(
        uri,
        "kernel_mapping:\n  A:\n    cpu: original\n    cuda:\n"
        "    - {min_capability: 90, kernel: 'org/repo@v1:L'}\n"
        "    rocm: {training: 'org/other@v2:L'}\n",
    )
    told = editor.at("hover", uri, 4, 10)["contents"]["value"]
    assert "`A`, wherever it runs" in told
    assert "cuda, capability 90 and above: `org/repo@v1:L`" in told
    assert "cuda, capability 0 to 89: the model's own forward" in told
    assert "training: `org/other@v2:L`" in told
    assert editor.at("hover", uri, 0, 3) is None
    # Of an entry with something wrong in it nothing is told, of those beside it all.
    editor.write(uri, WRONG)
    assert editor.at("hover", uri, 1, 3) is None
    assert "`org/repo@v1:L`" in editor.at("hover", uri, 3, 3)["contents"]["value"]


def test_definition_leads_into_the_code_of_a_local_kernel(editor: Client) -> None:
    build = editor.root / "norm" / "build" / "torch-cpu"
    build.mkdir(parents=True)
    (build / "__init__.py").write_text(
        "raise SystemExit('it is never run')\nfrom . import layers\n"
    )
    (build / "layers.py").write_text("import torch\n\n\nclass MyNorm(torch.nn.Module):\n    pass\n")
    base = editor.root / "b.kernels.yaml"
    base.write_text("kernel_mapping: {}\n")
    place = (editor.root / "local.kernels.yaml").as_uri()
    editor.open(place, "extends: [b.kernels.yaml]\nkernel_mapping:\n  A: ./norm:MyNorm\n")
    found = editor.at("definition", place, 2, 10)
    assert found["uri"] == (build / "layers.py").as_uri()
    assert found["range"]["start"] == {"line": 3, "character": 0}
    assert editor.at("definition", place, 0, 12)["uri"] == base.as_uri()
    assert editor.at("definition", place, 1, 2) is None


class TestOddCalls:
    def test_texts_that_are_not_open(self, editor: Client) -> None:
        nowhere = (editor.root / "nowhere.kernels.yaml").as_uri()
        assert editor.at("hover", nowhere, 0, 0) is None
        assert editor.at("completion", nowhere, 0, 0) == []
        assert editor.actions(nowhere, 0) == []
        editor.notify("textDocument/didClose", textDocument={"uri": nowhere})

    def test_places_beyond_the_text(self, editor: Client, uri: str) -> None:
        editor.open(uri, WRONG)
        assert editor.at("definition", uri, 4000, 4000) is None
        told = editor.change(uri, edit((900, 900), (9000, 0), "  D: {gpu: org/repo@v1:L}\n"))
        assert (4, 6) in starts(told)

    def test_a_text_that_is_too_large(self, editor: Client, uri: str) -> None:
        told = editor.open(uri, "kernel_mapping: {}\n" + "# x\n" * 500_001)
        assert codes(told) == ["file-too-large"]

    def test_levels_without_end(self, editor: Client, uri: str) -> None:
        assert codes(editor.open(uri, "kernel_mapping: " + "[" * 5000)) == ["too-deep"]


def test_without_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kernel_schema.cli.commands.server.find_spec", lambda _: None)
    assert main(["server"]) == 2
    assert "pip install 'kernel-schema[server]'" in capsys.readouterr().err
