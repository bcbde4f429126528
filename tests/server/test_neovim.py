"""Real editors with what the page tells to write into their configurations."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.client import PATIENCE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytest.importorskip("pygls")

PAGE = Path(__file__).parents[2] / "schemas" / "README.md"
# What is told, hovered, mended and told again; then it is written for the test to read.
DRIVER = """\
local function told(count)
  return vim.wait(60000, function() return #vim.diagnostic.get(0) == count end, 20)
end
assert(told(1), "no diagnostic came")
local first = vim.diagnostic.get(0)[1]
local client = vim.lsp.get_clients({ bufnr = 0 })[1]
local place = { textDocument = vim.lsp.util.make_text_document_params(),
                position = { line = first.lnum, character = first.col } }
local hover = client:request_sync("textDocument/hover", place, 60000, 0)
local range = { start = place.position, ["end"] = place.position }
local asked = { textDocument = place.textDocument, range = range, context = { diagnostics = {} } }
local action = client:request_sync("textDocument/codeAction", asked, 60000, 0).result[1]
vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
assert(told(0), "it is not mended")
local out = io.open("told.json", "w")
out:write(vim.json.encode({ code = first.code, lnum = first.lnum, col = first.col,
  hover = hover.result.contents.value, text = vim.api.nvim_buf_get_lines(0, 0, -1, true) }))
out:close()
vim.cmd("qall!")
"""


def block(file: str) -> str:
    """A block of the page, by the file that it is for."""
    pattern = rf"<!-- file: {re.escape(file)} -->\n( *)```\w+\n(.*?)\n *```"
    found = re.search(pattern, PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return "\n".join(line.removeprefix(found[1]) for line in found[2].split("\n"))


def neovim() -> str:
    program = shutil.which("nvim")
    if program is None:
        pytest.skip("neovim is not installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    numbers = re.search(r"v(\d+)\.(\d+)", version.stdout)
    if numbers is None or tuple(map(int, numbers.groups())) < (0, 11):
        pytest.skip("this neovim is older than 0.11")
    return program


@pytest.mark.slow
def test_neovim_with_the_configuration_of_the_page(tmp_path: Path) -> None:
    program = neovim()
    assert len(block("init.lua").splitlines()) <= 10
    commands = tmp_path / "bin"
    commands.mkdir()
    command = commands / "kernel-schema"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kernel_schema "$@"\n')
    command.chmod(0o755)
    (tmp_path / "init.lua").write_text(block("init.lua"))
    (tmp_path / "drive.lua").write_text(DRIVER)
    (tmp_path / "kernels.yaml").write_text("kernel_mapping:\n  '🦙': {hip: org/repo@v1:L}\n")
    path = os.pathsep.join((str(commands), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(Path.cwd()), "HOME": str(tmp_path)}
    run = subprocess.run(
        [program, "--headless", "-u", "init.lua", "kernels.yaml", "-c", "luafile drive.lua"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (tmp_path / "told.json").exists(), run.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    # neovim counts bytes: the llama has four.
    assert (told["code"], told["lnum"], told["col"]) == ("unknown-device", 1, 11)
    assert told["text"] == ["kernel_mapping:", "  '🦙': {rocm: org/repo@v1:L}"]


def test_the_configuration_of_helix_names_the_command() -> None:
    stated = tomllib.loads(block(".helix/languages.toml"))
    (name,) = stated["language-server"]
    assert stated["language-server"][name] == {"command": "kernel-schema", "args": ["server"]}
    assert all(name in language["language-servers"] for language in stated["language"])
