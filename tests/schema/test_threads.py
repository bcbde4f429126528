"""Threads that use the models for the first time at once."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from threading import Barrier, Thread
from kernel_schema import CapabilityEntry, DeviceMapping, KernelConfig, KernelSpec, ModeMapping

sys.setswitchinterval(1e-6)
barrier = Barrier(8)
wrong = []

def use():
    barrier.wait()
    try:
        spec = KernelSpec(kernel="org/repo:Layer", version=1)
        entry = CapabilityEntry(min_capability=80, kernel="org/repo:Layer")
        devices = DeviceMapping({"cuda": [entry], "cpu": spec})
        modes = ModeMapping({"training": spec})
        KernelConfig({"A": devices, "B": modes}).model_dump()
    except BaseException as error:
        wrong.append(repr(error))

threads = [Thread(target=use) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(threads), wrong)
"""


def test_first_use_in_many_threads() -> None:
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
        )
        assert done.stdout == "8 []\n"
