"""Real ranks, held together by gloo: `fetch` as a collective, and plans held against each other."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import kernel_schema as ks
from kernel_schema.codes import catalogue

from .catalog import DEP_FACTOR, USES
from .processes import Place
from .server import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from .server import Hub

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hub")]
pytest.importorskip("torch")

NORM = "trusted-org/norm"
CONFIG = f"""\
kernel_mapping:
  DemoNorm: {NORM}@v1:DemoNorm
  OtherNorm: {USES}@v1:DemoNorm
  DemoScale: trusted-org/plain@dev:DemoScale
"""
FACTORS = {"DemoNorm": [2, 2], "OtherNorm": [100 * DEP_FACTOR], "DemoScale": [7]}

GROUP = """
import datetime
import torch.distributed as dist
rank = int(os.environ["RANK"])
dist.init_process_group(
    "gloo",
    init_method=f"file://{os.getcwd()}/store-{os.environ['STORE']}",
    rank=rank,
    world_size=int(os.environ["WORLD_SIZE"]),
    timeout=datetime.timedelta(seconds=float(os.environ.get("PATIENCE", "60"))),
)
import atexit
# What a rank has told counts: threads of gloo may abort it at its end, when its peers are gone.
tells = tell
def tell(**outcome):
    tells(**outcome)
    sys.stdout.flush()
    atexit.register(os._exit, 0)
from tests.hub.model import HubModel, factors
model = HubModel().eval()
def attempt(call):
    try:
        return {"value": call()}
    except (ks.KernelSchemaError, RuntimeError) as error:
        codes = [each.code for each in getattr(error, "diagnostics", ())]
        return {"error": str(error), "kind": type(error).__name__, "codes": codes}
"""
TOGETHER = (
    GROUP
    + """
def run():
    lock = ks.fetch("kernels.yaml", group=dist.group.WORLD)
    report = ks.kernelize(model, "kernels.yaml", lock=lock)
    ks.same_on_all_ranks(report)
    return factors(model)
tell(**attempt(run))
"""
)


class Job(Place):
    """A place where ranks of one job run."""

    jobs = 0

    def run_job(self, count: int, code: str, size: int | None = None, **variables: str) -> Any:
        """What each of `count` ranks tells; `size` of them should be there."""
        self.jobs += 1
        stated = {"STORE": str(self.jobs), "WORLD_SIZE": str(size or count), **variables}
        return self.told(
            [self.start(code, f"rank{rank}", RANK=str(rank), **stated) for rank in range(count)]
        )


@pytest.fixture
def job(hub: Hub, tmp_path: Path) -> Job:
    (tmp_path / "kernels.yaml").write_text(CONFIG, encoding="utf-8")
    return Job(hub, tmp_path)


class TestFetch:
    def test_without_a_lock_asks_for_all_what_one_would(self, hub: Hub, job: Job) -> None:
        assert job.run_job(4, TOGETHER) == [{"value": FACTORS}] * 4
        assert len(hub.asked()) <= 45
        hub.requests.clear()
        # Only the first asks what is meant, and nothing is fetched.
        assert job.run_job(4, TOGETHER) == [{"value": FACTORS}] * 4
        assert 0 < len(hub.asked()) <= 17
        assert len(hub.asked("rank0")) == len(hub.asked())

    def test_with_a_lock(self, hub: Hub, job: Job) -> None:
        lock = ks.lock(ks.loads(CONFIG, format="yaml"))
        (job.folder / "kernels.yaml.lock").write_text(lock.dumps(), encoding="utf-8")
        text = f"lockfile: kernels.yaml.lock\n{CONFIG}"
        (job.folder / "kernels.yaml").write_text(text, encoding="utf-8")
        hub.requests.clear()
        assert job.run_job(2, TOGETHER) == [{"value": FACTORS}] * 2
        assert len(hub.asked()) == 28

    @pytest.mark.parametrize("what", ["refs", "layers.py", "no kernel", "a rank"])
    def test_what_fails_on_one_fails_on_all(self, hub: Hub, job: Job, what: str) -> None:
        code, alike = TOGETHER, "rank 0"
        if what == "refs":
            hub.faults.append(Fault("/refs", status=400))
        elif what == "layers.py":
            hub.faults.append(Fault("GET .*layers", tamper=True))
            alike = "rank"
        elif what == "no kernel":
            text = CONFIG.replace("@v1", "@v99")
            (job.folder / "kernels.yaml").write_text(text, encoding="utf-8")
        else:
            code = code.replace('fetch("kernels.yaml"', 'fetch(f"kernels{rank or str()}.yaml"')
            alike = "rank 1"
        outcomes = job.run_job(2, code)
        assert len({each["error"] for each in outcomes}) == 1
        error = outcomes[0]["error"]
        assert f"({alike}" in error
        if what != "a rank":
            assert "kernels.yaml:2:13: error[" in error

    def test_one_that_does_not_call(self, job: Job) -> None:
        stays_away = "\n    if rank == 2:\n        return time.sleep(9)"
        code = TOGETHER.replace("def run():", f"def run():{stays_away}")
        *others, absent = job.run_job(3, code, PATIENCE="4")
        assert absent == {"value": None}
        for each in others:
            assert each["codes"] == ["rank-missing"]
            assert "not all of the 3 ranks took part" in each["error"]

    def test_of_different_versions(self, hub: Hub, job: Job) -> None:
        changed = "import kernel_schema.model.ranks as ranks\n"
        changed += "ranks.__version__ = '9.1' if os.environ['RANK'] == '2' else ks.__version__\n"
        outcomes = job.run_job(3, changed + TOGETHER)
        versions = f"{ks.__version__} on ranks 0-1, 9.1 on rank 2"
        for each in outcomes:
            assert (each["kind"], each["codes"]) == ("KernelSchemaError", ["ranks-differ"])
            assert versions in each["error"]
        assert hub.asked() == []

    def test_one_that_fails_otherwise(self, job: Job) -> None:
        """No error of ours: all hear of it."""
        broken = (
            "\n    if rank == 1:\n        sys.modules['kernel_schema.hub.fetch'].Fetching = None"
        )
        code = TOGETHER.replace("def run():", f"def run():\n    ks.fetch{broken}")
        outcomes = job.run_job(2, code)
        assert [each["kind"] for each in outcomes] == ["RuntimeError"] * 2
        assert len({each["error"] for each in outcomes}) == 1
        assert "TypeError" in outcomes[0]["error"]
        assert "(rank 1)" in outcomes[0]["error"]


EXAMPLE = (
    GROUP
    + """
torch = sys.modules["torch"]
from torch import nn
class Norm(nn.Linear):
    kernel_layer_name = "Norm"
config, model = {"Norm": "org/norm@v1:Norm"}, Norm(1, 1).eval()
tell(**attempt(lambda: exec(os.environ["EXAMPLE"])))
"""
)


@pytest.mark.parametrize("name", ["rank-missing", "ranks-differ"])
def test_the_examples_of_codes(job: Job, name: str) -> None:
    code = catalogue()[name]
    wrong = job.run_job(2, EXAMPLE + "time.sleep(4)\n", PATIENCE="3", EXAMPLE=code.wrong)
    told = [each.get("codes") for each in wrong]
    assert told == ([[name]] * 2 if name == "ranks-differ" else [told[0], None])
    assert told[0] == [name]
    right = job.run_job(2, EXAMPLE, EXAMPLE=code.right)
    assert right == [{"value": None}] * 2


class TestSame:
    def test_a_branch_that_moves_between_two_ranks(self, hub: Hub, job: Job) -> None:
        """Each asks by itself: what the plans say is the same, and what runs is not."""
        code = (
            GROUP
            + """
import warnings
warnings.simplefilter("ignore")
if rank == 1:
    dist.barrier()
lock = ks.fetch("kernels.yaml")
report = ks.kernelize(model, "kernels.yaml")
if rank == 0:
    open("moved?", "w").close()
    while not os.path.exists("moved"):
        time.sleep(0.01)
    dist.barrier()
plan = ks.explain("kernels.yaml", HubModel().eval())
planned = attempt(lambda: ks.same_on_all_ranks(plan))
tell(plan=planned, **attempt(lambda: ks.same_on_all_ranks(report)))
"""
        )

        def move() -> None:
            while not (job.folder / "moved?").exists():
                time.sleep(0.01)
            hub.move(NORM, "v1", "v2")
            (job.folder / "moved").touch()

        mover = threading.Thread(target=move, daemon=True)
        mover.start()
        outcomes = job.run_job(2, code)
        assert len({str(each) for each in outcomes}) == 1
        assert outcomes[0]["plan"] == {"value": None}
        assert outcomes[0]["kind"] == "PlanMismatchError"
        assert outcomes[0]["codes"] == ["ranks-differ"]
        moved = ks.lock({"A": f"{NORM}@v1:L"}).kernels[0].short_commit
        assert f"(commit {moved})` on rank 1" in outcomes[0]["error"]
