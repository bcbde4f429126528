"""One process of scenarios: starts the loopback Hub, runs a plan against it, prints the outcomes.

    python -m tests.hub.session < plan.json > outcomes.json

huggingface_hub reads HF_ENDPOINT and HF_HOME when it is imported, so the Hub must be up and the
variables set before: the part that imports torch and kernels is `runner`, imported from here. The
Hub runs in this process too, so that its list of requests can be read after each single step.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

from .repository import demo_catalog
from .server import serve


def main() -> None:
    """Read a plan from standard input, run it in the current directory, write what came out."""
    plan = json.load(sys.stdin)
    with serve(demo_catalog()) as hub:
        os.environ["HF_ENDPOINT"] = hub.url
        os.environ["HF_HOME"] = str(Path("hf-home").absolute())
        runner = importlib.import_module(".runner", __package__)
        json.dump(runner.run(plan, hub), sys.stdout)


if __name__ == "__main__":
    main()
