"""Where neither torch nor kernels is installed: `lock`, `fetch --target` and `check --hub` work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from .catalog import USES

if TYPE_CHECKING:
    from pathlib import Path

    from .server import Hub

PROGRAM = """\
import json, sys

class Missing:
    '''Finds none of what is not installed.'''
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "kernels", "transformers"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from kernel_schema.cli.main import main

TARGETS = ["--target", "torch2.13-cpu", "--target", "torch2.13-cu130-x86_64-linux"]
codes = [
    main(["check", "--hub", "kernels.yaml"]),
    main(["lock", "kernels.yaml"]),
    main(["lock", "kernels.yaml", "--check"]),
    main(["fetch", "kernels.yaml", *TARGETS]),
    main(["check", "--hub", "--strict", "kernels.yaml", *TARGETS]),
    main(["fetch", "kernels.yaml"]),
]
loaded = {name.partition(".")[0] for name in sys.modules} & {"torch", "kernels", "transformers"}
print(json.dumps({"codes": codes, "loaded": sorted(loaded)}))
"""


def test_everything_but_the_machine_at_hand(hub: Hub, cache: Path, tmp_path: Path) -> None:
    text = f"kernel_mapping:\n  A: trusted-org/norm@v2:DemoNorm\n  B: {USES}:DemoNorm\n"
    (tmp_path / "kernels.yaml").write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "HF_ENDPOINT": hub.url, "KERNELS_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in run.stderr
    outcome: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    # The last asks for the builds of this machine, which nothing tells.
    assert outcome == {"codes": [0, 0, 0, 0, 0, 2], "loaded": []}, run.stdout + run.stderr
    assert "name a target" in run.stderr
    assert len({path.parent for path in cache.rglob("metadata.json")}) == 2 * 3
