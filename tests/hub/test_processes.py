"""Ranks, offline runs and kernels by itself: what only processes of their own can show."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks

from .catalog import DEP_FACTOR, USES
from .processes import Place
from .server import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from .server import Hub

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hub")]

NORM = "trusted-org/norm"
CONFIG = f"""\
lockfile: kernels.yaml.lock
kernel_mapping:
  DemoNorm: {NORM}@v1:DemoNorm
  OtherNorm: {USES}@v1:DemoNorm
  DemoScale: trusted-org/plain@dev:DemoScale
"""
FACTORS = {"DemoNorm": [2, 2], "OtherNorm": [100 * DEP_FACTOR], "DemoScale": [7]}

FETCH = """
wait()
try:
    lock = ks.fetch("kernels.yaml")
    tell(kernels=len(lock.kernels))
except ks.KernelSchemaError as error:
    tell(error=str(error), kind=type(error).__name__)
"""
RUN = """
import os
if "RANK" in os.environ:
    wait()
from tests.hub.model import HubModel, factors
model = HubModel().eval()
try:
    ks.fetch("kernels.yaml")
    ks.kernelize(model, "kernels.yaml")
    tell(factors=factors(model))
except ks.KernelSchemaError as error:
    tell(error=str(error))
"""


@pytest.fixture
def place(hub: Hub, tmp_path: Path) -> Place:
    (tmp_path / "kernels.yaml").write_text(CONFIG, encoding="utf-8")
    lock = ks.lock(ks.loads(CONFIG, format="yaml"))
    (tmp_path / "kernels.yaml.lock").write_text(lock.dumps(), encoding="utf-8")
    hub.requests.clear()
    return Place(hub, tmp_path)


class TestRanks:
    def test_one_asks_and_all_run_the_same(self, hub: Hub, place: Place) -> None:
        cold = place.run_together(4, RUN)
        assert [outcome["factors"] for outcome in cold] == [FACTORS] * 4
        assert len(hub.asked()) == 28
        assert sorted(len(hub.asked(f"rank{rank}")) for rank in range(4)) == [0, 0, 0, 28]
        hub.requests.clear()
        # However its branches move.
        hub.move(NORM, "v1", "v2")
        warm = place.run_together(4, RUN)
        assert [outcome["factors"] for outcome in warm] == [FACTORS] * 4
        assert hub.asked() == []

    def test_offline_nothing_is_asked(self, hub: Hub, place: Place) -> None:
        place.run_together(1, FETCH)
        hub.close()
        outcomes = place.run_together(4, RUN, HF_HUB_OFFLINE="1")
        assert [outcome["factors"] for outcome in outcomes] == [FACTORS] * 4

    @pytest.mark.parametrize("what", ["deleted", "tampered", "down"])
    def test_all_raise_the_error_of_the_one_that_asked(
        self, hub: Hub, place: Place, what: str
    ) -> None:
        pattern = {"deleted": "/tree/", "tampered": "GET .*layers", "down": "/tree/"}[what]
        status = {"deleted": 404, "tampered": None, "down": 400}[what]
        headers = {"X-Error-Code": "RevisionNotFound"} if what == "deleted" else {}
        # It takes a while, so that all the others wait when it happens.
        hub.faults.append(
            Fault(pattern, status=status, headers=headers, delay=1.5, tamper=what == "tampered")
        )
        outcomes = place.run_together(4, FETCH)
        assert len({outcome["error"] for outcome in outcomes}) == 1
        assert "kernels.yaml:3:13: error[" in outcomes[0]["error"]
        assert [bool(hub.asked(f"rank{rank}")) for rank in range(4)].count(True) == 1
        # Who comes later tries again.
        hub.faults.clear()
        assert place.run_together(1, FETCH) == [{"kernels": 4}]

    def test_the_next_goes_on_where_one_is_killed(self, hub: Hub, place: Place) -> None:
        hub.faults.append(Fault("/tree/", delay=5, times=1))
        processes = [place.start(FETCH, f"rank{rank}", RANK=str(rank)) for rank in range(3)]
        place.let_go(processes)
        while not hub.asked():
            pass
        holder = next(rank for rank in range(3) if hub.asked(f"rank{rank}"))
        processes[holder].kill()
        processes[holder].communicate()
        del processes[holder]
        assert place.told(processes) == [{"kernels": 4}] * 2

    def test_one_that_does_not_call_keeps_nobody_waiting(self, hub: Hub, place: Place) -> None:
        """No collective: three of four come, and are done."""
        assert place.run_together(3, FETCH, WORLD_SIZE="4") == [{"kernels": 4}] * 3


THREE_ALONE = """
import kernels
kernels.get_kernel("trusted-org/norm", version=1)
kernels.get_kernel("trusted-org/uses", version=1)
kernels.get_kernel("trusted-org/plain", revision="dev")
tell()
"""


# huggingface_hub has locks of its own.
IDLE = """
import filelock
def no_lock(*_, **__):
    class Lock:
        def acquire(self, **_): pass
        def release(self, **_): pass
        def __enter__(self): pass
        def __exit__(self, *_): pass
    return Lock()
filelock.FileLock = no_lock
"""


class TestNodes:
    def test_what_kernels_asks_by_itself_with_all_files_there(self, hub: Hub, place: Place) -> None:
        """The figure that the page on formats reckons with."""
        place.run(THREE_ALONE)
        hub.requests.clear()
        place.run(THREE_ALONE)
        assert len(hub.asked()) == 13

    def test_each_cache_is_filled_once(self, hub: Hub, place: Place) -> None:
        """Two nodes with a cache of their own, two ranks each."""
        node = "os.environ['KERNELS_CACHE'] = os.path.abspath(f\"{int(os.environ['RANK']) // 2}\")"
        assert place.run_together(4, f"{node}\n{FETCH}") == [{"kernels": 4}] * 4
        assert len(hub.asked()) == 2 * 28

    def test_locks_that_do_nothing_cost_requests_alone(self, hub: Hub, place: Place) -> None:
        """As on some network file systems: files still take their places whole."""
        outcomes = place.run_together(4, f"{IDLE}{RUN}")
        assert [outcome["factors"] for outcome in outcomes] == [FACTORS] * 4
        # 28 where they happen to come one after the other.
        assert 28 <= len(hub.asked()) <= 4 * 28


KERNELS_ALONE = """
import kernels
outcome = {}
for name, pin in {"version": {"version": 1}, "commit": {"revision": os.environ["COMMIT"]}}.items():
    module = kernels.get_kernel("trusted-org/uses", **pin)
    outcome[name] = module.layers.FACTOR
tell(**outcome)
"""


class TestOffline:
    def test_kernels_itself_finds_what_was_fetched(self, hub: Hub, place: Place) -> None:
        """After its own download it does not: it looks for files that it never fetched."""
        place.run_together(1, FETCH)
        commit = hub.catalog.repositories[USES].branches["v1"].sha
        hub.close()
        outcome = place.run(KERNELS_ALONE, HF_HUB_OFFLINE="1", COMMIT=commit)
        assert outcome == {"version": 100.0 * DEP_FACTOR, "commit": 100.0 * DEP_FACTOR}

    def test_from_a_cache_that_was_taken_along(self, hub: Hub, place: Place) -> None:
        place.run_together(1, FETCH)
        hub.close()
        moved = place.folder / "airgap"
        shutil.copytree(place.cache, moved)
        shutil.rmtree(place.cache)
        outcome = place.run(RUN, HF_HUB_OFFLINE="1", KERNELS_CACHE=str(moved))
        assert outcome["factors"] == FACTORS

    def test_after_kernels_has_downloaded_into_the_same_cache(self, hub: Hub, place: Place) -> None:
        place.run_together(1, FETCH)
        place.run(f"import kernels; kernels.get_kernel({NORM!r}, version=1); tell()")
        hub.close()
        assert place.run(RUN, HF_HUB_OFFLINE="1")["factors"] == FACTORS

    @pytest.mark.parametrize("name", ["DISABLE_TELEMETRY", "DO_NOT_TRACK"])
    def test_without_telemetry(self, place: Place, name: str) -> None:
        """kernels 0.17.2 by itself loads nothing then: its client refuses the header it sends."""
        place.run_together(1, FETCH)
        assert place.run(RUN, **{name: "1"})["factors"] == FACTORS

    def test_where_nothing_was_fetched(self, place: Place) -> None:
        error = place.run(RUN, HF_HUB_OFFLINE="1")["error"]
        assert "error[hub-unreachable]: the Hub cannot be asked: HF_HUB_OFFLINE is set" in error
