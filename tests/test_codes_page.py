"""Every code has a page, with an anchor to which the links of all outputs lead."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernel_schema import addresses
from kernel_schema.addresses import PROJECT, page_of
from kernel_schema.cli.main import main
from kernel_schema.cli.output import show
from kernel_schema.cli.output.result import CheckResult
from kernel_schema.codes import catalogue
from kernel_schema.diagnostics import Diagnostic
from tests.codes_page import how_to_silence, render_page
from tests.corpus.cases import cases
from tests.json_schema.update import ADDRESSES, ROOT, project_url, with_address
from tests.update_readme import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable

CODES = catalogue()
TEXT = PAGE.read_text(encoding="utf-8")
WRONG = "kernel_mapping: {SiLU: {cdua: 'org/repo:SiLU'}}\n"


def anchors(page: str) -> list[str]:
    """The anchors of a page, as GitHub makes them of headings outside of code."""
    prose = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


class TestPage:
    def test_is_up_to_date(self) -> None:
        assert render_page(CODES.values()) == TEXT, "run `python tests/update_readme.py`"

    def test_has_one_anchor_for_each_code(self) -> None:
        found = anchors(TEXT)
        assert len(set(found)) == len(found)
        assert [anchor for anchor in found if anchor in CODES] == list(CODES)
        assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= set(found)

    @pytest.mark.parametrize("name", CODES)
    def test_tells_all_of_a_code(self, name: str) -> None:
        (entry,) = re.findall(rf"^### {name}$.*?(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
        code = CODES[name]
        shown = re.findall(r"^```(\w+)\n(.*?)\n```$", entry, re.MULTILINE | re.DOTALL)
        assert shown == [(code.format, code.wrong), (code.format, code.right)]
        assert code.explanation in entry
        assert code.summary in entry
        assert how_to_silence(code) in entry

    def test_is_where_links_lead(self) -> None:
        path, _, anchor = page_of("yaml-tab").removeprefix(f"{PROJECT}/blob/main/").partition("#")
        assert ROOT / path == PAGE
        assert anchor == "yaml-tab"

    def test_says_what_leaves_a_finding_out(self, capsys: pytest.CaptureFixture[str]) -> None:
        folders = ("invalid/syntax", "invalid/schema", "invalid/semantic")
        files = [str(case.path) for case in cases(*folders)]

        def told(*options: str) -> set[str]:
            main(["check", *files, "--output-format", "json", *options])
            return {found["code"] for found in json.loads(capsys.readouterr().out)["diagnostics"]}

        everything = told()
        assert len(everything) > len(CODES) / 3
        never = {name for name in everything if how_to_silence(CODES[name]).startswith("never")}
        assert told("--ignore", ",".join(CODES)) == never


class TestAddress:
    def test_is_that_of_the_project(self) -> None:
        stated = project_url((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        assert stated == PROJECT, "run `python tests/json_schema/update.py`"

    def test_is_written_into_one_line(self) -> None:
        module = ADDRESSES.read_text(encoding="utf-8")
        moved = with_address(module, "https://github.com/a/b")
        assert moved.replace("https://github.com/a/b", PROJECT) == module
        with pytest.raises(ValueError, match="one line"):
            with_address(moved.replace("PROJECT: Final", "PLACE: Final"), PROJECT)

    def test_is_on_github(self) -> None:
        with pytest.raises(ValueError, match="no repository on GitHub"):
            project_url('[project.urls]\nHomepage = "https://example.org/a/b"')

    def test_stands_nowhere_else_in_the_package(self) -> None:
        repository = PROJECT.removeprefix("https://")
        package = Path(addresses.__file__).parent
        stated = [path for path in package.rglob("*.py") if repository in path.read_text("utf-8")]
        assert stated == [Path(addresses.__file__)]


class TestLinks:
    @pytest.fixture
    def checked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[[str], Any]:
        monkeypatch.chdir(tmp_path)
        Path("kernels.yaml").write_text(WRONG, encoding="utf-8")

        def run(output_format: str) -> Any:
            assert main(["check", "kernels.yaml", "--output-format", output_format]) == 1
            return json.loads(capsys.readouterr().out)

        return run

    def test_of_json(self, checked: Callable[[str], Any]) -> None:
        (found,) = checked("json")["diagnostics"]
        assert found["url"] == page_of(found["code"]) == page_of("unknown-device")

    def test_of_sarif(self, checked: Callable[[str], Any]) -> None:
        (rule,) = checked("sarif")["runs"][0]["tool"]["driver"]["rules"]
        assert rule["helpUri"] == page_of(rule["id"]) == page_of("unknown-device")

    def test_of_an_explanation(self, capsys: pytest.CaptureFixture[str]) -> None:
        main(["check", "--explain", "yaml-tab"])
        assert capsys.readouterr().out.splitlines()[-1] == page_of("yaml-tab")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
class TestTerminal:
    DIAGNOSTIC = Diagnostic("yaml-tab", "a \x1b]8;;https://evil.example\x1b\\ tab", file="a.yaml")

    def shown(self, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
        """What is written to a terminal, with only these variables that matter."""
        for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        ours, theirs = os.openpty()
        with os.fdopen(ours, "rb", 0) as terminal, os.fdopen(theirs, "w") as stream:
            show(CheckResult([self.DIAGNOSTIC], {}, 1), "text", stream)
            stream.flush()
            return terminal.read(4096).decode()

    def test_links_a_code_to_its_page(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = self.shown({"TERM": "xterm-256color"}, monkeypatch)
        links = re.findall("\x1b]8;[^;]*;(.*?)\x1b\\\\(.*?)\x1b]8;;\x1b\\\\", text)
        assert [url for url, _ in links] == [page_of("yaml-tab")]
        assert re.sub("\x1b\\[[0-9;]*m", "", links[0][1]) == "error[yaml-tab]"

    @pytest.mark.parametrize(
        "variables",
        [
            {"TERM": "dumb"},
            {"TERM": "xterm-256color", "NO_COLOR": "1"},
            {"TERM": "xterm-256color", "NO_COLOR": "1", "FORCE_COLOR": "1"},
        ],
        ids=str,
    )
    def test_that_wants_no_colours_gets_no_links(
        self, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert "\x1b" not in self.shown(variables, monkeypatch)

    def test_is_none_where_colours_are_forced_into_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("FORCE_COLOR", "1")
        log = tmp_path / "log"
        with log.open("w", encoding="utf-8") as stream:
            show(CheckResult([self.DIAGNOSTIC], {}, 1), "text", stream)
        text = log.read_text(encoding="utf-8")
        assert "\x1b[" in text
        assert "\x1b]" not in text
