"""What every rank of a torchrun job does: kernels as they are locked, under wrappers of ranks.

    torchrun --nproc-per-node 2 -m tests.hub.torchrun_job cuda FOLDER

The folder has `kernels.yaml`; each rank writes there what came out, as `rank-N.json`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import kernel_schema as ks

from .model import WIDTH, HubModel

if TYPE_CHECKING:
    from collections.abc import Callable


def ddp(model: HubModel, device: str) -> Any:
    """Every rank has the whole model."""
    return nn.parallel.DistributedDataParallel(model)


def fsdp2(model: HubModel, device: str) -> Any:
    """Every rank has a shard of each parameter."""
    mesh = init_device_mesh(device, (dist.get_world_size(),))
    for norm in model.norms:
        fully_shard(norm, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def told(call: Callable[[], object]) -> list[str]:
    """The messages of the error that a call raises; none if it raises none."""
    try:
        call()
    except ks.PlanMismatchError as error:
        return [problem.message for problem in error.diagnostics]
    return []


def under(wrap: Callable[[HubModel, str], Any], device: str, lock: ks.Lock) -> dict[str, Any]:
    """What runs under a wrapper, and whether it is the same on all ranks."""
    rank = dist.get_rank()
    wrapped = wrap(HubModel().to(device).train(), device)
    sample = torch.ones(1, WIDTH, device=device)
    before = wrapped(sample)[0].detach()
    report = ks.kernelize(wrapped, "kernels.yaml", lock=lock)
    after, other = wrapped(sample)
    (after.sum() + other.sum()).backward()
    outcome = {
        "replaced": report.replaced,
        "factor": round((after.detach() / before).mean().item(), 3),
        "differ": told(lambda: ks.same_on_all_ranks(report)),
    }
    if rank == 1:
        ks.restore(wrapped)
    outcome["restored"] = told(lambda: ks.same_on_all_ranks(ks.audit(wrapped)))
    ks.restore(wrapped)
    return outcome


def main() -> None:
    """Run on the device that is named, in the folder that is."""
    device, folder = sys.argv[1:]
    os.chdir(folder)
    if device == "cuda":
        local = int(os.environ["LOCAL_RANK"])
        torch.cuda.set_device(local)
        dist.init_process_group("nccl", device_id=torch.device("cuda", local))
    else:
        dist.init_process_group("gloo")
    # With a lock whoever comes first fetches; without one the ranks have to agree.
    has_lock = ks.load("kernels.yaml").lockfile is not None
    lock = ks.fetch("kernels.yaml", group=None if has_lock else dist.group.WORLD)
    outcomes = {wrap.__name__: under(wrap, device, lock) for wrap in (ddp, fsdp2)}
    Path(f"rank-{dist.get_rank()}.json").write_text(json.dumps(outcomes), encoding="utf-8")
    dist.destroy_process_group()
    # All is told: threads of gloo may abort a process that ends by itself.
    os._exit(0)


if __name__ == "__main__":
    main()
