"""The table of commands: each is a module of its name in `cli/commands`, with a function `run`."""

from __future__ import annotations

from kernel_schema.cli.table.of_configs import CONFIGS
from kernel_schema.cli.table.of_models import MODELS
from kernel_schema.cli.table.of_others import OTHERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

COMMANDS: Final = (*CONFIGS, *MODELS, *OTHERS)
