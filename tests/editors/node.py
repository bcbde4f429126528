"""Node.js and the packages that the tests drive.

`npm ci` puts what `package-lock.json` names into a folder outside the checkout, once for each
state of that file. Without Node the tests are skipped, but not where `CI` is `true`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest

HERE = Path(__file__).parent
_MANIFESTS = ("package.json", "package-lock.json")
_OLDEST = 18


def run_node(script: Path, data: Any, *, timeout: int = 300) -> Any:
    """Run a script with JSON as its input, and read the JSON that it writes."""
    environment = {**os.environ, "NODE_PATH": str(packages() / "node_modules")}
    done = subprocess.run(
        [node(), str(script)],
        input=json.dumps(data),
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@cache
def node() -> str:
    """The path of Node."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        _missing("Node.js with npm is not on PATH")
    said = subprocess.run(
        [found], input="console.log(process.version)", check=False, **_QUIETLY
    ).stdout
    version = re.match(r"v(\d+)", said)
    if version is None or int(version[1]) < _OLDEST:
        _missing(f"Node.js {_OLDEST} or later is needed, and this is {said.strip() or 'none'}")
    return found


@cache
def packages() -> Path:
    """The folder with `node_modules`."""
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _MANIFESTS))
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    target = Path(cache_home) / "kernel-schema-tests" / digest.hexdigest()[:16]
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        # Made apart and moved as a whole: several test processes may want it at once.
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            for name in _MANIFESTS:
                shutil.copy(HERE / name, scratch)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=scratch, check=False, **_QUIETLY)
            if done.returncode != 0:
                _missing(f"npm ci failed: {done.stderr.strip()[-500:]}")
            try:
                Path(scratch).rename(target)
            except OSError:
                assert target.is_dir()  # another process was faster
            else:
                Path(scratch).mkdir()  # what the context manager takes away
    return target


_QUIETLY: dict[str, Any] = {
    "capture_output": True,
    "encoding": "utf-8",
    "timeout": 300,
}


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
