"""`python -m kernel_schema`: the same as the command `kernel-schema`."""

import sys

if not getattr(sys.flags, "safe_path", False):
    # Python puts the working directory in front, where a `torch.py` of it would be taken for torch.
    del sys.path[0]

from kernel_schema.cli import run

sys.exit(run())
