"""How long an editor waits for diagnostics after a keystroke.

`python -m tests.benchmarks.keystrokes` tells. It is no ratio to a peer, and so no claim of the
registry: the target is 100 ms in the median.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from tests.server.client import Client, edit

LINES: Final = 1000
KEYSTROKES: Final = 60
_LAYER: Final = """\
  Layer{0}:
    cuda: org/repo@v1:Layer{0}
    rocm:
      inference: org/repo{0}@v1:A
      training: org/repo@v2:B{0}
"""


def waits() -> list[float]:
    """Seconds for each keystroke in the middle of a file, as the client sees them."""
    text = "kernel_mapping:\n" + "".join(map(_LAYER.format, range(LINES // 5)))
    with TemporaryDirectory() as folder:
        editor = Client(Path(folder))
        editor.start()
        uri = (Path(folder) / "kernels.yaml").as_uri()
        editor.open(uri, text)
        seconds: list[float] = []
        for count in range(KEYSTROKES):
            stop, new = ((501, 2), "x") if count % 2 == 0 else ((501, 3), "")
            start = perf_counter()
            editor.change(uri, edit((501, 2), stop, new))
            seconds.append(perf_counter() - start)
        editor.end()
    return seconds


if __name__ == "__main__":
    seconds = waits()
    print(f"median {median(seconds) * 1000:.0f} ms, longest {max(seconds) * 1000:.0f} ms")  # noqa: T201
