"""`python -m kernel_schema`: the same as the command `kernel-schema`."""

import sys

from kernel_schema.cli.main import main

sys.exit(main())
