"""On one NVIDIA GPU: `python -m tests.gpu [--json FILE]` prints a table, and exits with 1 if any of
it is not as it should be."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="the same as JSON, `-` for standard output")
    parser.add_argument("--only", metavar="PART", action="append", help="may be repeated")
    options = parser.parse_args()
    import torch

    if not torch.cuda.is_available() or torch.version.hip is not None:
        sys.stderr.write("tests.gpu: torch sees no NVIDIA GPU\n")
        return 2
    from tests.gpu.program import PARTS, Figures

    figures = Figures()
    with TemporaryDirectory() as folder:
        for part in PARTS:
            if options.only is None or part.__name__ in options.only:
                figures.run(part, Path(folder))
    sys.stdout.write(figures.table())
    if options.json is not None:
        text = json.dumps(figures.as_json(), indent=2) + "\n"
        if options.json == "-":
            sys.stdout.write(text)
        else:
            Path(options.json).write_text(text, encoding="utf-8")
    return 0 if figures.ok else 1


if __name__ == "__main__":
    sys.exit(main())
