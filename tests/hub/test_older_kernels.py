"""Locked kernels under older versions of kernels; needs a package index, as tests/versions does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks
from tests.versions.test_versions import KERNELS_DATA

from .processes import Place

if TYPE_CHECKING:
    from .server import Hub

NORM = "trusted-org/norm"
CONFIG = f"lockfile: k.lock\nkernel_mapping: {{DemoNorm: '{NORM}@v1:DemoNorm'}}\n"
RUN = """
import kernels, torch
from torch import nn

class Norm(nn.Module):
    kernel_layer_name = "DemoNorm"
    def __init__(self):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(4)), 1e-6
    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight

model, x = Norm().eval(), torch.ones(2, 4)
before = model(x)
report = ks.kernelize(model, "kernels.yaml")
tell(version=kernels.__version__, factor=(model(x).sum() / before.sum()).item(), told=str(report))
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0.14.1", "0.15.2", "0.16.2"])
def test_what_is_locked_runs_offline(version: str, hub: Hub, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay"
    install = ["pip", "install", "--quiet", "--no-deps", "--target", str(overlay)]
    done = subprocess.run(
        [sys.executable, "-m", *install, f"kernels=={version}", KERNELS_DATA],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    place = Place(hub, tmp_path)
    (tmp_path / "kernels.yaml").write_text(CONFIG, encoding="utf-8")
    lock = ks.lock(ks.loads(CONFIG, format="yaml"))
    (tmp_path / "k.lock").write_text(lock.dumps(), encoding="utf-8")
    ks.fetch(tmp_path / "kernels.yaml", cache_dir=place.cache)
    hub.close()
    package = Path(str(ks.__file__)).parents[1]
    outcome = place.run(
        RUN, PYTHONPATH=os.pathsep.join((str(overlay), str(package))), HF_HUB_OFFLINE="1"
    )
    assert outcome["version"] == version
    assert outcome["factor"] == pytest.approx(2)
    assert f"(commit {lock.kernels[0].commit[:12]})" in outcome["told"]
