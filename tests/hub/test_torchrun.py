"""Jobs of torchrun: as many ranks as there are GPUs with NCCL, or four on the CPU with gloo.

Those on GPUs are left out where there are not two. They need no network, and beside this package
torch for GPUs, kernels, huggingface_hub, pytest, pytest-xdist and hypothesis:
`python -m pytest -n 0 -m slow tests/hub/test_torchrun.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks

from .catalog import USES
from .processes import Place

if TYPE_CHECKING:
    from pathlib import Path

    from .server import Hub

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hub")]
CONFIG = f"""\
kernel_mapping:
  DemoNorm: trusted-org/norm@v1:DemoNorm
  OtherNorm: {USES}@v1:DemoNorm
  DemoScale: trusted-org/plain@dev:DemoScale
"""
LOCK = "kernels.yaml.lock"
TORCHRUN = """
from torch.distributed.run import main
main([
    "--nproc-per-node", os.environ["RANKS"],
    "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1",
    "-m", "tests.hub.torchrun_job", os.environ["DEVICE"], os.getcwd(),
])
tell()
"""
TWO_GPUS = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are no two GPUs")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=TWO_GPUS)])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(hub: Hub, tmp_path: Path) -> Place:
    (tmp_path / "kernels.yaml").write_text(CONFIG, encoding="utf-8")
    return Place(hub, tmp_path)


def locked(place: Place) -> None:
    """Lock the config, and fetch as before a job."""
    (place.folder / LOCK).write_text(ks.lock(place.folder / "kernels.yaml").dumps())
    (place.folder / "kernels.yaml").write_text(f"lockfile: {LOCK}\n{CONFIG}", encoding="utf-8")
    ks.fetch(place.folder / "kernels.yaml", cache_dir=place.cache)
    place.hub.requests.clear()


def run_job(place: Place, device: str, **variables: str) -> None:
    """Run it, and hold what each rank tells against what has to be."""
    ranks = torch.cuda.device_count() if device == "cuda" else 4
    place.run(TORCHRUN, RANKS=str(ranks), DEVICE=device, **variables)
    others = "0" if ranks == 2 else f"0, 2-{ranks - 1}"
    for rank in range(ranks):
        outcomes: dict[str, Any] = json.loads((place.folder / f"rank-{rank}.json").read_text())
        assert list(outcomes) == ["ddp", "fsdp2"]
        for outcome in outcomes.values():
            restored = outcome.pop("restored")
            # The first norm doubles, the second undoes that and doubles; the scale is 7.
            assert outcome == {"replaced": 4, "factor": 14, "differ": []}
            assert len(restored) == 3
            for message in restored:
                assert message.endswith(", and its own forward on rank 1")
                assert f"on rank{'s' * (ranks > 2)} {others}, and" in message


def test_with_a_lock_and_a_fetched_cache_nothing_is_asked(
    hub: Hub, place: Place, device: str
) -> None:
    locked(place)
    run_job(place, device)
    assert hub.asked() == []
    hub.close()
    run_job(place, device, HF_HUB_OFFLINE="1")


def test_without_a_lock_one_asks_for_all(hub: Hub, place: Place, device: str) -> None:
    run_job(place, device)
    assert 0 < len(hub.asked()) <= 45
