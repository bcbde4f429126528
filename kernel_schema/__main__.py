"""`python -m kernel_schema`: the same as the command `kernel-schema`."""

import sys

from kernel_schema.cli import run

sys.exit(run())
