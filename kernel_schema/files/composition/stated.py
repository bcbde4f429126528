"""What stands under `extends`, which only files have: the paths of other configs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.diagnostics import Diagnostic, Repair, Route
from kernel_schema.schema.values import CONTROL_CLASS, MAX_LENGTH
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import quote, show

if TYPE_CHECKING:
    from kernel_schema.routes import Step

# Absolute paths, and URLs: no other path has a colon.
_ROOTED = re.compile(r"[/~\\]|[^:]*:")
_CONTROL = re.compile(f"[{CONTROL_CLASS}]")
# Compose has `extends: {file: ...}`, other tools the rest.
_PATH_KEYS: Final = ("file", "path", "local")
_MEANT: Final = "`extends` is the path of another config, or a list of such paths"


def extends_problems(value: Any) -> list[Diagnostic]:
    """What is wrong with the value of `extends`.

    >>> extends_problems(["./base.yaml", "../fleet.toml"])
    []
    >>> [str(problem.route) for problem in extends_problems(["/etc/kernels.yaml", 1])]
    ['extends[0]', 'extends[1]']
    """
    if not is_list(value) or not value:
        return _path_problems(value, ("extends",))
    return [
        problem
        for index, path in enumerate(value)
        for problem in _path_problems(path, ("extends", index))
    ]


def _path_problems(path: Any, steps: tuple[Step, ...]) -> list[Diagnostic]:
    help_text, repair = None, None
    if not isinstance(path, str):
        message = f"{show(path)} is no path: {_MEANT}"
        stated = [path[key] for key in _PATH_KEYS if key in path] if is_table(path) else []
        if not path:
            help_text, repair = "leave it out for a config without bases", Repair("remove")
        elif stated and isinstance(stated[0], str):
            help_text = f"write the path alone: {quote(stated[0])}"
            repair = Repair("replace", stated[0], safe=len(path) == 1)
    elif not path or path != path.strip() or _CONTROL.search(path) or len(path) > MAX_LENGTH:
        message = f"{show(path)} is no path of a file"
    elif _ROOTED.match(path):
        what = "does not start at the folder of this file"
        what = f"is a URL, and {what}" if "://" in path else what
        message = f"{quote(path)} {what}"
        help_text = "write a path from that folder: `../base.yaml`"
    else:
        return []
    return [Diagnostic("invalid-extends", message, Route(steps), help_text, repair=repair)]
