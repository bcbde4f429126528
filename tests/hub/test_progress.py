"""Bars of commands that ask the Hub: on a terminal, on standard error, and gone at the end."""

from __future__ import annotations

import os
import pty
import signal
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from .catalog import ORG
from .processes import Place
from .server import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from .server import Hub

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hub")]
COMMAND = "from kernel_schema.cli.main import main; sys.exit(main({0!r}))"
FETCH = ["fetch", "kernels.yaml", "--target", "torch2.13-cpu-x86_64-linux"]
CHECK = ["check", "--hub", *FETCH[1:]]
HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture
def place(hub: Hub, tmp_path: Path) -> Place:
    text = f"kernel_mapping: {{A: {ORG}/fat@v1:DemoNorm}}\n"
    (tmp_path / "kernels.yaml").write_text(text, encoding="utf-8")
    return Place(hub, tmp_path)


def on_a_terminal(
    place: Place, words: list[str], *, interrupt: bool = False
) -> tuple[int, str, str]:
    """The exit code of a command, its standard output, and what its terminal was sent."""
    ours, theirs = pty.openpty()
    process = replace(place, stderr=theirs).start(
        COMMAND.format(words), TERM="xterm", COLUMNS="100"
    )
    os.close(theirs)
    sent = b""
    with suppress(OSError):  # the end, on Linux
        while chunk := os.read(ours, 4096):
            sent += chunk
            if interrupt and HIDDEN.encode() in sent:
                process.send_signal(signal.SIGINT)
                interrupt = False
    os.close(ours)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out, sent.decode()


def test_are_shown_and_gone(hub: Hub, place: Place) -> None:
    code, out, sent = on_a_terminal(place, ["lock", "kernels.yaml"])
    assert code == 0
    assert "asking the Hub for kernels" in sent
    assert "locked trusted-org/fat@v1" in out
    code, out, sent = on_a_terminal(place, FETCH)
    assert code == 0
    assert "fetching" in sent
    assert "100%" in sent
    # No more of it than there is to do, and the cursor is back.
    assert sent.count(HIDDEN) == sent.count(SHOWN) == 1
    assert out.endswith("1 build here, 5 files fetched.\n")
    assert "\x1b" not in out
    # The bars of huggingface_hub are not shown beside.
    assert "layers.py" not in sent


def test_of_a_check_that_asks_the_hub(place: Place) -> None:
    code, out, sent = on_a_terminal(place, [*CHECK, "--off", "moving-kernel"])
    assert code == 0
    assert "asking the Hub for kernels" in sent
    assert sent.count(HIDDEN) == sent.count(SHOWN) == 1
    assert out == "Checked 1 file: no problems.\n"


def test_are_not_shown_if_quiet_or_without_a_terminal(place: Place) -> None:
    quiet = [*CHECK, "--off", "moving-kernel", "-q"]
    for words in (["lock", "kernels.yaml", "-q"], [*FETCH, "-q"], quiet):
        assert on_a_terminal(place, words) == (0, "", "")
    process = place.start(COMMAND.format(FETCH))
    out, errors = process.communicate(timeout=60)
    assert errors == ""
    assert "\x1b" not in out


def test_an_interrupt_leaves_the_terminal_in_order(hub: Hub, place: Place) -> None:
    hub.faults.append(Fault("/resolve/", delay=1))
    code, out, sent = on_a_terminal(place, FETCH, interrupt=True)
    assert code == 130, sent
    assert out == ""
    assert sent.rindex(SHOWN) > sent.rindex(HIDDEN)
    assert sent.rstrip().endswith("kernel-schema: error: interrupted")
